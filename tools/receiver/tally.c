/* SPDX-License-Identifier: BSD-2-Clause */
#include "tally.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

struct row {
	char name[TL_AUTH_NAME_MAX];
	uint64_t deliveries;
	uint64_t events;
};

struct tally {
	unsigned int count;
	struct row others;
	struct row rows[TALLY_NAMES];
};

int tally_create(struct tally **out)
{
	struct tally *t = calloc(1, sizeof(*t));

	if (!t) {
		return -ENOMEM;
	}
	snprintf(t->others.name, sizeof(t->others.name), "others");
	*out = t;
	return 0;
}

void tally_destroy(struct tally *t)
{
	free(t);
}

static struct row *find(struct tally *t, const char *name)
{
	for (unsigned int i = 0; i < t->count; i++) {
		if (strcmp(t->rows[i].name, name) == 0) {
			return &t->rows[i];
		}
	}
	if (t->count == TALLY_NAMES) {
		return &t->others;
	}
	struct row *row = &t->rows[t->count++];
	snprintf(row->name, sizeof(row->name), "%s", name);
	return row;
}

void tally_add(struct tally *t, const char *name, uint64_t events)
{
	struct row *row = find(t, name);

	row->deliveries++;
	row->events += events;
}

static void log_row(const struct row *row)
{
	if (row->deliveries > 0) {
		tl_log_note("%s: %llu deliveries, %llu events", row->name,
			    (unsigned long long)row->deliveries, (unsigned long long)row->events);
	}
}

void tally_log(const struct tally *t)
{
	for (unsigned int i = 0; i < t->count; i++) {
		log_row(&t->rows[i]);
	}
	log_row(&t->others);
}
