/* SPDX-License-Identifier: BSD-2-Clause */
#include "client_rates.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { PLACES = 2 * CLIENT_RATES_MAX }; /* a power of 2 */

struct counter {
	uint64_t key; /* 0 = free */
	uint64_t time_ns;
	double value;
	double rate;
};

struct client_rates {
	unsigned int count;
	struct counter counters[PLACES];
};

int client_rates_create(struct client_rates **out)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : -ENOMEM;
}

void client_rates_destroy(struct client_rates *rates)
{
	free(rates);
}

static struct counter *find(struct client_rates *r, uint64_t key)
{
	uint64_t at = key & (PLACES - 1);

	while (r->counters[at].key != 0 && r->counters[at].key != key) {
		at = (at + 1) & (PLACES - 1);
	}
	return &r->counters[at];
}

double client_rates_take(struct client_rates *r, uint64_t key, double value, uint64_t time_ns)
{
	key = key ? key : 1;
	struct counter *c = find(r, key);

	if (c->key == 0 && r->count == CLIENT_RATES_MAX) {
		memset(r, 0, sizeof(*r));
		c = find(r, key);
	}
	if (c->key == 0) {
		r->count++;
		*c = (struct counter){key, time_ns, value, NAN};
	}
	if (time_ns == c->time_ns) {
		return c->rate;
	}
	bool is_later = time_ns > c->time_ns && value >= c->value;
	double seconds = is_later ? (double)(time_ns - c->time_ns) / 1e9 : 0;
	c->rate = is_later ? (value - c->value) / seconds : NAN;
	c->time_ns = time_ns;
	c->value = value;
	return c->rate;
}
