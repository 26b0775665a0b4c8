/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What tells that a file is the one that was read before: its first bytes, and
 * the bytes before a position in it. A name, and even an inode, is given to
 * another file sooner or later; these are not. Compressed or plain is the same.
 * Nothing logs.
 */
#ifndef EVE_TAIL_IDENTITY_H
#define EVE_TAIL_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct source;

enum { HEAD_MAX = 256, MARK_MAX = 64 };

/*
 * The first bytes, up to HEAD_MAX as they are there. What was truncated under a
 * writer that does not append begins with a hole: those NULs are not the head.
 */
struct head {
	uint64_t at; /* of the first byte that is not NUL */
	uint64_t hash;
	uint32_t len; /* 0 = there is none yet */
};

/* A position and the hash of the up to MARK_MAX bytes before it. */
struct mark {
	uint64_t offset;
	uint64_t hash; /* 0 at offset 0 */
};

/* `before` ends at `offset` and holds min(MARK_MAX, offset) bytes. */
struct mark mark_make(uint64_t offset, const void *before);
size_t mark_len(uint64_t offset);

/* True when the same bytes are there. False, too, when they cannot be read. */
bool mark_matches(struct mark mark, struct source *source);
bool head_matches(const struct head *head, struct source *source);

/* 1; 0 when there is no such byte yet (head->len 0); -errno. */
int head_find(struct head *head, struct source *source);

/* The mark of that position of the source. 0, -ENODATA when it is shorter, -errno. */
int mark_take(struct mark *mark, uint64_t offset, struct source *source);

#endif
