/* SPDX-License-Identifier: BSD-2-Clause */
#include "meter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../bpf/segments.h"
#include "flow_features.h"
#include "flow_writer.h"
#include "fragtab.h"

enum { VLAN_TAG_LEN = 4 };

struct tl_meter {
	struct tl_meter_config config;
	struct tl_meter_counts counts;
	struct tl_flowtab *flows;
	struct tl_fragtab *fragments;
	struct tl_flow_writer writer;
	struct tl_flow_features *features; /* 0: none */
};

/* What parsing found out about one frame of a burst. */
struct measured {
	struct tl_packet pkt;
	struct tl_flow_delta delta;
	uint64_t id;
};

int tl_meter_flush(struct tl_meter *m)
{
	return tl_flow_writer_flush(&m->writer);
}

uint64_t tl_meter_flush_due(const struct tl_meter *m)
{
	return tl_flow_writer_flush_due(&m->writer);
}

static int want_features(struct tl_meter *m)
{
	const struct tl_meter_config *config = &m->config;
	int err = tl_flow_features_create(&m->features, &config->features, &m->writer,
					  config->flows.max_flows);

	m->config.flows.emit = tl_flow_features_emit;
	m->config.flows.ctx = m->features;
	return err;
}

int tl_meter_create(struct tl_meter **out, const struct tl_meter_config *config)
{
	struct tl_meter *m = calloc(1, sizeof(*m));

	if (!m) {
		return -ENOMEM;
	}
	m->config = *config;
	m->config.flows.emit = tl_flow_writer_emit;
	m->config.flows.ctx = &m->writer;
	int err = tl_flow_writer_init(&m->writer, config->stream, config->community_id);
	if (err == 0 && config->features.packets != 0) {
		err = want_features(m);
	}
	if (err == 0) {
		err = tl_flowtab_create(&m->flows, &m->config.flows);
	}
	if (err == 0) {
		err = tl_fragtab_create(&m->fragments);
	}
	if (err == 0 && m->features) {
		tl_flow_features_watch(m->features, m->flows);
	}
	if (err < 0) {
		tl_meter_destroy(m);
		return err;
	}
	*out = m;
	return 0;
}

void tl_meter_destroy(struct tl_meter *m)
{
	if (!m) {
		return;
	}
	tl_flow_features_destroy(m->features);
	tl_flow_writer_fini(&m->writer);
	tl_flowtab_destroy(m->flows);
	tl_fragtab_destroy(m->fragments);
	free(m);
}

/* --- measuring ------------------------------------------------------------ */

static uint16_t raw_ethertype(const struct tl_frame *f)
{
	if (f->len <= f->link_len) {
		return 0;
	}
	uint8_t version = f->data[f->link_len] >> 4;
	return version == 4 ? TL_ETH_IPV4 : version == 6 ? TL_ETH_IPV6 : 0;
}

static void parse(const struct tl_frame *f, struct tl_packet *pkt)
{
	const uint8_t *end = f->data + f->len;
	uint32_t wire_len = f->wire_len - (f->has_vlan ? VLAN_TAG_LEN : 0); /* of these bytes */

	tl_parse_begin(pkt);
	if (f->has_vlan) {
		tl_parse_tag(pkt, f->vlan_tci);
	}
	if (f->link == TL_LINK_ETHERNET) {
		tl_parse_ethernet(f->data, end, wire_len, pkt);
	} else if (f->link == TL_LINK_MALFORMED || f->len < f->link_len) {
		pkt->class = TL_CLASS_MALFORMED_L2;
	} else {
		uint16_t type = f->link == TL_LINK_RAW ? raw_ethertype(f) : f->protocol;
		tl_parse_payload(f->data, end, wire_len, type, f->link_len, pkt);
	}
	pkt->key.ifindex = f->ifindex;
	pkt->key.direction = f->direction;
}

static void measure(const struct tl_frame *f, struct measured *out)
{
	struct tl_packet *pkt = &out->pkt;

	parse(f, pkt);
	struct tl_merged merged = {
		.wire_len = f->wire_len,
		.tag_len = f->has_vlan ? VLAN_TAG_LEN : 0,
		.gso_size = f->gso_size,
		.gso_segments = f->gso_segs,
	};
	struct tl_segments segments;
	tl_segments_count(pkt, &merged, &segments);
	out->delta = (struct tl_flow_delta){
		.packets = segments.packets,
		.bytes = segments.bytes,
		.ip_bytes = segments.ip_bytes,
		.skbs = 1,
		.first_ns = f->ns,
		.last_ns = f->ns,
		.min_len = segments.min_len,
		.max_len = segments.max_len,
		.ttl = pkt->ttl,
		.tos = pkt->tos,
		.tcp_flags = pkt->tcp_flags,
	};
}

static void resolve_fragment(struct tl_meter *m, struct tl_packet *pkt, uint64_t ns)
{
	bool known = tl_fragtab_resolve(m->fragments, pkt, ns);

	if (pkt->frag == TL_FRAG_LATER) {
		m->counts.frag_hits += known;
		m->counts.frag_misses += !known;
	}
}

static void account(struct tl_meter *m, unsigned int class, const struct tl_flow_delta *d)
{
	m->counts.packets += d->packets;
	m->counts.bytes += d->bytes;
	m->counts.skbs++;
	m->counts.class_packets[class] += d->packets;
	m->counts.class_bytes[class] += d->bytes;
}

/* --- --raw ---------------------------------------------------------------- */

static void emit_packet(struct tl_meter *m, const struct tl_frame *f, const struct measured *x)
{
	const struct tl_packet *pkt = &x->pkt;
	uint32_t have = f->len > pkt->payload_offset ? f->len - pkt->payload_offset : 0;
	uint32_t ip_end = pkt->l3_offset + pkt->ip_bytes;
	uint32_t in_ip = ip_end > pkt->payload_offset ? ip_end - pkt->payload_offset : 0;
	uint32_t payload = m->config.payload_max;

	payload = payload < have ? payload : have;
	payload = payload < in_ip ? payload : in_ip;
	uint8_t *p = tl_flow_writer_reserve(&m->writer, TL_PACKET_EVENT_MAX + payload);
	if (!p) {
		return;
	}
	struct tl_packet_event event = {
		.key = &pkt->key,
		.length = x->delta.bytes,
		.ip_bytes = x->delta.ip_bytes,
		.segments = (uint32_t)x->delta.packets,
		.tcp_flags = pkt->tcp_flags,
		.ttl = pkt->ttl,
		.tos = pkt->tos,
		.payload = f->data + (payload ? pkt->payload_offset : 0),
		.payload_len = payload,
	};
	unsigned int shape;
	uint32_t len = tl_packet_event_encode(p, &event, f->ns, &shape);
	if (m->config.community_id) {
		len = tl_event_add_community_id(p, len, &pkt->key, &shape);
	}
	tl_flow_writer_commit(&m->writer, shape, len);
}

static void add_raw(struct tl_meter *m, const struct tl_frame *f, struct measured *x)
{
	unsigned int class = x->pkt.class;

	if (class == TL_CLASS_FLOW && m->config.exclude &&
	    m->config.exclude(m->config.exclude_ctx, &x->pkt.key)) {
		class = TL_CLASS_FILTERED;
	}
	account(m, class, &x->delta);
	if (class == TL_CLASS_FLOW) {
		emit_packet(m, f, x);
	}
}

/* --- a burst -------------------------------------------------------------- */

static inline void add_to_flow(struct tl_meter *m, const struct tl_frame *f,
			       const struct measured *x)
{
	account(m, x->pkt.class, &x->delta);
	if (x->pkt.class != TL_CLASS_FLOW) {
		tl_flowtab_advance(m->flows, x->delta.last_ns);
		return;
	}
	uint32_t entry = tl_flowtab_add(m->flows, &x->pkt.key, x->id, &x->delta);
	if (m->features) {
		tl_flow_features_advance(m->features, x->delta.last_ns);
		tl_flow_features_add(m->features, entry, &x->pkt, f->data, f->len, &x->delta,
				     f->gso_size);
	}
}

/*
 * One step for all packets, then the next: the memory of one packet's flow
 * arrives while the others are dealt with (10,000 flows are not in the L2
 * cache), and a key is hashed when the stores that made it are long done.
 */
void tl_meter_add(struct tl_meter *m, const struct tl_frame *frames, unsigned int count)
{
	struct measured burst[TL_METER_BURST];

	for (unsigned int i = 0; i < count; i++) {
		struct measured *x = &burst[i];
		measure(&frames[i], x);
		if (x->pkt.class != TL_CLASS_FLOW) {
			continue;
		}
		if (x->pkt.frag != TL_FRAG_NONE) {
			resolve_fragment(m, &x->pkt, frames[i].ns);
		}
	}
	if (m->config.raw) {
		for (unsigned int i = 0; i < count; i++) {
			add_raw(m, &frames[i], &burst[i]);
		}
		return;
	}
	for (unsigned int i = 0; i < count; i++) {
		burst[i].id = tl_flow_id(&burst[i].pkt.key);
		tl_flowtab_prefetch_index(m->flows, burst[i].id);
	}
	for (unsigned int i = 0; i < count; i++) {
		if (burst[i].pkt.class == TL_CLASS_FLOW) {
			tl_flowtab_prefetch_flow(m->flows, burst[i].id);
		}
	}
	for (unsigned int i = 0; i < count; i++) {
		add_to_flow(m, &frames[i], &burst[i]);
	}
}

void tl_meter_advance(struct tl_meter *m, uint64_t now_ns)
{
	tl_flowtab_advance(m->flows, now_ns);
	if (m->features) {
		tl_flow_features_advance(m->features, now_ns);
	}
}

void tl_meter_end(struct tl_meter *m, enum tl_end_reason reason)
{
	tl_flowtab_end_all(m->flows, reason);
}

/* --- counts --------------------------------------------------------------- */

struct tl_meter_counts tl_meter_counts(const struct tl_meter *m)
{
	struct tl_meter_counts counts = m->counts;
	counts.flows = tl_flowtab_counts(m->flows);
	if (m->features) {
		counts.features = tl_flow_features_counts(m->features);
	}
	return counts;
}

void tl_meter_counts_add(struct tl_meter_counts *a, const struct tl_meter_counts *b)
{
	a->packets += b->packets;
	a->bytes += b->bytes;
	a->skbs += b->skbs;
	for (unsigned int class = 0; class < TL_CLASS_COUNT; class ++) {
		a->class_packets[class] += b->class_packets[class];
		a->class_bytes[class] += b->class_bytes[class];
	}
	a->frag_hits += b->frag_hits;
	a->frag_misses += b->frag_misses;
	a->flows.started += b->flows.started;
	a->flows.ended += b->flows.ended;
	a->flows.evicted += b->flows.evicted;
	a->flows.active += b->flows.active;
	tl_feature_table_counts_add(&a->features, &b->features);
}

void tl_meter_counts_to_stats(const struct tl_meter_counts *counts, struct tl_capture_stats *stats)
{
	stats->packets = counts->packets;
	stats->bytes = counts->bytes;
	stats->skbs = counts->skbs;
	memcpy(stats->class_packets, counts->class_packets, sizeof(stats->class_packets));
	memcpy(stats->class_bytes, counts->class_bytes, sizeof(stats->class_bytes));
	stats->flows_active = counts->flows.active;
	stats->flows_evicted = counts->flows.evicted;
	stats->features = (struct tl_capture_features){
		.told = counts->features.emitted,
		.early = counts->features.early,
		.no_buffer = counts->features.decoders.buffers_short,
		.malformed = counts->features.decoders.malformed,
		.out_of_order = counts->features.out_of_order,
	};
}
