/* SPDX-License-Identifier: BSD-2-Clause */
#include "run.h"

#include <errno.h>
#include <stdlib.h>

#include "../bpf/parse.h"
#include "clock.h"
#include "filter.h"
#include "log.h"
#include "service.h"

enum {
	BURSTS_PER_LOOK = 256, /* bursts between looks at the clock */
	LIVE_LAG_MS = 50,      /* table time runs so far behind the clock on live input */
	CURRENT_S = 60,	       /* packets of a pipe that are so near the clock follow it */
};

struct run {
	struct run_config config;
	struct tl_capture_file *file;
	struct tl_stream *stream;
	struct tl_meter *meter;
	struct bpf_program filter;
	struct tl_batch_writer stats_batch;
	bool live;
	bool current; /* live, and its packets come as they happen: no old file in a pipe */
	bool stopped;
	uint64_t last_ns; /* latest packet: the time of a file's events, capture_stats included */
	uint64_t packets; /* accepted by the filter */
	uint64_t filtered_packets;
	uint64_t filtered_bytes;
	uint64_t stats_due_ns; /* monotonic */
	uint64_t cpu_ns;       /* at the last capture_stats */
	uint64_t stats_ns;
};

static uint64_t cpu_time_ns(void)
{
	return tl_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static int compile(struct run *r)
{
	if (!r->config.filter) {
		return 0;
	}
	return tl_filter_compile(&r->filter, tl_capture_file_link_type(r->file), r->config.filter,
				 TL_PARSE_MAX_OFFSET);
}

int run_open(struct run **out, struct tl_source *source, const struct run_config *config)
{
	struct run *r = calloc(1, sizeof(*r));
	if (!r) {
		return -ENOMEM;
	}
	r->config = *config;
	r->live = tl_source_is_live(source);
	r->stats_ns = tl_clock_mono_ns();
	r->stats_due_ns = r->stats_ns + TL_SECOND_NS;
	r->cpu_ns = cpu_time_ns();
	tl_batch_init(&r->stats_batch, tl_event_shapes());
	int err = tl_capture_file_open(&r->file, source, config->name);
	if (err == 0) {
		err = compile(r);
	}
	struct tl_stream_config stream = {
		.outbox = config->outbox, .source = "pcap-flow", .iface = config->name};
	if (err == 0) {
		err = tl_stream_create(&r->stream, &stream);
	}
	struct tl_meter_config meter = {.stream = r->stream,
					.flows = config->flows,
					.community_id = config->community_id,
					.features = config->features};
	if (err == 0) {
		err = tl_meter_create(&r->meter, &meter);
	}
	if (err < 0) {
		run_close(r);
		return err;
	}
	*out = r;
	return 0;
}

void run_close(struct run *r)
{
	if (!r) {
		return;
	}
	tl_meter_destroy(r->meter);
	tl_stream_destroy(r->stream);
	tl_batch_fini(&r->stats_batch);
	tl_filter_free(&r->filter);
	tl_capture_file_close(r->file);
	free(r);
}

static struct tl_meter_counts counts_of(const struct run *r)
{
	struct tl_meter_counts counts = tl_meter_counts(r->meter);

	counts.packets += r->filtered_packets;
	counts.bytes += r->filtered_bytes;
	counts.skbs += r->filtered_packets;
	counts.class_packets[TL_CLASS_FILTERED] = r->filtered_packets;
	counts.class_bytes[TL_CLASS_FILTERED] = r->filtered_bytes;
	return counts;
}

/* The share of one core since the last time. */
static double cpu_percent(struct run *r)
{
	uint64_t now = tl_clock_mono_ns();
	uint64_t cpu = cpu_time_ns();
	double percent = now > r->stats_ns
				 ? 100.0 * (double)(cpu - r->cpu_ns) / (double)(now - r->stats_ns)
				 : 0;

	r->stats_ns = now;
	r->cpu_ns = cpu;
	return percent;
}

static void push_stats(struct run *r, bool end)
{
	struct tl_meter_counts counts = counts_of(r);
	struct tl_capture_stats stats = {
		.events = tl_stream_next(r->stream),
		.cpu_percent = cpu_percent(r),
		.engine = TL_STR("pcap-flow"),
		.mode = r->live ? TL_STR("pipe") : TL_STR("file"),
	};

	tl_meter_counts_to_stats(&counts, &stats);
	r->stats_due_ns = r->stats_ns + TL_SECOND_NS;
	uint8_t *p = tl_batch_reserve(&r->stats_batch, TL_STATS_EVENT_MAX);
	if (!p) {
		tl_stream_lose(r->stream, 1);
		return;
	}
	uint64_t now = r->current || r->last_ns == 0 ? tl_clock_wall_ns() : r->last_ns;
	uint32_t len = tl_stats_event_encode(p, &stats, now);
	tl_batch_commit(&r->stats_batch, TL_SHAPE_STATS, len);
	tl_stream_push(r->stream, &r->stats_batch, end);
}

static void say_stats(const struct run *r)
{
	struct tl_meter_counts counts = counts_of(r);
	const uint64_t *c = counts.class_packets;
	unsigned long long no_ip = c[TL_CLASS_ARP] + c[TL_CLASS_OTHER_L3];
	unsigned long long malformed = c[TL_CLASS_MALFORMED_L2] + c[TL_CLASS_MALFORMED_L3];

	tl_log_note("%s: %llu packets, %llu flows, %llu not IP, %llu malformed, %llu filtered, "
		    "%llu evicted",
		    r->config.name, (unsigned long long)counts.packets,
		    (unsigned long long)counts.flows.started, no_ip, malformed,
		    (unsigned long long)c[TL_CLASS_FILTERED],
		    (unsigned long long)counts.flows.evicted);
	if (r->config.features.packets != 0) {
		tl_log_note("%s: %llu flow_features, %llu flows early, %llu packets out of order",
			    r->config.name, (unsigned long long)counts.features.emitted,
			    (unsigned long long)counts.features.early,
			    (unsigned long long)counts.features.out_of_order);
	}
}

void run_counts(const struct run *r, struct tl_capture_stats *stats,
		struct tl_flowtab_counts *flows)
{
	struct tl_meter_counts counts = counts_of(r);

	*stats = (struct tl_capture_stats){0};
	tl_meter_counts_to_stats(&counts, stats);
	*flows = counts.flows;
}

static void look_at_clock(struct run *r)
{
	if (tl_clock_mono_ns() >= r->stats_due_ns) {
		push_stats(r, false);
		r->config.tick(r->config.context);
	}
	if (tl_service_take_stats()) {
		say_stats(r);
	}
}

void run_idle(void *arg)
{
	struct run *r = arg;

	if (r->current) {
		tl_meter_advance(r->meter, tl_clock_wall_ns() - LIVE_LAG_MS * TL_MS_NS);
	}
	tl_meter_flush(r->meter);
	look_at_clock(r);
}

/* Drops what the filter refuses; returns how many are left. */
static unsigned int filter(struct run *r, struct tl_frame *frames, unsigned int count)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < count; i++) {
		const struct tl_frame *f = &frames[i];
		struct pcap_pkthdr header = {.caplen = f->len, .len = f->wire_len};
		if (pcap_offline_filter(&r->filter, &header, f->data)) {
			frames[kept++] = *f;
		} else {
			r->filtered_packets++;
			r->filtered_bytes += f->wire_len;
		}
	}
	return kept;
}

static unsigned int up_to_count(const struct run *r, unsigned int count)
{
	if (r->config.count == 0 || r->config.count - r->packets >= count) {
		return count;
	}
	return (unsigned int)(r->config.count - r->packets);
}

static bool is_current(uint64_t packet_ns)
{
	uint64_t now = tl_clock_wall_ns();
	uint64_t apart = now > packet_ns ? now - packet_ns : packet_ns - now;

	return apart < CURRENT_S * TL_SECOND_NS;
}

static int run_burst(struct run *r, struct tl_frame *frames, unsigned int count)
{
	uint64_t last_ns = frames[count - 1].ns;
	r->last_ns = last_ns > r->last_ns ? last_ns : r->last_ns;
	r->current = r->live && is_current(last_ns);
	if (r->config.filter) {
		count = filter(r, frames, count);
	}
	count = up_to_count(r, count);
	tl_meter_add(r->meter, frames, count);
	r->packets += count;
	if (r->live && tl_clock_mono_ns() >= tl_meter_flush_due(r->meter)) {
		return tl_meter_flush(r->meter);
	}
	return 0;
}

static bool is_done(const struct run *r)
{
	return tl_service_stopping() || (r->config.count != 0 && r->packets >= r->config.count);
}

int run_all(struct run *r)
{
	struct tl_frame frames[TL_METER_BURST];
	uint64_t bursts = 0;

	while (!is_done(r)) {
		int got = tl_capture_file_next(r->file, frames);
		if (got <= 0) {
			r->stopped = got == -EINTR;
			return got == -EINTR ? 0 : got;
		}
		int err = run_burst(r, frames, (unsigned int)got);
		if (err < 0) {
			return err;
		}
		if (++bursts % BURSTS_PER_LOOK == 0) {
			look_at_clock(r);
			if (tl_outbox_reader_gone(r->config.outbox)) {
				return -EPIPE;
			}
		}
	}
	r->stopped = tl_service_stopping();
	return 0;
}

void run_finish(struct run *r)
{
	tl_meter_end(r->meter, r->stopped ? TL_END_SHUTDOWN : TL_END_EOF);
	tl_meter_flush(r->meter);
	push_stats(r, true);
	say_stats(r);
}
