/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers that any packet has: sizes, times between packets, entropy of the payload. */
#include <math.h>

#include "feature_private.h"

/* `times` equal values at once. */
static void stats_add(struct tl_feature_stats *s, uint64_t value, uint32_t times)
{
	double delta = (double)value - s->mean;
	double share = times / (double)(s->count + times);

	s->min = s->count == 0 || value < s->min ? value : s->min;
	s->max = value > s->max ? value : s->max;
	s->mean += delta * share;
	s->m2 += delta * delta * share * (double)s->count;
	s->count += times;
}

double tl_feature_variance(const struct tl_feature_stats *stats)
{
	return stats->count > 0 ? stats->m2 / (double)stats->count : 0;
}

static void add_gaps(struct tl_feature *f, uint64_t gap, uint32_t times)
{
	for (uint64_t i = f->gap.count; i < TL_FEATURE_FIRST && i < f->gap.count + times; i++) {
		f->gaps[i] = gap < UINT32_MAX ? (uint32_t)gap : UINT32_MAX;
	}
	stats_add(&f->gap, gap, times);
}

/* Packets of one length that came at one time. */
static void add_sizes(struct tl_feature *f, uint64_t ns, uint16_t len, uint32_t times)
{
	if (f->size.count == 0) {
		f->first_ns = ns;
	} else {
		/* A packet that is late by the clock follows at once. */
		add_gaps(f, ns > f->last_ns ? ns - f->last_ns : 0, 1);
	}
	if (times > 1) {
		add_gaps(f, 0, times - 1);
	}
	f->first_ns = ns < f->first_ns ? ns : f->first_ns; /* as the flow's start */
	f->last_ns = ns > f->last_ns ? ns : f->last_ns;
	for (uint64_t i = f->size.count; i < TL_FEATURE_FIRST && i < f->size.count + times; i++) {
		f->sizes[i] = len;
	}
	stats_add(&f->size, len, times);
}

/* Merged packets count as they were on the wire, all at one time. */
void tl_feature_count(struct tl_feature *f, const struct tl_feature_packet *packet)
{
	if (packet->packets > 1) {
		add_sizes(f, packet->ns, packet->max_len, packet->packets - 1);
	}
	add_sizes(f, packet->ns, packet->min_len, 1);
	f->bytes += packet->bytes;
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
