/* SPDX-License-Identifier: BSD-2-Clause */
#include "backoff.h"

#include "clock.h"

#define BELIEVED_NS (3600 * TL_SECOND_NS)

void backoff_init(struct backoff *b, uint64_t base_ns, uint64_t max_ns, uint64_t seed)
{
	*b = (struct backoff){
		.base_ns = base_ns < max_ns ? base_ns : max_ns,
		.max_ns = max_ns,
		.seed = seed ? seed : 1,
	};
}

/* xorshift64*: spread is all that is asked of it. */
static uint64_t draw(struct backoff *b)
{
	b->seed ^= b->seed >> 12;
	b->seed ^= b->seed << 25;
	b->seed ^= b->seed >> 27;
	return b->seed * 0x2545f4914f6cdd1dull;
}

static uint64_t ceiling_ns(const struct backoff *b)
{
	uint64_t ceiling = b->base_ns;

	for (unsigned int i = 0; i < b->tries && ceiling < b->max_ns; i++) {
		ceiling = ceiling > b->max_ns / 2 ? b->max_ns : ceiling * 2;
	}
	return ceiling;
}

uint64_t backoff_spread(struct backoff *b, uint64_t asked_ns)
{
	uint64_t asked = asked_ns < BELIEVED_NS ? asked_ns : BELIEVED_NS;

	return asked > 0 ? asked + draw(b) % (b->base_ns + 1) : 0;
}

uint64_t backoff_next(struct backoff *b, uint64_t at_least_ns)
{
	if (b->tries < 64) {
		b->tries++;
	}
	uint64_t own = b->base_ns + draw(b) % (ceiling_ns(b) - b->base_ns + 1);
	uint64_t asked = backoff_spread(b, at_least_ns);
	return own > asked ? own : asked;
}

void backoff_reset(struct backoff *b)
{
	b->tries = 0;
}
