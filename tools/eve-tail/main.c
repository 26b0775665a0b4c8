/* SPDX-License-Identifier: BSD-2-Clause */
/* eve-tail: events from the lines of Suricata's eve.json. */
#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "clock.h"
#include "exit.h"
#include "follow.h"
#include "hop.h"
#include "log.h"
#include "options.h"
#include "privilege.h"
#include "probe.h"
#include "service.h"
#include "tailstats.h"

#define STATS_NS      TL_SECOND_NS
#define CLOSE_WAIT_NS (4 * TL_SECOND_NS)

enum { FILES_WANTED = 4096 };

struct run {
	const struct options *options;
	struct eve *eve;
	struct tail *tail;
	struct tl_outbox *outbox;
	struct follow *follow;
	struct tailstats *stats;
	uint64_t lines;
};

/* --- start ------------------------------------------------------------------ */

/* Half of what there may be: the rest is for sockets, and for looking into files. */
static unsigned int open_max(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur / 2 > TAIL_OPEN_MAX) {
		return TAIL_OPEN_MAX;
	}
	return limit.rlim_cur > 4 ? (unsigned int)limit.rlim_cur / 2 : 1;
}

static int open_tail(struct run *run)
{
	const struct options *o = run->options;
	struct tail_config config = {
		.place_count = o->files.count,
		.from = o->from,
		.once = o->once,
		.checkpoint = o->checkpoint,
		.select_hash = options_select_hash(o),
		.max_line = o->max_line,
		.open_max = open_max(),
	};

	memcpy(config.places, o->files.items, o->files.count * sizeof(config.places[0]));
	return tail_open(&run->tail, &config);
}

static int open_eve(struct run *run)
{
	const struct options *o = run->options;
	struct eve_config config = {
		.types = (const char *const *)o->kept,
		.drop_stats = o->drop_stats,
		.raw = o->raw,
		.community_id = o->community_id,
	};

	return eve_create(&run->eve, &config);
}

static int open_outbox(struct run *run)
{
	const struct options *o = run->options;
	struct tl_outbox_config config = {
		.policy = TL_OUTBOX_WAIT,
		.window = o->window,
		.hop = {.insecure = o->insecure, .no_acks = o->no_acks, .ack_url = o->ack_url},
	};
	int err = tl_outbox_set_places(&config, &o->outputs);

	return err == 0 ? tl_outbox_open(&run->outbox, &config) : err;
}

/* A descriptor for each file that is live; what there are not, is closed and opened in turn. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < FILES_WANTED) {
		limit.rlim_cur = limit.rlim_max < FILES_WANTED ? limit.rlim_max : FILES_WANTED;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int open_run(struct run *run)
{
	int err = tl_service_open();

	raise_limit();

	if (err == 0) {
		err = tl_privilege_drop(0, TL_PRIVILEGE_KEEP_USER | TL_PRIVILEGE_READ_FILES);
	}
	if (err == 0) {
		err = open_eve(run);
	}
	if (err == 0) {
		err = open_tail(run);
	}
	if (err == 0) {
		err = open_outbox(run);
	}
	if (err == 0) {
		err = follow_create(&run->follow, run->tail, run->eve, run->outbox);
	}
	if (err == 0) {
		const struct tl_opt_list *files = &run->options->files;
		err = tailstats_create(&run->stats, run->tail, run->eve, run->outbox,
				       files->items[0]);
	}
	if (err == 0) {
		const struct options *o = run->options;
		err = tailstats_report(run->stats, o->stats_url, o->insecure, o->files.items[0]);
	}
	return err;
}

/* --- run and stop ------------------------------------------------------------- */

static uint64_t until(uint64_t due_ns, uint64_t now_ns)
{
	return due_ns > now_ns ? due_ns - now_ns : 0;
}

/* What is to be done now and then. */
static void take_signals(struct run *run)
{
	tailstats_tick(run->stats);
	if (tl_service_take_stats()) {
		tailstats_print(run->stats);
	}
	tl_service_clear();
}

/* Lines until then, or until there are no more. */
static int follow_until(struct run *run, uint64_t due_ns)
{
	uint64_t count = run->options->count;
	uint64_t now_ns = tl_clock_mono_ns();
	int got = 0;

	while (now_ns < due_ns && got >= 0) {
		got = follow_next(run->follow, until(due_ns, now_ns));
		if (got == 1 && ++run->lines == count) {
			return -ENOENT;
		}
		/* The clock costs as much as a short line: not for each while they come. */
		if (got != 1 || run->lines % 64 == 0) {
			now_ns = tl_clock_mono_ns();
		}
		if (got == 0) {
			take_signals(run);
		}
	}
	return got < 0 ? got : 0;
}

/* Not where they would have to wait: the next ones say more. */
static int send_stats(struct run *run)
{
	return tl_outbox_wait_room(run->outbox, TL_BATCH_TARGET, 0)
		       ? tailstats_send(run->stats, false)
		       : 0;
}

static int follow_all(struct run *run)
{
	uint64_t now_ns = tl_clock_mono_ns();
	uint64_t duration_ns = run->options->duration_ns;
	uint64_t end_ns = duration_ns ? now_ns + duration_ns : UINT64_MAX;
	uint64_t stats_ns = now_ns + STATS_NS;
	int err = 0;

	while (err == 0 && now_ns < end_ns) {
		err = follow_until(run, stats_ns < end_ns ? stats_ns : end_ns);
		now_ns = tl_clock_mono_ns();
		if (err == 0 && now_ns >= stats_ns) {
			err = send_stats(run);
			stats_ns = now_ns + STATS_NS;
		}
		/* While lines come without a pause nobody else looks. */
		take_signals(run);
		if (err == 0) {
			err = tl_outbox_error(run->outbox);
		}
	}
	return err;
}

static bool is_clean_end(int err)
{
	return err == 0 || err == -ENOENT || err == -EINTR || err == -EPIPE;
}

/* What was read is sent, and waited for until it is safe. */
static int finish(struct run *run, int err)
{
	struct tl_outbox_counts counts;
	bool waits = err == -ENOENT && !tl_service_stopping();

	if (err != -EPIPE) {
		follow_flush(run->follow);
		tailstats_send(run->stats, true);
	}
	int close_err = tl_outbox_close(run->outbox, waits ? UINT64_MAX : CLOSE_WAIT_NS, &counts);
	run->outbox = 0;
	tailstats_close(run->stats, &counts);
	tailstats_print(run->stats);
	if (close_err == 0 || close_err == -EPIPE) {
		return err;
	}
	bool again = tail_reads_again(run->tail);
	const char *then = again		      ? "the next run sends them again"
			   : run->options->checkpoint ? "those of pipes and sockets are lost"
						      : "without --checkpoint they are lost";
	tl_log_warn("%llu events are not safe (%llu of them were sent): %s",
		    (unsigned long long)counts.dropped_events,
		    (unsigned long long)counts.unconfirmed_events, then);
	return close_err == -ETIMEDOUT && again ? err : close_err;
}

static int close_run(struct run *run)
{
	tl_outbox_close(run->outbox, 0, 0);
	tailstats_destroy(run->stats);
	follow_destroy(run->follow);
	int err = run->tail ? tail_close(run->tail) : 0;
	eve_destroy(run->eve);
	return err;
}

/* All that is there was read, but not all that was asked for is there. */
static bool is_incomplete(const struct run *run, int err)
{
	const struct options *o = run->options;

	return err == -ENOENT && o->once && (o->count == 0 || run->lines < o->count) &&
	       !tail_found_all(run->tail);
}

/* Why it did not begin: the checkpoint is another's, or not for us. */
static int start_code(int err)
{
	return err == -EBUSY || err == -EACCES ? TL_EXIT_UNAVAILABLE : tl_exit_of(err);
}

static int work(const struct options *options)
{
	struct run run = {.options = options};
	int err = open_run(&run);
	int code = start_code(err);

	if (err == 0) {
		tl_service_ready((int)options->ready_fd);
		err = finish(&run, follow_all(&run));
		bool ok = is_clean_end(err) && !is_incomplete(&run, err);
		code = ok ? TL_EXIT_OK : TL_EXIT_FAILED;
	}
	int close_err = close_run(&run);
	return close_err < 0 && code == TL_EXIT_OK ? TL_EXIT_FAILED : code;
}

static int run_mode(const struct options *options)
{
	if (options->list_metrics) {
		return tailstats_print_table() == 0 ? TL_EXIT_OK : TL_EXIT_FAILED;
	}
	if (options->capabilities) {
		return probe_capabilities(options);
	}
	if (options->probe != OPTIONS_PROBE_NO) {
		return probe_places(options);
	}
	if (tl_hop_refuse_terminal(&options->outputs) ||
	    tl_hop_refuse_same(&options->files, &options->outputs)) {
		return TL_EXIT_USAGE;
	}
	return work(options);
}

int main(int argc, char **argv)
{
	struct options options;
	int parsed = options_parse(&options, argc, argv);
	int code = parsed > 0 ? run_mode(&options) : parsed == 0 ? TL_EXIT_OK : TL_EXIT_USAGE;

	options_fini(&options);
	return code;
}
