/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading reports: strangers' bytes. */
#include <math.h>

#include "metrics.h"
#include "text.h"

enum { SKIP_DEPTH = TL_MP_MAX_DEPTH - 1 };

struct reading {
	struct tl_mp_cursor at;
	struct tl_report *out;
	const char *reason;
};

static int refuse(struct reading *r, int err, const char *reason)
{
	if (!r->reason) {
		r->reason = reason;
	}
	return err;
}

/* --- values --------------------------------------------------------------- */

static bool is_text(struct tl_str text)
{
	const char *at = text.ptr;
	const char *end = text.ptr + text.len;

	while (at < end) {
		uint32_t code;
		unsigned int width = tl_text_utf8(at, end, &code);
		if (width == 0 || code < 0x20 || (code >= 0x7f && code < 0xa0)) {
			return false;
		}
		at += width;
	}
	return true;
}

static int get_text(struct reading *r, struct tl_str *text, uint32_t max)
{
	if (tl_mp_get_str(&r->at, text) < 0) {
		return refuse(r, -EBADMSG, "a text is missing");
	}
	if (text->len > max) {
		return refuse(r, -E2BIG, "a text is too long");
	}
	return is_text(*text) ? 0 : refuse(r, -EBADMSG, "a text is not UTF-8, or not printable");
}

static int get_label(struct reading *r, struct tl_str *text)
{
	return get_text(r, text, TL_METRICS_MAX_TEXT);
}

static int get_name(struct reading *r, struct tl_str *name)
{
	if (tl_mp_get_str(&r->at, name) < 0 || !tl_metric_name_is_good(*name)) {
		return refuse(r, -EBADMSG, "a name is none");
	}
	return 0;
}

static int get_count(struct reading *r, uint32_t *count, uint32_t max, const char *reason)
{
	if (tl_mp_get_array(&r->at, count) < 0) {
		return refuse(r, -EBADMSG, "a list is missing");
	}
	return *count > max ? refuse(r, -E2BIG, reason) : 0;
}

static int get_value(struct reading *r, enum tl_metric_type type, struct tl_metric_value *value)
{
	struct tl_mp_item item;

	*value = (struct tl_metric_value){0};
	if (tl_mp_get(&r->at, &item) < 0) {
		return refuse(r, -EBADMSG, "a value is missing");
	}
	if (item.kind == TL_MP_KIND_UINT) {
		value->number = item.number;
	} else if (item.kind == TL_MP_KIND_INT) {
		value->kind = TL_METRIC_INT;
		value->negative = item.negative;
	} else if (item.kind == TL_MP_KIND_FLOAT && isfinite(item.real)) {
		value->kind = TL_METRIC_REAL;
		value->real = item.real;
	} else {
		return refuse(r, -EBADMSG, "a value is no number");
	}
	if (type == TL_METRIC_COUNTER && tl_metric_real(*value) < 0) {
		return refuse(r, -EBADMSG, "a counter is negative");
	}
	return 0;
}

static int get_cpu(struct reading *r)
{
	struct tl_metric_value value;
	int err = get_value(r, TL_METRIC_COUNTER, &value);

	r->out->head.cpu_seconds = tl_metric_real(value);
	return err;
}

/* --- lists ---------------------------------------------------------------- */

static int get_ifaces(struct reading *r)
{
	struct tl_report_head *head = &r->out->head;
	int err = get_count(r, &head->iface_count, TL_METRICS_MAX_IFACES, "too many interfaces");

	for (uint32_t i = 0; err == 0 && i < head->iface_count; i++) {
		err = get_text(r, &head->ifaces[i], TL_METRICS_MAX_TEXT);
	}
	return err;
}

static int get_type(struct reading *r, enum tl_metric_type *type)
{
	struct tl_str word;

	if (tl_mp_get_str(&r->at, &word) == 0) {
		*type = TL_METRIC_GAUGE;
		if (tl_str_eq(word, TL_STR("gauge"))) {
			return 0;
		}
		*type = TL_METRIC_COUNTER;
		if (tl_str_eq(word, TL_STR("counter"))) {
			return 0;
		}
	}
	return refuse(r, -EBADMSG, "a type is neither counter nor gauge");
}

static int get_label_names(struct reading *r, struct tl_metric_view *metric)
{
	int err = get_count(r, &metric->label_count, TL_METRICS_MAX_LABELS, "too many labels");

	for (uint32_t i = 0; err == 0 && i < metric->label_count; i++) {
		err = get_name(r, &metric->labels[i]);
		for (uint32_t k = 0; err == 0 && k < i; k++) {
			if (tl_str_eq(metric->labels[k], metric->labels[i])) {
				err = refuse(r, -EBADMSG, "a label comes twice");
			}
		}
	}
	return err;
}

static int get_metric(struct reading *r, struct tl_metric_view *metric)
{
	uint32_t fields;
	int err = get_count(r, &fields, 5, "a descriptor has not five fields");

	if (err == 0 && fields != 5) {
		err = refuse(r, -EBADMSG, "a descriptor has not five fields");
	}
	err = err < 0 ? err : get_name(r, &metric->name);
	err = err < 0 ? err : get_text(r, &metric->unit, TL_METRICS_MAX_NAME);
	if (err == 0 && !tl_metric_unit_is_good(metric->name, metric->unit)) {
		err = refuse(r, -EBADMSG, "a name does not end in its unit, or in _total");
	}
	err = err < 0 ? err : get_type(r, &metric->type);
	err = err < 0 ? err : get_text(r, &metric->help, TL_METRICS_MAX_HELP);
	return err < 0 ? err : get_label_names(r, metric);
}

static int get_metrics(struct reading *r)
{
	struct tl_report *out = r->out;
	int err = get_count(r, &out->metric_count, TL_METRICS_MAX_METRICS, "too many metrics");

	for (uint32_t i = 0; err == 0 && i < out->metric_count; i++) {
		err = get_metric(r, &out->metrics[i]);
		for (uint32_t k = 0; err == 0 && k < i; k++) {
			if (tl_str_eq(out->metrics[k].name, out->metrics[i].name)) {
				err = refuse(r, -EBADMSG, "a metric comes twice");
			}
		}
	}
	return err;
}

static int get_sample(struct reading *r, struct tl_metric_sample *sample)
{
	uint32_t fields;
	uint64_t index;

	int err = get_count(r, &fields, 2 + TL_METRICS_MAX_LABELS, "too many labels");
	if (err < 0) {
		return err;
	}
	if (fields < 2 || tl_mp_get_uint(&r->at, &index) < 0 || index >= r->out->metric_count) {
		return refuse(r, -EBADMSG, "a sample of no metric");
	}
	const struct tl_metric_view *metric = &r->out->metrics[index];
	if (fields - 2 != metric->label_count) {
		return refuse(r, -EBADMSG, "a sample has not the labels of its metric");
	}
	sample->metric = (uint32_t)index;
	err = get_value(r, metric->type, &sample->value);
	for (uint32_t i = 0; err == 0 && i < metric->label_count; i++) {
		err = get_label(r, &sample->labels[i]);
	}
	return err;
}

static int get_samples(struct reading *r)
{
	struct tl_report *out = r->out;
	int err = get_count(r, &out->sample_count, TL_METRICS_MAX_SAMPLES, "too many samples");

	for (uint32_t i = 0; err == 0 && i < out->sample_count; i++) {
		err = get_sample(r, &out->samples[i]);
	}
	return err;
}

/* --- the map -------------------------------------------------------------- */

enum key_kind { KEY_VERSION, KEY_SIZE, KEY_TEXT, KEY_UINT, KEY_TIME, KEY_BOOL, KEY_CALL };

struct key {
	struct tl_str name;
	enum key_kind kind;
	size_t offset; /* in struct tl_report */
	int (*get)(struct reading *r);
};

#define FIELD(name) offsetof(struct tl_report, name)

static const struct key keys[] = {
	{TL_STR("v"), KEY_VERSION, 0, 0},
	{TL_STR("size"), KEY_SIZE, 0, 0},
	{TL_STR("tool"), KEY_TEXT, FIELD(head.tool), 0},
	{TL_STR("version"), KEY_TEXT, FIELD(head.version), 0},
	{TL_STR("instance"), KEY_TEXT, FIELD(head.instance), 0},
	{TL_STR("host"), KEY_TEXT, FIELD(head.host), 0},
	{TL_STR("place"), KEY_TEXT, FIELD(head.place), 0},
	{TL_STR("pid"), KEY_UINT, FIELD(head.pid), 0},
	{TL_STR("start"), KEY_TIME, FIELD(head.start_ns), 0},
	{TL_STR("time"), KEY_TIME, FIELD(head.time_ns), 0},
	{TL_STR("seq"), KEY_UINT, FIELD(head.seq), 0},
	{TL_STR("closing"), KEY_BOOL, FIELD(head.closing), 0},
	{TL_STR("engine"), KEY_TEXT, FIELD(head.engine), 0},
	{TL_STR("mode"), KEY_TEXT, FIELD(head.mode), 0},
	{TL_STR("ifaces"), KEY_CALL, 0, get_ifaces},
	{TL_STR("cpu"), KEY_CALL, 0, get_cpu},
	{TL_STR("resident"), KEY_UINT, FIELD(head.resident_bytes), 0},
	{TL_STR("metrics"), KEY_CALL, 0, get_metrics},
	{TL_STR("samples"), KEY_CALL, 0, get_samples},
	{TL_STR("cut"), KEY_UINT, FIELD(cut), 0},
};

enum { KEY_COUNT = sizeof(keys) / sizeof(keys[0]), KEYS_MAX = 64 };

static int get_exact(struct reading *r, uint64_t wanted, const char *reason)
{
	uint64_t number;

	if (tl_mp_get_uint(&r->at, &number) < 0 || number != wanted) {
		return refuse(r, -EBADMSG, reason);
	}
	return 0;
}

static int get_field(struct reading *r, const struct key *key, size_t len)
{
	void *field = (char *)r->out + key->offset;

	switch (key->kind) {
	case KEY_VERSION:
		return get_exact(r, TL_METRICS_VERSION, "another version");
	case KEY_SIZE:
		return get_exact(r, len, "its size is not the message's");
	case KEY_TEXT:
		return get_text(r, field, TL_METRICS_MAX_TEXT);
	case KEY_UINT:
		return tl_mp_get_uint(&r->at, field) < 0 ? refuse(r, -EBADMSG, "no number") : 0;
	case KEY_TIME:
		return tl_mp_get_time(&r->at, field) < 0 ? refuse(r, -EBADMSG, "no time") : 0;
	case KEY_BOOL:
		return tl_mp_get_bool(&r->at, field) < 0 ? refuse(r, -EBADMSG, "no bool") : 0;
	default:
		return key->get(r);
	}
}

static int get_pair(struct reading *r, uint32_t *seen, size_t len)
{
	struct tl_str name;

	if (tl_mp_get_str(&r->at, &name) < 0) {
		return refuse(r, -EBADMSG, "a key is no text");
	}
	for (unsigned int i = 0; i < KEY_COUNT; i++) {
		if (!tl_str_eq(keys[i].name, name)) {
			continue;
		}
		if (*seen & 1u << i) {
			return refuse(r, -EBADMSG, "a key comes twice");
		}
		*seen |= 1u << i;
		return get_field(r, &keys[i], len);
	}
	return tl_mp_skip(&r->at, SKIP_DEPTH) < 0 ? refuse(r, -EBADMSG, "malformed") : 0;
}

/* Descriptors that come after the samples would leave these without any: index 0 of 0. */
static int get_map(struct reading *r, size_t len)
{
	uint32_t pairs;
	uint32_t seen = 0;
	int err = 0;

	if (tl_mp_get_map(&r->at, &pairs) < 0) {
		return refuse(r, -EBADMSG, "no map");
	}
	if (pairs > KEYS_MAX) {
		return refuse(r, -E2BIG, "too many keys");
	}
	for (uint32_t i = 0; err == 0 && i < pairs; i++) {
		err = get_pair(r, &seen, len);
	}
	if (err < 0) {
		return err;
	}
	if (r->at.at != r->at.end) {
		return refuse(r, -EBADMSG, "bytes after the report");
	}
	if ((seen & 3) != 3 || r->out->head.tool.len == 0 || r->out->head.instance.len == 0) {
		return refuse(r, -EBADMSG, "without version, size, tool or instance");
	}
	return 0;
}

/* What samples and metrics hold beyond their counts is not cleared: it is 100 KiB. */
static void clear(struct tl_report *out)
{
	out->head = (struct tl_report_head){0};
	out->cut = 0;
	out->metric_count = 0;
	out->sample_count = 0;
}

int tl_report_read(const uint8_t *bytes, size_t len, struct tl_report *out, const char **reason)
{
	struct reading r = {.at = {bytes, bytes + len}, .out = out};

	clear(out);
	int err = len > TL_METRICS_MAX_REPORT ? refuse(&r, -E2BIG, "too big") : get_map(&r, len);
	if (reason) {
		*reason = r.reason;
	}
	return err;
}
