/* SPDX-License-Identifier: BSD-2-Clause */
#include "identity.h"

#include <errno.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "source.h"

enum { SEARCH_BYTES = 64 << 10 };

size_t mark_len(uint64_t offset)
{
	return offset < MARK_MAX ? (size_t)offset : MARK_MAX;
}

struct mark mark_make(uint64_t offset, const void *before)
{
	size_t len = mark_len(offset);

	return (struct mark){offset, len > 0 ? XXH3_64bits(before, len) : 0};
}

int mark_take(struct mark *mark, uint64_t offset, struct source *source)
{
	uint8_t bytes[MARK_MAX];
	size_t len = mark_len(offset);
	ssize_t got = len > 0 ? source_read_at(source, bytes, len, offset - len) : 0;

	if (got < 0) {
		return (int)got;
	}
	if ((size_t)got < len) {
		return -ENODATA;
	}
	*mark = mark_make(offset, bytes);
	return 0;
}

bool mark_matches(struct mark mark, struct source *source)
{
	struct mark there = {0};

	return mark_take(&there, mark.offset, source) == 0 && there.hash == mark.hash;
}

bool head_matches(const struct head *head, struct source *source)
{
	uint8_t bytes[HEAD_MAX];
	ssize_t got = source_read_at(source, bytes, head->len, head->at);

	return head->len > 0 && got == (ssize_t)head->len &&
	       XXH3_64bits(bytes, head->len) == head->hash;
}

/* The first byte from `from` on that is not NUL: 1 and *at; 0 none; -errno. */
static int find_text(struct source *source, uint64_t from, uint64_t *at)
{
	uint8_t bytes[SEARCH_BYTES];

	for (;;) {
		from = source_skip_hole(source, from);
		ssize_t got = source_read_at(source, bytes, sizeof(bytes), from);
		if (got <= 0) {
			return (int)got;
		}
		for (ssize_t i = 0; i < got; i++) {
			if (bytes[i] != 0) {
				*at = from + (uint64_t)i;
				return 1;
			}
		}
		from += (uint64_t)got;
	}
}

int head_find(struct head *head, struct source *source)
{
	uint8_t bytes[HEAD_MAX];

	*head = (struct head){0};
	ssize_t got = source_read_at(source, bytes, sizeof(bytes), 0);
	if (got > 0 && bytes[0] == 0) {
		int found = find_text(source, 0, &head->at);
		if (found <= 0) {
			return found;
		}
		got = source_read_at(source, bytes, sizeof(bytes), head->at);
	}
	if (got <= 0) {
		return (int)got;
	}
	head->len = (uint32_t)got;
	head->hash = XXH3_64bits(bytes, head->len);
	return 1;
}
