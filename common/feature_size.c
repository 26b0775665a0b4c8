/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers that any packet has: sizes, times between packets, entropy of the payload. */
#include <math.h>

#include "feature_private.h"

static void stats_add(struct tl_feature_stats *s, uint64_t value)
{
	double delta = (double)value - s->mean;

	s->min = s->count == 0 || value < s->min ? value : s->min;
	s->max = value > s->max ? value : s->max;
	s->count++;
	s->mean += delta / s->count;
	s->m2 += delta * ((double)value - s->mean);
}

double tl_feature_variance(const struct tl_feature_stats *stats)
{
	return stats->count > 0 ? stats->m2 / stats->count : 0;
}

static void add_gap(struct tl_feature *f, uint64_t ns)
{
	/* A packet that is late by the clock follows at once. */
	uint64_t gap = ns > f->last_ns ? ns - f->last_ns : 0;

	if (f->gap.count < TL_FEATURE_FIRST) {
		f->gaps[f->gap.count] = gap < UINT32_MAX ? (uint32_t)gap : UINT32_MAX;
	}
	stats_add(&f->gap, gap);
}

static void add_one(struct tl_feature *f, uint64_t ns, uint16_t len)
{
	if (f->size.count == 0) {
		f->first_ns = ns;
	} else {
		add_gap(f, ns);
	}
	f->last_ns = ns > f->last_ns ? ns : f->last_ns;
	if (f->size.count < TL_FEATURE_FIRST) {
		f->sizes[f->size.count] = len;
	}
	stats_add(&f->size, len);
	f->bytes += len;
	f->packets++;
}

/* Merged packets count as they were on the wire, all at one time. */
void feature_size_add(struct tl_feature *f, const struct tl_feature_packet *packet)
{
	for (uint32_t i = 1; i < packet->packets; i++) {
		add_one(f, packet->ns, packet->max_len);
	}
	add_one(f, packet->ns, packet->min_len);
	f->payload_bytes += packet->wire_len;
}

void feature_entropy_add(struct tl_feature *f, const uint8_t *bytes, uint32_t len)
{
	uint32_t room = TL_FEATURE_ENTROPY_BYTES - f->entropy_count;

	len = len < room ? len : room;
	if (len == 0) {
		return;
	}
	if (f->entropy_count == 0) {
		memset(f->histogram, 0, sizeof(f->histogram));
	}
	for (uint32_t i = 0; i < len; i++) {
		f->histogram[bytes[i]]++;
	}
	f->entropy_count = (uint16_t)(f->entropy_count + len);
}

/* H = log2(n) - sum(c * log2(c)) / n */
double tl_feature_entropy(const struct tl_feature *f, const struct tl_feature_pool *pool)
{
	double sum = 0;

	if (f->entropy_count == 0) {
		return 0;
	}
	for (unsigned int i = 0; i < 256; i++) {
		sum += pool->clog[f->histogram[i]];
	}
	double entropy = (pool->clog[f->entropy_count] - sum) / f->entropy_count;
	return entropy > 0 ? entropy : 0;
}
