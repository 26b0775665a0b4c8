/* SPDX-License-Identifier: BSD-2-Clause */
#include "exposition.h"

#include <errno.h>
#include <string.h>

static void put(struct exposition *e, const char *text)
{
	e->failed |= tl_textbuf_add(e->out, text, strlen(text)) < 0;
}

/* Backslash and newline; quotes in label values, and in OpenMetrics everywhere. */
static void put_escaped(struct exposition *e, const char *text, bool quotes)
{
	while (*text) {
		size_t plain = strcspn(text, quotes ? "\\\n\"" : "\\\n");
		e->failed |= tl_textbuf_add(e->out, text, plain) < 0;
		text += plain;
		if (*text) {
			put(e, *text == '\n' ? "\\n" : *text == '"' ? "\\\"" : "\\\\");
			text++;
		}
	}
}

static void put_name(struct exposition *e, bool with_total)
{
	put(e, "tapline_");
	put(e, e->name);
	if (with_total && e->type == TL_METRIC_COUNTER) {
		put(e, "_total");
	}
}

/* In OpenMetrics a family goes without the _total of its samples. */
static void put_comment(struct exposition *e, const char *word)
{
	put(e, "# ");
	put(e, word);
	put(e, " ");
	put_name(e, !e->open_metrics);
	put(e, " ");
}

void exposition_family(struct exposition *e, const char *name, const char *unit,
		       enum tl_metric_type type, const char *help)
{
	static const char *const types[] = {"counter\n", "gauge\n"};

	e->name = name;
	e->type = type;
	put_comment(e, "TYPE");
	put(e, types[type]);
	if (e->open_metrics && unit[0]) {
		put_comment(e, "UNIT");
		put(e, unit);
		put(e, "\n");
	}
	put_comment(e, "HELP");
	put_escaped(e, help[0] ? help : name, e->open_metrics);
	put(e, "\n");
}

void exposition_begin(struct exposition *e)
{
	e->has_labels = false;
	put_name(e, true);
}

void exposition_label(struct exposition *e, const char *name, const char *value)
{
	put(e, e->has_labels ? "," : "{");
	put(e, name);
	put(e, "=\"");
	put_escaped(e, value, true);
	put(e, "\"");
	e->has_labels = true;
}

void exposition_value(struct exposition *e, struct tl_metric_value value)
{
	char text[TL_TEXT_SCALAR_MAX];
	char *p = text;

	put(e, e->has_labels ? "} " : " ");
	switch (value.kind) {
	case TL_METRIC_UINT:
		p = tl_text_put_uint(p, value.number);
		break;
	case TL_METRIC_INT:
		p = tl_text_put_int(p, value.negative);
		break;
	default:
		p = tl_text_put_real(p, value.real);
	}
	*p++ = '\n';
	e->failed |= tl_textbuf_add(e->out, text, (size_t)(p - text)) < 0;
}

void exposition_uint(struct exposition *e, uint64_t value)
{
	exposition_value(e, (struct tl_metric_value){.kind = TL_METRIC_UINT, .number = value});
}

void exposition_int(struct exposition *e, int64_t value)
{
	exposition_value(e, (struct tl_metric_value){.kind = TL_METRIC_INT, .negative = value});
}

void exposition_real(struct exposition *e, double value)
{
	exposition_value(e, (struct tl_metric_value){.kind = TL_METRIC_REAL, .real = value});
}

int exposition_end(struct exposition *e)
{
	if (e->open_metrics) {
		put(e, "# EOF\n");
	}
	return e->failed ? -ENOMEM : 0;
}
