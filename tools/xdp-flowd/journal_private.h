/* SPDX-License-Identifier: BSD-2-Clause */
/* The inside of the journal: journal.c keeps it, journal_resend.c reads what is in it. */
#ifndef XDP_FLOWD_JOURNAL_PRIVATE_H
#define XDP_FLOWD_JOURNAL_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "journal.h"

enum { JOURNAL_ALIGN = 16 }; /* of records: a header never wraps */

enum record_state {
	RECORD_LIVE = 1,
	RECORD_SENT,
	RECORD_DROPPED, /* its loss is declared */
};

struct record {
	uint32_t len;
	uint32_t events;
	_Atomic uint32_t state;
	uint32_t zero;
};

_Static_assert(sizeof(struct record) == JOURNAL_ALIGN, "records follow each other");

struct slot {
	struct told told;
	uint64_t head; /* position behind the last record */
};

/* Positions are bytes since the beginning; in the ring modulo its size. */
struct memory {
	uint32_t layout;
	uint32_t told_size; /* of struct told: another check of the layout */
	uint64_t ring_size;
	_Atomic uint64_t commits; /* slots[commits & 1] holds */
	struct slot slots[2];
	_Atomic uint64_t tail; /* of the oldest record that may be needed */
};

struct journal {
	int map;
	size_t mapped;
	struct memory *memory;
	uint8_t *ring;
	struct tl_journal hooks;
	struct tl_wire_reader *reader;
	struct told base; /* when this process began */
	struct tl_acct lost[2];
	bool lost_told;
	pthread_mutex_t lock; /* of what follows, and of the tail */
	unsigned int kept;    /* sent, but not forgotten */
};

static inline uint64_t padded(uint64_t len)
{
	return (len + JOURNAL_ALIGN - 1) / JOURNAL_ALIGN * JOURNAL_ALIGN;
}

static inline uint64_t record_size(const struct record *record)
{
	return sizeof(*record) + padded(record->len);
}

static inline struct record *record_at(const struct journal *j, uint64_t position)
{
	return (struct record *)(j->ring + position % j->memory->ring_size);
}

static inline const struct slot *journal_current(const struct journal *j)
{
	return &j->memory->slots[atomic_load(&j->memory->commits) & 1];
}

#endif
