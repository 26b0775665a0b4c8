/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Joins a flow table and a table of features: what a flow has inside becomes a
 * flow_features event in the writer of its flow events. Belongs to one thread;
 * nothing logs.
 */
#ifndef TL_FLOW_FEATURES_H
#define TL_FLOW_FEATURES_H

#include "feature_table.h"
#include "flow_writer.h"

struct tl_flow_features;

/* What a user chooses. */
struct tl_flow_features_config {
	uint32_t packets; /* of a flow that are looked into; 0: no features */
	uint32_t flows;	  /* with features at one time, at most TL_FEATURE_STATES_MAX */
	bool once;	  /* not again when the flow ends */
};

/* `writer` is borrowed, `max_flows` as in the flow table. 0, -EINVAL, -ENOMEM. */
int tl_flow_features_create(struct tl_flow_features **out,
			    const struct tl_flow_features_config *config,
			    struct tl_flow_writer *writer, uint32_t max_flows);
/* Emits nothing: the flow table ends its flows. */
void tl_flow_features_destroy(struct tl_flow_features *features);

/*
 * The callback of the flow table, in place of tl_flow_writer_emit, which it
 * calls. tl_flow_features_watch says which table that is, before its first packet.
 */
tl_flowtab_emit tl_flow_features_emit;
void tl_flow_features_watch(struct tl_flow_features *features, const struct tl_flowtab *flows);

/* A packet that the flow table just gave this entry. `segment_len`: tl_feature_packet_of. */
void tl_flow_features_add(struct tl_flow_features *features, uint32_t entry,
			  const struct tl_packet *pkt, const uint8_t *frame, uint32_t len,
			  const struct tl_flow_delta *delta, uint32_t segment_len);

/* Emits what has waited long enough; before tl_flow_features_add, with the packet's time. */
void tl_flow_features_advance(struct tl_flow_features *features, uint64_t now_ns);

struct tl_feature_table_counts tl_flow_features_counts(const struct tl_flow_features *features);

#endif
