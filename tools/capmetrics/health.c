/* SPDX-License-Identifier: BSD-2-Clause */
#include "health.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"

#define SPOOL_FULL 0.8

const char *health_code_name(enum health_code code)
{
	static const char *const names[] = {"no_capture", "silent", "unbalanced", "spool", "sink"};

	return names[code];
}

static bool is_about_ready(enum health_code code)
{
	return code == HEALTH_NO_CAPTURE || code == HEALTH_SILENT;
}

__attribute__((format(printf, 4, 5))) static void add(struct health *h, enum health_code code,
						      const struct ledger_instance *instance,
						      const char *format, ...)
{
	va_list arguments;

	h->is_healthy = false;
	h->is_ready = h->is_ready && !is_about_ready(code);
	if (h->count == HEALTH_REASONS_MAX) {
		h->left_out++;
		return;
	}
	struct health_reason *r = &h->reasons[h->count++];
	r->code = code;
	r->instance = instance;
	va_start(arguments, format);
	vsnprintf(r->text, sizeof(r->text), format, arguments);
	va_end(arguments);
}

static void look_at_capture(struct health *h, const struct ledger *ledger)
{
	for (const struct ledger_instance *i = ledger->instances; i; i = i->next) {
		if (i->engine[0] && i->state == LEDGER_LIVE) {
			return;
		}
	}
	add(h, HEALTH_NO_CAPTURE, 0, "nothing captures: no capture tool reports");
}

static void look_at_silence(struct health *h, const struct ledger_instance *i, uint64_t now_ns)
{
	if (i->state == LEDGER_SILENT) {
		add(h, HEALTH_SILENT, i, "%s %s (pid %llu) has not reported for %llu s", i->tool,
		    i->name, (unsigned long long)i->pid,
		    (unsigned long long)((now_ns - i->heard_ns) / TL_SECOND_NS));
	}
}

static void look_at_books(struct health *h, const struct ledger_instance *i)
{
	for (unsigned int k = 0; k < i->book_count; k++) {
		const struct book *b = &i->books[k];
		if (b->is_red) {
			add(h, HEALTH_UNBALANCED, i, "%s %s: the books of %s%s%s are off by %lld",
			    i->tool, i->name, book_kind_name(b->kind), b->key[0] ? " of " : "",
			    b->key, (long long)b->residual);
		}
	}
}

static const char *of_sink(const struct ledger_sample *s)
{
	const char *sink = ledger_label(s, "sink");

	return sink ? sink : "its sink";
}

static void look_at_sample(struct health *h, const struct ledger_instance *i,
			   const struct ledger_sample *s)
{
	double value = tl_metric_real(ledger_value(s));

	if (strcmp(s->metric->name, "spool_utilization_ratio") == 0 && value > SPOOL_FULL) {
		add(h, HEALTH_SPOOL, i, "%s %s: the spool of %s is %.0f %% full", i->tool, i->name,
		    of_sink(s), 100 * value);
	} else if (strcmp(s->metric->name, "sink_up") == 0 && value == 0) {
		add(h, HEALTH_SINK, i, "%s %s: %s does not take what it is given", i->tool, i->name,
		    of_sink(s));
	}
}

void health_look(struct health *h, const struct ledger *ledger, uint64_t now_ns)
{
	h->is_ready = h->is_healthy = true;
	h->count = h->left_out = 0;
	look_at_capture(h, ledger);
	for (const struct ledger_instance *i = ledger->instances; i; i = i->next) {
		look_at_silence(h, i, now_ns);
		look_at_books(h, i);
		for (size_t k = 0; i->state == LEDGER_LIVE && k < i->sample_count; k++) {
			look_at_sample(h, i, &i->samples[k]);
		}
	}
}

static int put(struct tl_textbuf *out, const char *text)
{
	return tl_textbuf_add(out, text, strlen(text));
}

int health_write(const struct health *h, struct tl_textbuf *out, bool ready_only)
{
	int err = 0;

	if (ready_only ? h->is_ready : h->is_healthy) {
		return put(out, "ok\n");
	}
	for (unsigned int i = 0; i < h->count && err == 0; i++) {
		const struct health_reason *r = &h->reasons[i];
		if (ready_only && !is_about_ready(r->code)) {
			continue;
		}
		err = put(out, health_code_name(r->code));
		err = err < 0 ? err : put(out, ": ");
		err = err < 0 ? err : put(out, r->text);
		err = err < 0 ? err : put(out, "\n");
	}
	return err == 0 && h->left_out > 0 ? put(out, "and more\n") : err;
}
