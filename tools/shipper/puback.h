/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What JetStream answers to a publish (NATS ADR-1, "PubAck"), read with bounds:
 *
 *   {"stream":"S","seq":7,"duplicate":true}
 *   {"error":{"code":503,"err_code":10076,"description":"JetStream not enabled"}}
 *
 * Pure; no allocation.
 */
#ifndef SHIPPER_PUBACK_H
#define SHIPPER_PUBACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PUBACK_TEXT_LEN = 120 }; /* with its NUL */

struct puback {
	bool stored; /* a stream has it: named, with a sequence, and no error */
	bool duplicate;
	uint64_t seq;
	uint64_t code;		    /* as in HTTP; 0 = no error */
	uint64_t error_code;	    /* JetStream's own, 10000 and up */
	char text[PUBACK_TEXT_LEN]; /* printable */
};

/* 0; -EBADMSG when it is no such answer. Members it does not know are skipped. */
int puback_read(struct puback *out, const char *text, size_t len);

#endif
