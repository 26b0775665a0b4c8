/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What has been delivered, by the name of the token it came with. Bounded: when
 * TALLY_NAMES are known, the rest is counted together. One thread. Logs what it is asked to.
 */
#ifndef RECEIVER_TALLY_H
#define RECEIVER_TALLY_H

#include <stdint.h>

#include "auth.h"

enum { TALLY_NAMES = TL_AUTH_TOKENS };

struct tally;

int tally_create(struct tally **out);
void tally_destroy(struct tally *tally);

void tally_add(struct tally *tally, const char *name, uint64_t events);

/* A line for each name. */
void tally_log(const struct tally *tally);

#endif
