/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How fast counters rise: between the last two values that differ in time, so that it
 * does not matter how often somebody looks. Bounded; pure.
 */
#ifndef CAPMETRICS_CLIENT_RATES_H
#define CAPMETRICS_CLIENT_RATES_H

#include <stdint.h>

enum { CLIENT_RATES_MAX = 4096 }; /* counters; when there are more, all begin again */

struct client_rates;

int client_rates_create(struct client_rates **out);
void client_rates_destroy(struct client_rates *rates);

/*
 * The counter of that key (any hash of its name) has `value` at `time_ns` of its own
 * clock. Per second; NAN while it is not known.
 */
double client_rates_take(struct client_rates *rates, uint64_t key, double value, uint64_t time_ns);

#endif
