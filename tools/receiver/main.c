/* SPDX-License-Identifier: BSD-2-Clause */
/* receiver: takes batches over HTTPS and stores each event once. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "clock.h"
#include "exit.h"
#include "hop.h"
#include "privilege.h"
#include "server.h"
#include "service.h"
#include "tell.h"

#define STOP_WAIT_NS (5 * TL_SECOND_NS)

struct config {
	const char *listen;
	const char *token_file;
	const char *cert;
	const char *key;
	const char *client_ca;
	struct tl_opt_list hosts;
	const char *output;
	uint64_t segment_bytes;
	uint64_t segment_age_ns;
	bool zstd;
	uint64_t max_body;
	uint64_t backlog;
	uint64_t max_connections;
	uint64_t max_per_address;
	uint64_t timeout_ns;
	uint64_t deadline_ns;
	const char *stats_url;
	bool list_metrics;
	uint64_t ready_fd;
};

#define FIELD(name) offsetof(struct config, name)
#define HOUR_NS	    (3600 * TL_SECOND_NS)

static const struct tl_opt options[] = {
	{0, "listen", TL_OPT_STRING, FIELD(listen), "ADDR:PORT",
	 "where to listen (127.0.0.1:8480); [ADDR]:PORT for IPv6", 0, 0, 0, 0},
	{0, "token-file", TL_OPT_STRING, FIELD(token_file), "FILE",
	 "lines NAME TOKEN: who may deliver", 0, 0, 0, 0},
	{0, "cert-file", TL_OPT_STRING, FIELD(cert), "FILE", "PEM certificate chain: serve TLS", 0,
	 0, 0, 0},
	{0, "key-file", TL_OPT_STRING, FIELD(key), "FILE", "PEM key of the certificate", 0, 0, 0,
	 0},
	{0, "client-ca-file", TL_OPT_STRING, FIELD(client_ca), "FILE",
	 "PEM certificates: clients must have one of theirs", 0, 0, 0, 0},
	{0, "host", TL_OPT_LIST, FIELD(hosts), "NAME",
	 "on loopback: a further name in the Host header (repeatable)", 0, 0, 0, 0},
	{'o', "output", TL_OPT_STRING, FIELD(output), "PLACE",
	 "folder for segment files, or - (default: -, stdout)", 0, 0, 0, 0},
	{'w', "write", TL_OPT_STRING, FIELD(output), "PLACE", "the same as -o", 0, 0, 0, 0},
	{0, "segment-size", TL_OPT_SIZE, FIELD(segment_bytes), "SIZE",
	 "begin a new segment at this size, uncompressed (64M)", 4096, 1ull << 40, 0, 0},
	{0, "segment-time", TL_OPT_DURATION, FIELD(segment_age_ns), "TIME",
	 "or when it is so old (5m)", TL_SECOND_NS, 24 * HOUR_NS, 0, 0},
	{0, "zstd", TL_OPT_FLAG, FIELD(zstd), 0, "compress segments", 0, 0, 0, 0},
	{0, "max-body", TL_OPT_SIZE, FIELD(max_body), "SIZE",
	 "biggest body, as sent (8M); decompressed 4 times that", 1024, 256 << 20, 0, 0},
	{0, "backlog", TL_OPT_SIZE, FIELD(backlog), "SIZE",
	 "bodies held before others are asked to wait (64M)", 65536, 1ull << 40, 0, 0},
	{0, "max-connections", TL_OPT_NUMBER, FIELD(max_connections), "N",
	 "connections at a time (512)", 1, 65536, 0, 0},
	{0, "max-per-address", TL_OPT_NUMBER, FIELD(max_per_address), "N",
	 "of them from one address (64; 0 no limit)", 0, 65536, 0, 0},
	{0, "timeout", TL_OPT_DURATION, FIELD(timeout_ns), "TIME",
	 "close a connection that is silent so long (30s)", TL_SECOND_NS, HOUR_NS, 0, 0},
	{0, "deadline", TL_OPT_DURATION, FIELD(deadline_ns), "TIME",
	 "or whose request takes so long to come in (2m)", TL_SECOND_NS, HOUR_NS, 0, 0},
	{0, "stats", TL_OPT_STRING, FIELD(stats_url), "URL",
	 "report counters there each second, to capmetrics", 0, 0, 0, 0},
	{0, "list-metrics", TL_OPT_FLAG, FIELD(list_metrics), 0,
	 "say what is reported there, and exit", 0, 0, 0, 0},
	{0, "ready-fd", TL_OPT_NUMBER, FIELD(ready_fd), "FD", "write a newline there when ready", 3,
	 1023, 0, 0},
	{0},
};

static const struct tl_program program = {
	.name = "receiver",
	.summary = "Takes batches over HTTPS and stores each event once.",
	.opts = options,
};

struct tool {
	const struct config *config;
	struct server_config server_config;
	struct tl_auth *auth;
	struct tl_tls *tls;
	struct output *output;
	struct dedup *dedup;
	struct writer *writer;
	struct server *server;
	struct tell tell;
	struct tl_metrics *metrics;
	int listen_fd;
	int hangup_fd;
};

/* --- what must hold before anything is opened ----------------------------------- */

static int refuse(const char *text)
{
	tl_log_err("%s", text);
	return -EINVAL;
}

static int check_config(const struct config *c, struct tl_listen_address *address)
{
	if (tl_listen_parse(c->listen, address) < 0) {
		tl_log_err("--listen '%s': not ADDR:PORT or [ADDR]:PORT, in numbers", c->listen);
		return -EINVAL;
	}
	if (!c->cert != !c->key) {
		return refuse("--cert-file and --key-file go together");
	}
	if (c->client_ca && !c->cert) {
		return refuse("--client-ca-file needs --cert-file and --key-file");
	}
	if (!c->cert && !address->is_loopback) {
		tl_log_err(
			"--listen %s: plain HTTP is for loopback; give --cert-file and --key-file",
			c->listen);
		return -EINVAL;
	}
	if (!c->token_file && !address->is_loopback) {
		tl_log_err("--listen %s: anyone could deliver; give --token-file", c->listen);
		return -EINVAL;
	}
	return 0;
}

/* --- opening ---------------------------------------------------------------------- */

/* What needs the caller's rights. */
static int open_first(struct tool *t)
{
	const struct config *c = t->config;
	int err = 0;

	if (c->token_file) {
		err = tl_auth_open(&t->auth, c->token_file);
	}
	if (err == 0 && c->cert) {
		err = tl_tls_open(&t->tls, c->cert, c->key, c->client_ca);
	}
	if (err == 0) {
		err = tl_listen_open(&t->server_config.address, &t->listen_fd);
	}
	/* What is wrong with the folder is said when it is opened. */
	if (err == 0 && strcmp(c->output, "-") != 0) {
		tl_segment_make_folder(c->output);
	}
	return err;
}

static int open_output(struct tool *t)
{
	const struct config *c = t->config;
	struct output_config config = {
		.place = c->output,
		.segment_bytes = c->segment_bytes,
		.segment_age_ns = c->segment_age_ns,
		.zstd = c->zstd,
		.stream_max = DEDUP_STREAMS,
	};

	return output_open(&t->output, &config, &t->dedup);
}

static int open_server(struct tool *t)
{
	const struct config *c = t->config;
	struct server_config *s = &t->server_config;

	s->listen_fd = t->listen_fd;
	s->hosts = &c->hosts;
	s->auth = t->auth;
	s->tls = t->tls;
	s->writer = t->writer;
	s->max_body = c->max_body;
	s->backlog = c->backlog;
	s->timeout_ns = c->timeout_ns;
	s->deadline_ns = c->deadline_ns;
	s->max_connections = (unsigned int)c->max_connections;
	s->max_per_address = (unsigned int)c->max_per_address;
	return server_open(&t->server, s);
}

/* A descriptor that tells of SIGHUP, which no thread gets otherwise. */
static int open_hangup(struct tool *t)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, 0);
	t->hangup_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return t->hangup_fd < 0 ? -errno : 0;
}

static int tool_open(struct tool *t)
{
	int err = open_first(t);

	if (err == 0) {
		err = tl_privilege_drop(TL_PRIVILEGE_USER, 0);
	}
	if (err == 0) {
		err = open_output(t);
	}
	if (err == 0) {
		err = open_hangup(t);
	}
	if (err == 0) {
		err = writer_start(&t->writer, t->output, t->dedup);
	}
	if (err == 0) {
		err = open_server(t);
	}
	t->tell = (struct tell){.writer = t->writer, .server = t->server};
	return err == 0 ? tell_open(&t->metrics, &t->tell, t->config->stats_url, t->config->listen)
			: err;
}

/* --- running ---------------------------------------------------------------------- */

static void take_hangup(struct tool *t)
{
	struct signalfd_siginfo info;

	if (read(t->hangup_fd, &info, sizeof(info)) != sizeof(info)) {
		return;
	}
	if (t->auth) {
		tl_auth_reload(t->auth);
	}
	if (t->tls) {
		tl_tls_reload(t->tls);
	}
	writer_rotate(t->writer);
}

static int serve(struct tool *t)
{
	int err = 0;

	tl_log_note("listening at %s://%s", t->tls ? "https" : "http",
		    t->server_config.address.text);
	tl_service_ready(t->config->ready_fd ? (int)t->config->ready_fd : -1);
	while (err == 0 && !tl_service_stopping()) {
		err = server_step(t->server, t->hangup_fd, TL_SECOND_NS);
		take_hangup(t);
		tl_metrics_tick(t->metrics);
		if (tl_service_take_stats()) {
			server_log_counts(t->server);
		}
	}
	return err;
}

/* --- stopping --------------------------------------------------------------------- */

/* 0, or -errno; -ETIMEDOUT leaves all as it is: the writer still works on it. */
static int stop_serving(struct tool *t)
{
	uint64_t until_ns = tl_clock_mono_ns() + STOP_WAIT_NS;
	int err = 0;

	if (t->server) {
		err = server_finish(t->server, until_ns);
		server_log_counts(t->server);
	}
	tl_metrics_close(t->metrics);
	t->metrics = 0;
	if (err == 0) {
		server_close(t->server);
		t->server = 0;
		uint64_t now_ns = tl_clock_mono_ns();
		err = writer_stop(t->writer, until_ns > now_ns ? until_ns - now_ns : 0);
	}
	if (err == -ETIMEDOUT) {
		tl_log_err("the output took too long: what was not answered may be stored or not");
	}
	return err;
}

static int tool_close(struct tool *t)
{
	int err = stop_serving(t);

	if (err < 0) {
		return err;
	}
	err = output_close(t->output, t->dedup);
	dedup_destroy(t->dedup);
	tl_auth_close(t->auth);
	tl_tls_close(t->tls);
	if (t->hangup_fd >= 0) {
		close(t->hangup_fd);
	}
	return err;
}

static int exit_code(int err)
{
	switch (err) {
	case 0:
		return TL_EXIT_OK;
	case -EINVAL:
	case -ENOENT:
	case -EACCES:
	case -EADDRNOTAVAIL:
		return TL_EXIT_USAGE;
	default:
		return TL_EXIT_FAILED;
	}
}

static int run(const struct config *config, const struct tl_listen_address *address)
{
	struct tool tool = {.config = config, .listen_fd = -1, .hangup_fd = -1};

	tool.server_config.address = *address;
	int err = tool_open(&tool);
	if (err < 0) {
		tool_close(&tool);
		return exit_code(err);
	}
	err = serve(&tool);
	int close_err = tool_close(&tool);
	return exit_code(err < 0 ? err : close_err);
}

int main(int argc, char **argv)
{
	struct tl_listen_address address;
	struct config config = {
		.listen = "127.0.0.1:8480",
		.output = "-",
		.segment_bytes = 64 << 20,
		.segment_age_ns = 300 * TL_SECOND_NS,
		.max_body = 8 << 20,
		.backlog = 64 << 20,
		.max_connections = 512,
		.max_per_address = 64,
		.timeout_ns = 30 * TL_SECOND_NS,
		.deadline_ns = 120 * TL_SECOND_NS,
	};

	int first = tl_opt_parse(&program, argc, argv, &config);
	if (first <= 0) {
		return first == 0 ? TL_EXIT_OK : TL_EXIT_USAGE;
	}
	if (config.list_metrics) {
		return tell_print_table() == 0 ? TL_EXIT_OK : TL_EXIT_FAILED;
	}
	if (first < argc) {
		tl_log_err("'%s': takes no operands; output is -o", argv[first]);
		return TL_EXIT_USAGE;
	}
	struct tl_opt_list outputs = {.count = 1, .items = {config.output}};
	if (check_config(&config, &address) < 0 || tl_hop_refuse_terminal(&outputs) ||
	    tl_service_open() < 0) {
		return TL_EXIT_USAGE;
	}
	return run(&config, &address);
}
