/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reader of reports over any bytes: what it takes keeps every promise of
 * common/metrics.h. The size in the head is set right, or nothing but that would
 * be tested.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../common/metrics.h"

enum { PREFIX_MAX = 16 };

static struct tl_report report;

static void require(int holds)
{
	if (!holds) {
		abort();
	}
}

static void is_within(struct tl_str text, const uint8_t *bytes, size_t size, uint32_t max)
{
	const uint8_t *at = (const uint8_t *)text.ptr;

	require(text.len <= max);
	require(text.len == 0 || (at >= bytes && at + text.len <= bytes + size));
	require(!memchr(text.len ? text.ptr : "", '\0', text.len));
}

static void check_metric(const struct tl_metric_view *m, const uint8_t *bytes, size_t size)
{
	is_within(m->name, bytes, size, TL_METRICS_MAX_NAME);
	is_within(m->help, bytes, size, TL_METRICS_MAX_HELP);
	require(tl_metric_name_is_good(m->name) && tl_metric_unit_is_good(m->name, m->unit));
	require(m->type < TL_METRIC_TYPES && m->label_count <= TL_METRICS_MAX_LABELS);
	for (uint32_t i = 0; i < m->label_count; i++) {
		require(tl_metric_name_is_good(m->labels[i]));
	}
}

static void check_sample(const struct tl_metric_sample *s, const uint8_t *bytes, size_t size)
{
	require(s->metric < report.metric_count);
	const struct tl_metric_view *m = &report.metrics[s->metric];
	require(isfinite(tl_metric_real(s->value)));
	require(m->type == TL_METRIC_GAUGE || tl_metric_real(s->value) >= 0);
	for (uint32_t i = 0; i < m->label_count; i++) {
		is_within(s->labels[i], bytes, size, TL_METRICS_MAX_TEXT);
	}
}

static void check(const uint8_t *bytes, size_t size)
{
	const struct tl_report_head *h = &report.head;
	const struct tl_str texts[] = {h->tool,	 h->version, h->instance, h->host,
				       h->place, h->engine,  h->mode};

	require(h->tool.len > 0 && h->instance.len > 0);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		is_within(texts[i], bytes, size, TL_METRICS_MAX_TEXT);
	}
	require(h->iface_count <= TL_METRICS_MAX_IFACES);
	for (uint32_t i = 0; i < h->iface_count; i++) {
		is_within(h->ifaces[i], bytes, size, TL_METRICS_MAX_TEXT);
	}
	require(report.metric_count <= TL_METRICS_MAX_METRICS);
	for (uint32_t i = 0; i < report.metric_count; i++) {
		check_metric(&report.metrics[i], bytes, size);
	}
	require(report.sample_count <= TL_METRICS_MAX_SAMPLES);
	for (uint32_t i = 0; i < report.sample_count; i++) {
		check_sample(&report.samples[i], bytes, size);
	}
}

/* The bytes behind a head that is good. */
static size_t put_prefix(uint8_t *bytes, size_t size)
{
	static const uint8_t fixed[] = {TL_MP_MAP16, 0,	  0,   0xa1, 'v', 1,
					0xa4,	     's', 'i', 'z',  'e', TL_MP_U32};

	if (size < PREFIX_MAX) {
		return size;
	}
	uint8_t pairs = bytes[0] % 24;
	memcpy(bytes, fixed, sizeof(fixed));
	bytes[2] = pairs;
	tl_mp_put_be32(bytes + sizeof(fixed), (uint32_t)size);
	return size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *bytes = malloc(size ? size : 1);
	const char *reason = 0;

	memcpy(bytes, data, size);
	put_prefix(bytes, size);
	int err = tl_report_read(bytes, size, &report, &reason);
	if (err == 0) {
		check(bytes, size);
	} else {
		require(reason != 0 && (err == -EBADMSG || err == -E2BIG));
	}
	free(bytes);
	return 0;
}
