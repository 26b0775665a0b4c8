/* SPDX-License-Identifier: BSD-2-Clause */
#include "ledger.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"

#define CPU_INTERVAL_MIN_NS (250 * TL_MS_NS)

struct ledger_config ledger_defaults(void)
{
	return (struct ledger_config){
		.silence_ns = 5 * TL_SECOND_NS,
		.handover_ns = 2500 * TL_MS_NS,
		.forget_ns = 3600 * TL_SECOND_NS,
	};
}

const char *ledger_state_name(enum ledger_state state)
{
	static const char *const names[] = {"live", "silent", "closed"};

	return names[state];
}

int ledger_create(struct ledger **out, const struct ledger_config *config)
{
	struct ledger *l = calloc(1, sizeof(*l));

	if (!l) {
		return -ENOMEM;
	}
	l->config = *config;
	*out = l;
	return 0;
}

static void free_instance(struct ledger *l, struct ledger_instance *i)
{
	ledger_samples_free(l, i);
	free(i);
	l->instance_count--;
}

void ledger_destroy(struct ledger *l)
{
	if (!l) {
		return;
	}
	while (l->instances) {
		struct ledger_instance *next = l->instances->next;
		free_instance(l, l->instances);
		l->instances = next;
	}
	for (unsigned int i = 0; i < l->metric_count; i++) {
		free(l->metrics[i]);
	}
	free(l);
}

/* --- text ----------------------------------------------------------------- */

/* A report's texts are no longer than LEDGER_TEXT allows, and hold no NUL. */
static void copy(char to[LEDGER_TEXT], struct tl_str from)
{
	memcpy(to, from.ptr ? from.ptr : "", from.len);
	to[from.len] = '\0';
}

static bool is(const char *text, struct tl_str other)
{
	return tl_str_eq(tl_str_of(text), other);
}

static bool is_kin(const struct ledger_instance *i, const struct tl_report_head *head)
{
	return is(i->tool, head->tool) && is(i->host, head->host) && is(i->place, head->place);
}

/* --- whose report it is --------------------------------------------------- */

static struct ledger_instance *find_run(struct ledger *l, const struct tl_report_head *head)
{
	for (struct ledger_instance *i = l->instances; i; i = i->next) {
		if (is(i->run, head->instance) && is_kin(i, head)) {
			return i;
		}
	}
	return 0;
}

static bool is_over(const struct ledger *l, const struct ledger_instance *i, uint64_t now_ns)
{
	return i->state != LEDGER_LIVE || now_ns - i->heard_ns >= l->config.handover_ns;
}

/* Whose place the run takes: of those that are over the one heard last. */
static struct ledger_instance *find_ancestor(struct ledger *l, const struct tl_report_head *head,
					     uint64_t now_ns)
{
	struct ledger_instance *best = 0;

	for (struct ledger_instance *i = l->instances; i; i = i->next) {
		if (is_kin(i, head) && is_over(l, i, now_ns) &&
		    (!best || i->heard_ns > best->heard_ns)) {
			best = i;
		}
	}
	return best;
}

/* True while it is not known whether the run is another one's successor. */
static bool hold_back(struct ledger *l, const struct tl_report_head *head, uint64_t now_ns)
{
	struct ledger_instance *first = 0;

	for (struct ledger_instance *i = l->instances; i; i = i->next) {
		if (!is_kin(i, head)) {
			continue;
		}
		if (is(i->rival, head->instance)) {
			bool known = i->rival_is_another;
			i->rival[known ? 0 : strlen(i->rival)] = '\0';
			return !known;
		}
		first = first ? first : i;
	}
	if (!first) {
		return false;
	}
	if (!first->rival[0] || now_ns - first->rival_ns >= l->config.silence_ns) {
		copy(first->rival, head->instance);
		first->rival_ns = now_ns;
		first->rival_is_another = false;
	}
	return true;
}

static bool name_is_taken(const struct ledger *l, const struct ledger_instance *new)
{
	for (const struct ledger_instance *i = l->instances; i; i = i->next) {
		if (i != new &&strcmp(i->tool, new->tool) == 0 && strcmp(i->name, new->name) == 0) {
			return true;
		}
	}
	return false;
}

static void set_name(const struct ledger *l, struct ledger_instance *i)
{
	const char *colon = i->place[0] ? ":" : "";

	snprintf(i->name, sizeof(i->name), "%s%s%s", i->host, colon, i->place);
	for (unsigned int number = 2; name_is_taken(l, i); number++) {
		snprintf(i->name, sizeof(i->name), "%s%s%s#%u", i->host, colon, i->place, number);
	}
}

/* --- making room ---------------------------------------------------------- */

static void forget(struct ledger *l, struct ledger_instance **link)
{
	struct ledger_instance *gone = *link;

	*link = gone->next;
	free_instance(l, gone);
	l->counts.forgotten++;
}

/* The one that is over for the longest time. */
static bool forget_one(struct ledger *l)
{
	struct ledger_instance **oldest = 0;

	for (struct ledger_instance **at = &l->instances; *at; at = &(*at)->next) {
		if ((*at)->state != LEDGER_LIVE &&
		    (!oldest || (*at)->heard_ns < (*oldest)->heard_ns)) {
			oldest = at;
		}
	}
	if (oldest) {
		forget(l, oldest);
	}
	return oldest;
}

static struct ledger_instance *add_instance(struct ledger *l, const struct tl_report_head *head)
{
	struct ledger_instance **end = &l->instances;

	if (l->instance_count == LEDGER_INSTANCES_MAX && !forget_one(l)) {
		return 0;
	}
	struct ledger_instance *i = calloc(1, sizeof(*i));
	if (!i) {
		return 0;
	}
	copy(i->tool, head->tool);
	copy(i->host, head->host);
	copy(i->place, head->place);
	set_name(l, i);
	while (*end) {
		end = &(*end)->next;
	}
	*end = i;
	l->instance_count++;
	return i;
}

/* --- runs ----------------------------------------------------------------- */

static void count_held(struct ledger_instance *i)
{
	int64_t most = 0;

	for (unsigned int k = 0; k < i->book_count; k++) {
		most = i->books[k].held > most ? i->books[k].held : most;
	}
	i->held_when_killed += (uint64_t)most;
}

static void end_run(struct ledger *l, struct ledger_instance *i)
{
	if (i->state != LEDGER_CLOSED) {
		count_held(i);
	}
	i->restarts++;
	i->cpu_base += i->cpu_seconds;
	i->rival[0] = '\0';
	books_reset(i);
	ledger_samples_carry(l, i);
}

static void begin_run(struct ledger_instance *i, const struct tl_report_head *head)
{
	copy(i->run, head->instance);
	i->pid = head->pid;
	i->start_ns = head->start_ns;
	i->time_ns = head->start_ns;
	i->seq = head->seq - 1; /* what it made before we were there is not lost */
	i->cpu_seconds = 0;
	i->cpu_percent = 0;
	i->cpu_mark_ns = 0;
}

/* The instance of the report; 0 and *err = none. */
static struct ledger_instance *find_instance(struct ledger *l, const struct tl_report_head *head,
					     uint64_t now_ns, int *err)
{
	struct ledger_instance *i = find_run(l, head);

	if (i) {
		i->rival_is_another = i->rival[0] != '\0';
		return i;
	}
	i = find_ancestor(l, head, now_ns);
	if (i) {
		end_run(l, i);
		begin_run(i, head);
		return i;
	}
	if (hold_back(l, head, now_ns)) {
		l->counts.held_back++;
		*err = -EAGAIN;
		return 0;
	}
	i = add_instance(l, head);
	if (!i) {
		l->counts.refused_instances++;
		*err = -ENOSPC;
		return 0;
	}
	begin_run(i, head);
	return i;
}

/*
 * What the first report of a run tells was used since the process began, and that is not when the
 * run did: nothing to divide by. Nor is a moment, as between a report and the closing one.
 */
static void set_cpu(struct ledger_instance *i, const struct tl_report_head *head)
{
	if (head->cpu_seconds >= i->cpu_seconds) {
		i->cpu_seconds = head->cpu_seconds;
	}
	if (i->cpu_mark_ns == 0 || head->time_ns < i->cpu_mark_ns) {
		i->cpu_mark_ns = head->time_ns;
		i->cpu_mark_seconds = i->cpu_seconds;
		return;
	}
	uint64_t interval_ns = head->time_ns - i->cpu_mark_ns;
	if (interval_ns < CPU_INTERVAL_MIN_NS) {
		return;
	}
	double used = i->cpu_seconds - i->cpu_mark_seconds;
	i->cpu_percent = 100.0 * used * 1e9 / (double)interval_ns;
	i->cpu_mark_ns = head->time_ns;
	i->cpu_mark_seconds = i->cpu_seconds;
}

static void set_head(struct ledger_instance *i, const struct tl_report_head *head, uint64_t now_ns)
{
	set_cpu(i, head);
	copy(i->version, head->version);
	copy(i->engine, head->engine);
	copy(i->mode, head->mode);
	i->iface_count = head->iface_count;
	for (uint32_t k = 0; k < head->iface_count; k++) {
		copy(i->ifaces[k], head->ifaces[k]);
	}
	i->lost_reports += head->seq > i->seq + 1 ? head->seq - i->seq - 1 : 0;
	i->seq = head->seq;
	i->time_ns = head->time_ns;
	i->resident_bytes = head->resident_bytes;
	i->state = head->closing ? LEDGER_CLOSED : LEDGER_LIVE;
	i->heard_ns = now_ns;
	i->reports++;
}

int ledger_take(struct ledger *l, const struct tl_report *report, uint64_t now_ns)
{
	int err = 0;

	ledger_advance(l, now_ns);
	struct ledger_instance *i = find_instance(l, &report->head, now_ns, &err);
	if (!i) {
		return err;
	}
	set_head(i, &report->head, now_ns);
	i->cut_samples += report->cut;
	l->counts.reports++;
	ledger_samples_take(l, i, report);
	books_update(i, report->head.closing);
	return 0;
}

void ledger_advance(struct ledger *l, uint64_t now_ns)
{
	struct ledger_instance **at = &l->instances;

	while (*at) {
		struct ledger_instance *i = *at;
		uint64_t silence = now_ns > i->heard_ns ? now_ns - i->heard_ns : 0;
		if (i->state == LEDGER_LIVE && silence >= l->config.silence_ns) {
			i->state = LEDGER_SILENT;
		}
		if (i->state != LEDGER_LIVE && silence >= l->config.forget_ns) {
			forget(l, at);
		} else {
			at = &i->next;
		}
	}
}
