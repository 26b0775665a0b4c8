/* SPDX-License-Identifier: BSD-2-Clause */
#include "jsondoc.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "json.h"

static void put(struct jsondoc *d, const char *text, size_t len)
{
	d->failed |= tl_textbuf_add(d->out, text, len) < 0;
}

static void put_string(struct jsondoc *d, const char *text)
{
	d->failed |= tl_json_string(d->out, tl_str_of(text)) < 0;
}

static void begin(struct jsondoc *d, const char *key)
{
	if (d->needs_comma) {
		put(d, ",", 1);
	}
	if (key) {
		put_string(d, key);
		put(d, ":", 1);
	}
	d->needs_comma = true;
}

void jsondoc_raw(struct jsondoc *d, const char *key, const char *json, size_t len)
{
	begin(d, key);
	put(d, json, len);
}

void jsondoc_open(struct jsondoc *d, const char *key, char bracket)
{
	jsondoc_raw(d, key, &bracket, 1);
	d->needs_comma = false;
}

void jsondoc_close(struct jsondoc *d, char bracket)
{
	put(d, &bracket, 1);
	d->needs_comma = true;
}

void jsondoc_text(struct jsondoc *d, const char *key, const char *text)
{
	begin(d, key);
	put_string(d, text);
}

void jsondoc_uint(struct jsondoc *d, const char *key, uint64_t value)
{
	char text[TL_TEXT_SCALAR_MAX];

	jsondoc_raw(d, key, text, (size_t)(tl_text_put_uint(text, value) - text));
}

void jsondoc_int(struct jsondoc *d, const char *key, int64_t value)
{
	char text[TL_TEXT_SCALAR_MAX];

	jsondoc_raw(d, key, text, (size_t)(tl_text_put_int(text, value) - text));
}

void jsondoc_real(struct jsondoc *d, const char *key, double value)
{
	char text[TL_TEXT_SCALAR_MAX];

	if (!isfinite(value)) {
		jsondoc_null(d, key);
		return;
	}
	jsondoc_raw(d, key, text, (size_t)(tl_text_put_real(text, value) - text));
}

void jsondoc_value(struct jsondoc *d, const char *key, struct tl_metric_value value)
{
	switch (value.kind) {
	case TL_METRIC_UINT:
		jsondoc_uint(d, key, value.number);
		break;
	case TL_METRIC_INT:
		jsondoc_int(d, key, value.negative);
		break;
	default:
		jsondoc_real(d, key, value.real);
	}
}

void jsondoc_bool(struct jsondoc *d, const char *key, bool value)
{
	jsondoc_raw(d, key, value ? "true" : "false", value ? 4 : 5);
}

void jsondoc_null(struct jsondoc *d, const char *key)
{
	jsondoc_raw(d, key, "null", 4);
}

void jsondoc_time(struct jsondoc *d, const char *key, uint64_t ns)
{
	char text[TL_TEXT_SCALAR_MAX + 2] = "\"";
	char *end = tl_text_put_time(text + 1, ns);

	*end++ = '"';
	jsondoc_raw(d, key, text, (size_t)(end - text));
}

int jsondoc_end(struct jsondoc *d)
{
	return d->failed ? -ENOMEM : 0;
}
