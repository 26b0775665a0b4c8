/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lines of eve.json as Suricata 7 writes them on a busy network, in plausible proportions, the same
 * for the same seed. The shares are those of the weights in evemix.c.
 */
#ifndef TL_EVEMIX_H
#define TL_EVEMIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EVEMIX_LINE_MAX = 64 << 10 };

struct evemix {
	uint64_t state;
	uint64_t time_us;
};

void evemix_init(struct evemix *mix, uint64_t seed);

/* One line, newline included, into EVEMIX_LINE_MAX bytes. Its length. */
size_t evemix_line(struct evemix *mix, char *line);

#endif
