/* SPDX-License-Identifier: BSD-2-Clause */
/* Sending reports. */
#include "metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

#define PERIOD_NS  TL_SECOND_NS
#define CLOSE_NS   (100 * TL_MS_NS)
#define CONNECT_NS (200 * TL_MS_NS)
#define PAUSE_NS   (2 * TL_MS_NS)

enum { INSTANCE_MAX = TL_METRICS_MAX_TEXT, HOST_MAX = TL_METRICS_MAX_TEXT };

struct tl_metrics {
	struct tl_metrics_config config;
	struct tl_hop_out *out;
	struct tl_report_writer writer; /* while samples are gathered */
	int statm_fd;
	uint64_t opened_ns; /* monotonic */
	uint64_t start_ns;  /* since the epoch */
	uint64_t due_ns;
	uint64_t seq;
	bool was_up;
	char instance[INSTANCE_MAX];
	char host[HOST_MAX];
};

/* --- the process ---------------------------------------------------------- */

static double cpu_seconds(void)
{
	struct rusage usage = {0};

	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* The second number of /proc/self/statm is in pages. */
static uint64_t resident_bytes(const struct tl_metrics *m)
{
	char text[128];
	ssize_t len = m->statm_fd >= 0 ? pread(m->statm_fd, text, sizeof(text) - 1, 0) : 0;
	unsigned long long pages;

	text[len > 0 ? len : 0] = '\0';
	const char *second = strchr(text, ' ');
	if (!second || sscanf(second, "%llu", &pages) != 1) {
		return 0;
	}
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* --- opening -------------------------------------------------------------- */

static void name_instance(struct tl_metrics *m)
{
	m->start_ns = tl_clock_wall_ns();
	snprintf(m->instance, sizeof(m->instance), "%s-%ld-%llx", m->config.tool, (long)getpid(),
		 (unsigned long long)m->start_ns);
	if (gethostname(m->host, sizeof(m->host) - 1) < 0) {
		snprintf(m->host, sizeof(m->host), "localhost");
	}
}

static int open_hop(struct tl_metrics *m)
{
	const struct tl_hop_config hop = {.insecure = m->config.insecure, .no_acks = true};

	if (m->config.deliver) {
		return 0;
	}
	if (!tl_hop_is_url(m->config.url)) {
		tl_log_err("--stats %s: not a URL: wants ipc://PATH or tcp://HOST:PORT",
			   m->config.url);
		return -EINVAL;
	}
	return tl_hop_open_out(&m->out, m->config.url, &hop);
}

/* Found when the tool is built and tested, not by who misses its reports. */
static int check_table(const struct tl_metric *table, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		if (!tl_metric_is_good(&table[i])) {
			tl_log_err("metric '%s': bad name, unit, label or help", table[i].name);
			return -EINVAL;
		}
	}
	return 0;
}

int tl_metrics_open(struct tl_metrics **out, const struct tl_metrics_config *config)
{
	*out = 0;
	if (!config->url && !config->deliver) {
		return 0;
	}
	if (check_table(config->table, config->table_count) < 0) {
		return -EINVAL;
	}
	struct tl_metrics *m = calloc(1, sizeof(*m));
	if (!m) {
		return -ENOMEM;
	}
	m->config = *config;
	m->config.period_ns = config->period_ns ? config->period_ns : PERIOD_NS;
	name_instance(m);
	m->statm_fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	m->opened_ns = m->due_ns = tl_clock_mono_ns();
	int err = open_hop(m);
	if (err < 0) {
		if (m->statm_fd >= 0) {
			close(m->statm_fd);
		}
		free(m);
		return err;
	}
	*out = m;
	return 0;
}

void tl_metrics_set_mode(struct tl_metrics *m, const char *mode)
{
	if (m) {
		m->config.mode = mode;
	}
}

/* --- a report ------------------------------------------------------------- */

static struct tl_str text_of(const char *text)
{
	return text ? tl_str_of(text) : (struct tl_str){"", 0};
}

static void fill_head(struct tl_metrics *m, struct tl_report_head *head, bool closing)
{
	const struct tl_metrics_config *c = &m->config;

	*head = (struct tl_report_head){
		.tool = text_of(c->tool),
		.version = TL_STR(TL_VERSION),
		.instance = text_of(m->instance),
		.host = text_of(m->host),
		.place = text_of(c->place),
		.engine = text_of(c->engine),
		.mode = text_of(c->mode),
		.pid = (uint64_t)getpid(),
		.start_ns = m->start_ns,
		.time_ns = tl_clock_wall_ns(),
		.seq = m->seq++,
		.cpu_seconds = cpu_seconds(),
		.resident_bytes = resident_bytes(m),
		.closing = closing,
	};
	while (head->iface_count < c->iface_count && head->iface_count < TL_METRICS_MAX_IFACES) {
		head->ifaces[head->iface_count] = tl_str_of(c->ifaces[head->iface_count]);
		head->iface_count++;
	}
}

static struct tl_msg *make_report(struct tl_metrics *m, bool closing)
{
	struct tl_msg *msg = tl_msg_new(TL_METRICS_MAX_REPORT);
	struct tl_report_head head;

	if (!msg) {
		return 0;
	}
	fill_head(m, &head, closing);
	if (tl_report_begin(&m->writer, msg->memory, msg->capacity, &head, m->config.table,
			    m->config.table_count) < 0) {
		tl_msg_free(msg);
		return 0;
	}
	m->config.gather(m->config.context, m);
	msg->len = tl_report_finish(&m->writer);
	return msg;
}

/* True when it is on its way. */
static bool push(struct tl_metrics *m, bool closing, uint64_t timeout_ns)
{
	struct tl_msg *msg = make_report(m, closing);

	if (!msg) {
		return false;
	}
	if (!m->out) {
		m->config.deliver(m->config.context, msg->data, msg->len);
		tl_msg_free(msg);
		return true;
	}
	if (tl_hop_send(m->out, msg, timeout_ns) < 0) {
		tl_msg_free(msg);
		return false;
	}
	return true;
}

/* Asked often: it makes a connection anew that does not come back. */
static bool is_up(struct tl_metrics *m)
{
	bool up = !m->out || tl_hop_link(m->out).up_since_ns != 0;

	m->was_up |= up;
	return up;
}

void tl_metrics_tick(struct tl_metrics *m)
{
	uint64_t now = m ? tl_clock_mono_ns() : 0;

	if (!m || now < m->due_ns) {
		return;
	}
	/* Not a period from now: who looks each second would find that not due yet, by a jitter. */
	m->due_ns += (1 + (now - m->due_ns) / m->config.period_ns) * m->config.period_ns;
	if (is_up(m)) {
		push(m, false, 0);
	}
}

uint64_t tl_metrics_due(const struct tl_metrics *m)
{
	return m ? m->due_ns : UINT64_MAX;
}

static void pause_for(uint64_t ns)
{
	const struct timespec ts = {.tv_nsec = (long)ns};

	nanosleep(&ts, 0);
}

/* A tool of a few milliseconds has something to tell too. */
static void wait_for_connection(struct tl_metrics *m)
{
	while (!is_up(m) && !m->was_up && tl_clock_mono_ns() - m->opened_ns < CONNECT_NS) {
		pause_for(PAUSE_NS);
	}
}

void tl_metrics_close(struct tl_metrics *m)
{
	if (!m) {
		return;
	}
	wait_for_connection(m);
	if (is_up(m) && push(m, true, CLOSE_NS) && m->out) {
		tl_hop_drain(m->out, CLOSE_NS);
	}
	tl_hop_close_out(m->out);
	if (m->statm_fd >= 0) {
		close(m->statm_fd);
	}
	free(m);
}

/* --- samples -------------------------------------------------------------- */

void tl_metrics_add(struct tl_metrics *m, unsigned int index, uint64_t value,
		    const char *const *labels)
{
	const struct tl_metric_value v = {.kind = TL_METRIC_UINT, .number = value};

	tl_report_add(&m->writer, index, v, labels);
}

void tl_metrics_add_int(struct tl_metrics *m, unsigned int index, int64_t value,
			const char *const *labels)
{
	const struct tl_metric_value v = {.kind = TL_METRIC_INT, .negative = value};

	if (value >= 0) {
		tl_metrics_add(m, index, (uint64_t)value, labels);
	} else {
		tl_report_add(&m->writer, index, v, labels);
	}
}

void tl_metrics_add_real(struct tl_metrics *m, unsigned int index, double value,
			 const char *const *labels)
{
	const struct tl_metric_value v = {.kind = TL_METRIC_REAL, .real = value};

	tl_report_add(&m->writer, index, v, labels);
}

/* --- for people ------------------------------------------------------------ */

static void print_row(const struct tl_metric *metric)
{
	printf("| `%s` | %s | %s | ", metric->name,
	       metric->type == TL_METRIC_COUNTER ? "counter" : "gauge", metric->unit);
	for (unsigned int i = 0; i < TL_METRICS_MAX_LABELS && metric->labels[i]; i++) {
		printf("%s%s", i > 0 ? ", " : "", metric->labels[i]);
	}
	printf(" | %s |\n", metric->help);
}

int tl_metrics_print_table(const struct tl_metric *table, unsigned int count)
{
	if (check_table(table, count) < 0) {
		return -EINVAL;
	}
	printf("| name | type | unit | labels | what |\n|---|---|---|---|---|\n");
	for (unsigned int i = 0; i < count; i++) {
		print_row(&table[i]);
	}
	return fflush(stdout) == 0 ? 0 : -EIO;
}
