/* SPDX-License-Identifier: BSD-2-Clause */
/* What the hosts of the demo capture say: DNS, TLS, QUIC, HTTP and SSH as they begin. */
#ifndef TL_TEST_SPEECH_H
#define TL_TEST_SPEECH_H

#include <stdint.h>

enum {
	SPEECH_MAX = 1300,
	SPEECH_FIRST =
		4, /* step of a TCP conversation at which the client speaks; the server next */
};

struct speech {
	uint8_t proto;
	uint16_t port; /* the server's */
	uint16_t client, server;
	uint16_t number; /* no other conversation has it */
};

/*
 * The payload of a step, even ones are the client's; returns its length, 0 when
 * it is nothing in particular. The same each time.
 */
uint32_t speech_say(const struct speech *s, uint32_t step, uint8_t to[SPEECH_MAX]);

#endif
