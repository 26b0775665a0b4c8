/* SPDX-License-Identifier: BSD-2-Clause */
/* Writing reports. */
#include <math.h>

#include "metrics.h"
#include "text.h"

enum {
	KEYS = 20,
	TAIL = 16,	  /* "cut" and its value */
	HEAD_FIXED = 512, /* keys and numbers of the head, heads of arrays */
	VALUE_MAX = 9,
	COUNT_WIDTH = 5, /* array32, so that the count can be stored when it is known */
};

double tl_metric_real(struct tl_metric_value value)
{
	switch (value.kind) {
	case TL_METRIC_UINT:
		return (double)value.number;
	case TL_METRIC_INT:
		return (double)value.negative;
	default:
		return value.real;
	}
}

/* --- names ---------------------------------------------------------------- */

static bool ends_in(struct tl_str name, struct tl_str end)
{
	return name.len >= end.len && memcmp(name.ptr + name.len - end.len, end.ptr, end.len) == 0;
}

bool tl_metric_name_is_good(struct tl_str name)
{
	if (name.len == 0 || name.len > TL_METRICS_MAX_NAME || name.ptr[0] < 'a' ||
	    name.ptr[0] > 'z') {
		return false;
	}
	for (uint32_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) {
			return false;
		}
	}
	return true;
}

bool tl_metric_unit_is_good(struct tl_str name, struct tl_str unit)
{
	if (ends_in(name, TL_STR("_total"))) {
		return false;
	}
	if (unit.len == 0) {
		return true;
	}
	return tl_metric_name_is_good(unit) && name.len > unit.len + 1 && ends_in(name, unit) &&
	       name.ptr[name.len - unit.len - 1] == '_';
}

/* --- text ----------------------------------------------------------------- */

/* As much as fits into `max` bytes, with '?' for what is no text. */
static uint32_t clean(char *to, struct tl_str text, uint32_t max)
{
	const char *at = text.ptr;
	const char *end = text.ptr + text.len;
	uint32_t len = 0;

	while (at < end) {
		uint32_t code;
		unsigned int width = tl_text_utf8(at, end, &code);
		bool good = width > 0 && code >= 0x20 && (code < 0x7f || code >= 0xa0);
		if (len + (good ? width : 1) > max) {
			break;
		}
		memcpy(to + len, good ? at : "?", good ? width : 1);
		len += good ? width : 1;
		at += width > 0 ? width : 1;
	}
	return len;
}

static uint8_t *put_text(uint8_t *p, struct tl_str text)
{
	char buf[TL_METRICS_MAX_TEXT];
	uint32_t len = text.ptr ? clean(buf, text, sizeof(buf)) : 0;

	return tl_mp_put_str(p, (struct tl_str){buf, len});
}

static uint8_t *put_key_text(uint8_t *p, const char *key, struct tl_str text)
{
	return put_text(tl_mp_put_str(p, tl_str_of(key)), text);
}

static uint8_t *put_key_uint(uint8_t *p, const char *key, uint64_t v)
{
	return tl_mp_put_uint(tl_mp_put_str(p, tl_str_of(key)), v);
}

static uint8_t *put_key_time(uint8_t *p, const char *key, uint64_t ns)
{
	return tl_mp_put_time(tl_mp_put_str(p, tl_str_of(key)), ns);
}

/* --- the head ------------------------------------------------------------- */

static uint8_t *put_ifaces(uint8_t *p, const struct tl_report_head *head)
{
	uint32_t count = head->iface_count < TL_METRICS_MAX_IFACES ? head->iface_count
								   : TL_METRICS_MAX_IFACES;

	p = tl_mp_put_array(tl_mp_put_str(p, TL_STR("ifaces")), count);
	for (uint32_t i = 0; i < count; i++) {
		p = put_text(p, head->ifaces[i]);
	}
	return p;
}

static uint8_t *put_head(uint8_t *p, const struct tl_report_head *head)
{
	p = tl_mp_put_be16(tl_mp_put_byte(p, TL_MP_MAP16), KEYS);
	p = tl_mp_put_uint(tl_mp_put_str(p, TL_STR("v")), TL_METRICS_VERSION);
	p = tl_mp_put_str(p, TL_STR("size"));
	p = tl_mp_put_be32(tl_mp_put_byte(p, TL_MP_U32), 0); /* tl_report_finish */
	p = put_key_text(p, "tool", head->tool);
	p = put_key_text(p, "version", head->version);
	p = put_key_text(p, "instance", head->instance);
	p = put_key_text(p, "host", head->host);
	p = put_key_text(p, "place", head->place);
	p = put_key_uint(p, "pid", head->pid);
	p = put_key_time(p, "start", head->start_ns);
	p = put_key_time(p, "time", head->time_ns);
	p = put_key_uint(p, "seq", head->seq);
	p = tl_mp_put_bool(tl_mp_put_str(p, TL_STR("closing")), head->closing);
	p = put_key_text(p, "engine", head->engine);
	p = put_key_text(p, "mode", head->mode);
	p = put_ifaces(p, head);
	p = tl_mp_put_f64(tl_mp_put_str(p, TL_STR("cpu")),
			  isfinite(head->cpu_seconds) && head->cpu_seconds >= 0 ? head->cpu_seconds
										: 0);
	return put_key_uint(p, "resident", head->resident_bytes);
}

static size_t head_max(const struct tl_report_head *head)
{
	enum { TEXTS = 7 };
	return HEAD_FIXED + (TEXTS + (size_t)head->iface_count) * (TL_METRICS_MAX_TEXT + 5);
}

/* --- descriptors ---------------------------------------------------------- */

static unsigned int label_count(const struct tl_metric *metric)
{
	unsigned int count = 0;

	while (count < TL_METRICS_MAX_LABELS && metric->labels[count]) {
		count++;
	}
	return count;
}

bool tl_metric_is_good(const struct tl_metric *metric)
{
	if (!tl_metric_name_is_good(tl_str_of(metric->name)) ||
	    !tl_metric_unit_is_good(tl_str_of(metric->name), tl_str_of(metric->unit)) ||
	    metric->type >= TL_METRIC_TYPES || strlen(metric->help) > TL_METRICS_MAX_HELP) {
		return false;
	}
	for (unsigned int i = 0; i < label_count(metric); i++) {
		if (!tl_metric_name_is_good(tl_str_of(metric->labels[i]))) {
			return false;
		}
	}
	return true;
}

static uint8_t *put_metric(uint8_t *p, const struct tl_metric *metric)
{
	static const char *const types[] = {"counter", "gauge"};
	unsigned int labels = label_count(metric);

	p = tl_mp_put_array(p, 5);
	p = tl_mp_put_str(p, tl_str_of(metric->name));
	p = tl_mp_put_str(p, tl_str_of(metric->unit));
	p = tl_mp_put_str(p, tl_str_of(types[metric->type]));
	p = tl_mp_put_str(p, tl_str_of(metric->help));
	p = tl_mp_put_array(p, labels);
	for (unsigned int i = 0; i < labels; i++) {
		p = tl_mp_put_str(p, tl_str_of(metric->labels[i]));
	}
	return p;
}

enum { METRIC_MAX = 32 + TL_METRICS_MAX_HELP + (2 + TL_METRICS_MAX_LABELS) * TL_METRICS_MAX_NAME };

static int put_table(struct tl_report_writer *w)
{
	w->at = tl_mp_put_array(tl_mp_put_str(w->at, TL_STR("metrics")), w->table_count);
	for (unsigned int i = 0; i < w->table_count; i++) {
		if (!tl_metric_is_good(&w->table[i])) {
			return -EINVAL;
		}
		if ((size_t)(w->end - w->at) < METRIC_MAX + HEAD_FIXED) {
			return -ENOSPC;
		}
		w->at = put_metric(w->at, &w->table[i]);
	}
	return 0;
}

int tl_report_begin(struct tl_report_writer *w, uint8_t *bytes, size_t room,
		    const struct tl_report_head *head, const struct tl_metric *table,
		    unsigned int table_count)
{
	room = room < TL_METRICS_MAX_REPORT ? room : TL_METRICS_MAX_REPORT;
	*w = (struct tl_report_writer){
		.start = bytes, .end = bytes + room, .table = table, .table_count = table_count};
	if (table_count > TL_METRICS_MAX_METRICS) {
		return -EINVAL;
	}
	if (room < head_max(head) + HEAD_FIXED) {
		return -ENOSPC;
	}
	w->at = put_head(bytes, head);
	int err = put_table(w);
	if (err == 0) {
		w->at = tl_mp_put_str(w->at, TL_STR("samples"));
		w->samples_at = w->at;
		w->at += COUNT_WIDTH;
	}
	return err;
}

/* --- samples -------------------------------------------------------------- */

static uint8_t *put_value(uint8_t *p, struct tl_metric_value value)
{
	switch (value.kind) {
	case TL_METRIC_UINT:
		return tl_mp_put_uint(p, value.number);
	case TL_METRIC_INT:
		return tl_mp_put_int(p, value.negative);
	default:
		return tl_mp_put_f64(p, value.real);
	}
}

static bool may_be(enum tl_metric_type type, struct tl_metric_value value)
{
	if (value.kind == TL_METRIC_REAL && !isfinite(value.real)) {
		return false;
	}
	return type == TL_METRIC_GAUGE || tl_metric_real(value) >= 0;
}

void tl_report_add(struct tl_report_writer *w, unsigned int index, struct tl_metric_value value,
		   const char *const *labels)
{
	enum { SAMPLE_FIXED = 5 + 9 + VALUE_MAX };
	const struct tl_metric *metric = index < w->table_count ? &w->table[index] : 0;
	unsigned int count = metric ? label_count(metric) : 0;
	size_t most = SAMPLE_FIXED + count * (size_t)(TL_METRICS_MAX_TEXT + 5) + TAIL;

	if (!metric || w->samples == TL_METRICS_MAX_SAMPLES || (size_t)(w->end - w->at) < most ||
	    (count > 0 && !labels) || !may_be(metric->type, value)) {
		w->cut++;
		return;
	}
	uint8_t *p = tl_mp_put_array(w->at, 2 + count);
	p = put_value(tl_mp_put_uint(p, index), value);
	for (unsigned int i = 0; i < count; i++) {
		p = put_text(p, tl_str_of(labels[i] ? labels[i] : ""));
	}
	w->at = p;
	w->samples++;
}

size_t tl_report_finish(struct tl_report_writer *w)
{
	enum { SIZE_AT = 3 + 2 + 1 + 5 + 1 }; /* behind the map's head, "v", its value, "size" */

	tl_mp_put_be32(tl_mp_put_byte(w->samples_at, TL_MP_ARRAY32), w->samples);
	w->at = put_key_uint(w->at, "cut", w->cut);
	size_t len = (size_t)(w->at - w->start);
	tl_mp_put_be32(w->start + SIZE_AT, (uint32_t)len);
	return len;
}
