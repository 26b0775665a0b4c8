/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether what an instance tells of itself adds up, in the run that is alive:
 *
 *   engine, for each iface, in packets and in bytes:
 *	received = sum of class_packets over `class` (flow, coarse, ..., filtered),
 *	and the engine's own residual (what it stored less what it read) is 0
 *   hop, for each sink where samples have that label:
 *	assigned_events = safe_events + held_events + sum of lost_events over `reason`
 *
 * A sample without the label belongs to the book of every sink. Duplicates and
 * refusals are no terms: they come again. A tool takes the terms of a book in
 * one moment; one that cannot is off by what moves meanwhile, so a book is red
 * after three reports in a row, or when the closing one is wrong. Pure.
 */
#ifndef CAPMETRICS_BOOKS_H
#define CAPMETRICS_BOOKS_H

#include <stdbool.h>
#include <stdint.h>

#include "metrics.h"

struct ledger_instance;

enum {
	BOOKS_MAX = 32, /* of an instance */
	BOOKS_RED_AFTER = 3,
};

enum book_kind { BOOK_PACKETS, BOOK_BYTES, BOOK_EVENTS };

struct book {
	enum book_kind kind;
	char key[TL_METRICS_MAX_TEXT + 1]; /* iface or sink; empty = no such label */
	int64_t left;			   /* received, assigned */
	int64_t right;			   /* what became of it */
	int64_t safe, held, lost;	   /* events */
	int64_t residual;		   /* left - right; and the engine's own, added in size */
	unsigned int wrong_reports;	   /* in a row */
	uint64_t report;		   /* the last one that had it */
	bool is_red;
};

/* After a report. */
void books_update(struct ledger_instance *instance, bool closing);
/* Another run begins with clean ones. */
void books_reset(struct ledger_instance *instance);

bool books_are_red(const struct ledger_instance *instance);
const char *book_kind_name(enum book_kind kind);

#endif
