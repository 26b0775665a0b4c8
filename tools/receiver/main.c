/* SPDX-License-Identifier: BSD-2-Clause */
/* receiver: takes batches over HTTPS and stores each event once. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "exit.h"
#include "hop.h"
#include "privilege.h"
#include "server.h"
#include "service.h"
#include "tell.h"

#define STOP_WAIT_NS (5 * TL_SECOND_NS)

struct config {
	struct tl_http_options http;
	const char *output;
	uint64_t segment_bytes;
	uint64_t segment_age_ns;
	bool zstd;
	uint64_t max_body;
	uint64_t backlog;
	const char *stats_url;
	bool list_metrics;
	uint64_t ready_fd;
};

#define FIELD(name) offsetof(struct config, name)
#define HOUR_NS	    (3600 * TL_SECOND_NS)

static const struct tl_opt options[] = {
	{0, "listen", TL_OPT_STRING, FIELD(http.listen), "ADDR:PORT",
	 "where to listen (127.0.0.1:8480); [ADDR]:PORT for IPv6", 0, 0, 0, 0},
	{0, "token-file", TL_OPT_STRING, FIELD(http.token_file), "FILE",
	 "lines NAME TOKEN: who may deliver", 0, 0, 0, 0},
	{0, "cert-file", TL_OPT_STRING, FIELD(http.cert), "FILE",
	 "PEM certificate chain: serve TLS", 0, 0, 0, 0},
	{0, "key-file", TL_OPT_STRING, FIELD(http.key), "FILE", "PEM key of the certificate", 0, 0,
	 0, 0},
	{0, "client-ca-file", TL_OPT_STRING, FIELD(http.client_ca), "FILE",
	 "PEM certificates: clients must have one of theirs", 0, 0, 0, 0},
	{0, "host", TL_OPT_LIST, FIELD(http.hosts), "NAME",
	 "on loopback: a further name in the Host header (repeatable)", 0, 0, 0, 0},
	{'o', "output", TL_OPT_STRING, FIELD(output), "PLACE",
	 "folder for segment files, or - (default: -, stdout)", 0, 0, 0, 0},
	TL_OPT_ROW_WRITE(TL_OPT_STRING, FIELD(output)),
	{0, "segment-size", TL_OPT_SIZE, FIELD(segment_bytes), "SIZE",
	 "begin a new segment at this size, uncompressed (64M)", 4096, 1ull << 40, 0, 0},
	{0, "segment-time", TL_OPT_DURATION, FIELD(segment_age_ns), "TIME",
	 "or when it is so old (5m)", TL_SECOND_NS, 24 * HOUR_NS, 0, 0},
	{0, "zstd", TL_OPT_FLAG, FIELD(zstd), 0, "compress segments", 0, 0, 0, 0},
	{0, "max-body", TL_OPT_SIZE, FIELD(max_body), "SIZE",
	 "biggest body, as sent (8M); decompressed 4 times that", 1024, 256 << 20, 0, 0},
	{0, "backlog", TL_OPT_SIZE, FIELD(backlog), "SIZE",
	 "bodies held before others are asked to wait (64M)", 65536, 1ull << 40, 0, 0},
	{0, "max-connections", TL_OPT_NUMBER, FIELD(http.max_connections), "N",
	 "connections at a time (512)", 1, 65536, 0, 0},
	{0, "max-per-address", TL_OPT_NUMBER, FIELD(http.max_per_address), "N",
	 "of them from one address (64; 0 no limit)", 0, 65536, 0, 0},
	{0, "timeout", TL_OPT_DURATION, FIELD(http.timeout_ns), "TIME",
	 "close a connection that is silent so long (30s)", TL_SECOND_NS, HOUR_NS, 0, 0},
	{0, "deadline", TL_OPT_DURATION, FIELD(http.deadline_ns), "TIME",
	 "or whose request takes so long to come in (2m)", TL_SECOND_NS, HOUR_NS, 0, 0},
	TL_OPT_ROW_STATS(FIELD(stats_url)),
	TL_OPT_ROW_LIST_METRICS(FIELD(list_metrics)),
	TL_OPT_ROW_READY_FD(FIELD(ready_fd)),
	{0},
};

static const struct tl_program program = {
	.name = "receiver",
	.summary = "Takes batches over HTTPS and stores each event once.",
	.opts = options,
};

struct tool {
	const struct config *config;
	struct tl_http http;
	struct output *output;
	struct dedup *dedup;
	struct writer *writer;
	struct server *server;
	struct tell tell;
	struct tl_metrics *metrics;
};

/* --- what must hold before anything is opened ----------------------------------- */

static int check_config(const struct config *c, struct tl_listen_address *address)
{
	const char *listen = c->http.listen;
	int err = tl_http_check(&c->http, address);

	if (err < 0 || address->is_loopback) {
		return err;
	}
	if (!c->http.cert) {
		tl_log_err(
			"--listen %s: plain HTTP is for loopback; give --cert-file and --key-file",
			listen);
		return -EINVAL;
	}
	if (!c->http.token_file) {
		tl_log_err("--listen %s: anyone could deliver; give --token-file", listen);
		return -EINVAL;
	}
	return 0;
}

/* --- opening ---------------------------------------------------------------------- */

/* What needs the caller's rights. */
static int open_first(struct tool *t, const struct tl_listen_address *address)
{
	const struct config *c = t->config;
	int err = tl_http_open(&t->http, &c->http, address);

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
	const struct server_config config = {
		.http = &t->http,
		.writer = t->writer,
		.max_body = t->config->max_body,
		.backlog = t->config->backlog,
	};

	return server_open(&t->server, &config);
}

static int tool_open(struct tool *t, const struct tl_listen_address *address)
{
	int err = open_first(t, address);

	if (err == 0) {
		err = tl_privilege_drop(TL_PRIVILEGE_USER, 0);
	}
	if (err == 0) {
		err = open_output(t);
	}
	if (err == 0) {
		err = writer_start(&t->writer, t->output, t->dedup);
	}
	if (err == 0) {
		err = open_server(t);
	}
	t->tell = (struct tell){.writer = t->writer, .server = t->server};
	return err == 0 ? tell_open(&t->metrics, &t->tell, t->config->stats_url,
				    t->config->http.listen)
			: err;
}

/* --- running ---------------------------------------------------------------------- */

static int serve(struct tool *t)
{
	int err = 0;

	tl_log_note("listening at %s://%s", t->http.tls ? "https" : "http", t->http.address.text);
	tl_service_ready((int)t->config->ready_fd);
	while (err == 0 && !tl_service_stopping()) {
		err = server_step(t->server, t->http.hangup_fd, TL_SECOND_NS);
		if (tl_http_take_hangup(&t->http)) {
			writer_rotate(t->writer);
		}
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
	tl_http_close(&t->http);
	return err;
}

static int run(const struct config *config, const struct tl_listen_address *address)
{
	struct tool tool = {.config = config};

	tl_http_init(&tool.http);
	int err = tool_open(&tool, address);
	if (err < 0) {
		tool_close(&tool);
		return tl_exit_of(err);
	}
	err = serve(&tool);
	int close_err = tool_close(&tool);
	return tl_exit_of(err < 0 ? err : close_err);
}

int main(int argc, char **argv)
{
	struct tl_listen_address address;
	struct config config = {
		.http = {.listen = "127.0.0.1:8480",
			 .max_connections = 512,
			 .max_per_address = 64,
			 .timeout_ns = 30 * TL_SECOND_NS,
			 .deadline_ns = 120 * TL_SECOND_NS},
		.output = "-",
		.segment_bytes = 64 << 20,
		.segment_age_ns = 300 * TL_SECOND_NS,
		.max_body = 8 << 20,
		.backlog = 64 << 20,
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
