/* SPDX-License-Identifier: BSD-2-Clause */
#include "flow_features.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "feature_event.h"

struct tl_flow_features {
	struct tl_flow_writer *writer;
	const struct tl_flowtab *flows;
	struct tl_feature_table *table;
	uint32_t packets;
	uint64_t window_ns;
	bool once;
};

/* The callback of the feature table. */
static void write_event(void *ctx, const struct tl_feature *f, const struct tl_feature_pool *pool,
			const struct tl_flow_key *key, uint64_t flow_id, uint64_t now_ns)
{
	struct tl_flow_features *features = ctx;
	uint8_t *p = tl_flow_writer_reserve(features->writer, TL_FEATURE_EVENT_MAX);
	unsigned int shape;

	if (p) {
		uint32_t len = tl_feature_encode(p, f, pool, key, flow_id, now_ns,
						 TL_SHAPE_FEATURES, &shape);
		tl_flow_writer_commit(features->writer, shape, len);
	}
}

int tl_flow_features_create(struct tl_flow_features **out,
			    const struct tl_flow_features_config *wanted,
			    struct tl_flow_writer *writer, uint32_t max_flows)
{
	struct tl_feature_table_config config = tl_feature_table_defaults();
	struct tl_flow_features *features = calloc(1, sizeof(*features));

	if (!features) {
		return -ENOMEM;
	}
	config.max_flows = max_flows;
	config.states = wanted->flows;
	config.packets = wanted->packets;
	config.once = wanted->once;
	config.emit = write_event;
	config.ctx = features;
	features->writer = writer;
	features->packets = config.packets;
	features->once = config.once;
	features->window_ns = config.window_ns;
	int err = tl_feature_table_create(&features->table, &config);
	if (err < 0) {
		free(features);
		return err;
	}
	*out = features;
	return 0;
}

void tl_flow_features_destroy(struct tl_flow_features *features)
{
	if (features) {
		tl_feature_table_destroy(features->table);
		free(features);
	}
}

void tl_flow_features_watch(struct tl_flow_features *features, const struct tl_flowtab *flows)
{
	features->flows = flows;
}

/* Features come before the end of their flow: who keeps state by flow_id lets go of it there. */
void tl_flow_features_emit(void *ctx, enum tl_flow_kind kind, const struct tl_flow *flow,
			   enum tl_end_reason reason, uint64_t now_ns)
{
	struct tl_flow_features *features = ctx;

	if (kind == TL_FLOW_END) {
		tl_feature_table_end(features->table, tl_flowtab_entry(features->flows, flow),
				     now_ns);
	}
	tl_flow_writer_emit(features->writer, kind, flow, reason, now_ns);
	if (kind == TL_FLOW_START) {
		tl_feature_table_start(features->table, tl_flowtab_entry(features->flows, flow),
				       &flow->key, flow->id, flow->start_ns);
	}
}

/* The other direction of a connection: across an interface the other way, in a mirror the same. */
static uint32_t find_reverse(const struct tl_flowtab *flows, const struct tl_flow_key *key)
{
	struct tl_flow_key other = *key;

	memcpy(other.src, key->dst, sizeof(other.src));
	memcpy(other.dst, key->src, sizeof(other.dst));
	other.src_port = key->dst_port;
	other.dst_port = key->src_port;
	other.direction = key->direction ^ 1;
	uint64_t id = tl_flow_id(&other);
	uint32_t entry = tl_flowtab_find(flows, &other, id);
	if (entry == 0) {
		other.direction = key->direction;
		entry = tl_flowtab_find(flows, &other, id);
	}
	return entry;
}

void tl_flow_features_add(struct tl_flow_features *features, uint32_t entry,
			  const struct tl_packet *pkt, const uint8_t *frame, uint32_t len,
			  const struct tl_flow_delta *delta, uint32_t segment_len)
{
	const struct tl_flow *flow = tl_flowtab_flow(features->flows, entry);
	struct tl_feature_packet packet;

	if (features->once &&
	    tl_feature_is_past(flow, delta->packets, features->packets, features->window_ns)) {
		return;
	}
	/* False says that there is no payload; sizes and times count all the same. */
	(void)tl_feature_packet_of(&packet, pkt, frame, len, delta, segment_len);
	uint32_t reverse =
		tl_feature_wants_reverse(&packet) ? find_reverse(features->flows, &pkt->key) : 0;
	tl_feature_table_add(features->table, entry, &packet, reverse);
}

void tl_flow_features_advance(struct tl_flow_features *features, uint64_t now_ns)
{
	tl_feature_table_advance(features->table, now_ns);
}

struct tl_feature_table_counts tl_flow_features_counts(const struct tl_flow_features *features)
{
	return tl_feature_table_counts(features->table);
}
