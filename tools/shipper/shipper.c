/* SPDX-License-Identifier: BSD-2-Clause */
#include "shipper_private.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "exit.h"
#include "log.h"
#include "rights.h"
#include "service.h"

#define STOP_WAIT_NS (5 * TL_SECOND_NS)
#define STEP_NS	     (100 * TL_MS_NS) /* between looks at signals */
#define DRAIN_NS     (5 * TL_MS_NS)

static atomic_bool hangup_flag;

static void on_hangup(int signal)
{
	(void)signal;
	atomic_store(&hangup_flag, true);
}

/* --- opening -------------------------------------------------------------- */

static void on_safe(void *context, const uint8_t stream[TL_WIRE_STREAM_LEN], uint64_t safe)
{
	const struct shipper *s = context;

	tl_intake_safe(s->intake, stream, safe);
}

/* What an earlier run left in the spool is on disk. */
static void on_found(void *context, const uint8_t stream[TL_WIRE_STREAM_LEN], uint64_t next)
{
	const struct shipper *s = context;

	tl_intake_found(s->intake, stream, next);
}

static int open_store(struct shipper *s)
{
	struct store_config config = options_store(s->options);

	config.sink_count = s->sink_count;
	for (unsigned int i = 0; i < s->sink_count; i++) {
		sinks_name(s->names[i], s->options->outputs.items[i]);
		config.sinks[i] = s->names[i];
	}
	config.safe = on_safe;
	config.found = on_found;
	config.context = s;
	s->quota = config.quota;
	int err = tl_intake_create(&s->intake);
	return err < 0 ? err : store_open(&s->store, &config);
}

static int open_sinks(struct shipper *s)
{
	int err = 0;

	for (unsigned int i = 0; err == 0 && i < s->sink_count; i++) {
		const char *url = s->options->outputs.items[i];
		s->sink_configs[i] = options_sink(s->options, url);
		err = sinks_find(url)->open(&s->sinks[i], &s->sink_configs[i]);
	}
	return err;
}

static int open_input(struct shipper *s)
{
	struct tl_hop_config hop = options_hop(s->options);
	int err = tl_hop_open_in(&s->in, s->options->input, &hop);

	if (err == 0 && tl_hop_in_has_acks(s->in)) {
		err = acks_open(&s->acks, s->in, s->intake);
	}
	return err;
}

static int open_lanes(struct shipper *s)
{
	int err = 0;

	for (unsigned int i = 0; err == 0 && i < s->sink_count; i++) {
		const struct lane_config config = {
			.store = s->store,
			.index = i,
			.sink = s->sinks[i],
			.sink_config = s->sink_configs[i],
			.acks = s->acks,
			.rate = s->options->rate,
			.tries = (unsigned int)s->options->tries,
			.retry_max_ns = s->options->retry_max_ns,
		};
		s->sinks[i] = 0;
		err = lane_open(&s->lanes[i], &config);
	}
	return err;
}

static int open_inlet(struct shipper *s)
{
	const struct inlet_config config = {
		.in = s->in,
		.store = s->store,
		.intake = s->intake,
		.acks = s->acks,
		.lanes = s->lanes,
		.lane_count = s->sink_count,
	};

	return inlet_create(&s->inlet, &config);
}

/*
 * OpenSSL's own default, which libnats believes beside --ca-file. Before any thread:
 * the environment is everybody's.
 */
static int trust_only(const char *ca_file)
{
	bool done = !ca_file || (setenv("SSL_CERT_FILE", ca_file, 1) == 0 &&
				 setenv("SSL_CERT_DIR", "/nonexistent", 1) == 0);

	return done ? 0 : -ENOMEM;
}

static int check_sinks(const struct shipper *s)
{
	for (unsigned int i = 0; i < s->sink_count; i++) {
		if (!sinks_find(s->options->outputs.items[i])) {
			return -EINVAL;
		}
	}
	return 0;
}

static int open_all(struct shipper *s)
{
	const struct sigaction action = {.sa_handler = on_hangup, .sa_flags = SA_RESTART};
	int err = check_sinks(s);

	sigaction(SIGHUP, &action, 0);
	err = err < 0 ? err : rights_drop(s->options);
	err = err < 0 ? err : rights_check(s->options);
	err = err < 0 ? err : trust_only(s->options->ca_file);
	err = err < 0 ? err : open_sinks(s);
	err = err < 0 ? err : open_store(s);
	err = err < 0 ? err : open_input(s);
	err = err < 0 ? err : open_lanes(s);
	err = err < 0 ? err : open_inlet(s);
	return err < 0 ? err : shipper_open_metrics(s);
}

/* --- running -------------------------------------------------------------- */

static void answer_signals(struct shipper *s)
{
	if (tl_service_take_stats()) {
		shipper_say_stats(s);
	}
	tl_metrics_tick(s->metrics);
	if (atomic_exchange(&hangup_flag, false)) {
		for (unsigned int i = 0; i < s->sink_count; i++) {
			lane_hangup(s->lanes[i]);
		}
	}
}

/* Until the end of input or a signal. 0 or -errno. */
static int run_input(struct shipper *s)
{
	int got;

	do {
		got = inlet_step(s->inlet, STEP_NS);
		answer_signals(s);
	} while (got > 0);
	return got < 0 ? got : inlet_finish(s->inlet);
}

static bool all_delivered(const struct shipper *s)
{
	for (unsigned int i = 0; i < s->sink_count; i++) {
		uint64_t batches;
		shipper_left(s, i, &batches);
		if (batches > 0) {
			return false;
		}
	}
	return true;
}

static bool all_ended(const struct shipper *s)
{
	for (unsigned int i = 0; i < s->sink_count; i++) {
		if (!lane_ended(s->lanes[i])) {
			return false;
		}
	}
	return true;
}

static void set_mode(struct shipper *s, enum lane_mode mode)
{
	for (unsigned int i = 0; i < s->sink_count; i++) {
		lane_set_mode(s->lanes[i], mode);
	}
}

/* At the end of input there is time; after a signal 5 s. */
static bool has_time(void)
{
	uint64_t stop_ns = tl_service_stop_ns();

	return stop_ns == 0 || tl_clock_mono_ns() - stop_ns < STOP_WAIT_NS;
}

/*
 * The input has ended. Without a signal all is delivered; after one, with a
 * spool, only what is on its way, since the rest is safe where it is.
 */
static void drain(struct shipper *s)
{
	bool finishing = false;

	while (has_time() && !all_delivered(s)) {
		if (tl_service_stopping() && s->options->spool) {
			if (!finishing) {
				set_mode(s, LANE_FINISH);
				finishing = true;
			}
			if (all_ended(s)) {
				return;
			}
		}
		tl_service_wait(DRAIN_NS);
		answer_signals(s);
	}
}

/* --- closing -------------------------------------------------------------- */

static void close_lanes(struct shipper *s)
{
	set_mode(s, LANE_STOP);
	for (unsigned int i = 0; i < s->sink_count; i++) {
		lane_close(s->lanes[i]);
		s->lanes[i] = 0;
	}
}

/* Whatever of it there is. */
static void close_all(struct shipper *s)
{
	tl_metrics_close(s->metrics);
	for (unsigned int i = 0; i < s->sink_count; i++) {
		lane_close(s->lanes[i]);
		if (s->sinks[i]) {
			s->sinks[i]->ops->close(s->sinks[i]);
		}
	}
	inlet_destroy(s->inlet);
	acks_close(s->acks);
	tl_hop_close_in(s->in);
	store_close(s->store);
	tl_intake_destroy(s->intake);
	free(s);
}

/* Stops cleanly; an exit code. */
static int finish(struct shipper *s, int err)
{
	if (err == 0) {
		drain(s);
	}
	/* First, so that what is on its way counts as left. */
	set_mode(s, LANE_STOP);
	store_stop(s->store);
	for (int i = 0; i < 1000 && !all_ended(s); i++) {
		tl_service_wait(TL_MS_NS);
	}
	shipper_say_stats(s);
	int left = shipper_say_left(s);
	tl_metrics_close(s->metrics);
	s->metrics = 0;
	close_lanes(s);
	return err < 0 ? tl_exit_of(err) : left;
}

int shipper_run(const struct options *options)
{
	struct shipper *s = calloc(1, sizeof(*s));
	if (!s) {
		return TL_EXIT_FAILED;
	}
	s->options = options;
	s->sink_count = options->outputs.count;
	int err = open_all(s);
	int code = tl_exit_of(err);
	if (err == 0) {
		tl_service_ready((int)options->ready_fd);
		code = finish(s, run_input(s));
	}
	close_all(s);
	return code;
}
