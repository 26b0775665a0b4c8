/* SPDX-License-Identifier: BSD-2-Clause */
#include "checkpoint.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define TITLE "tapline-eve-tail 1\n"

enum {
	ESCAPED_MAX = 3 * CHECKPOINT_PATH_MAX,
	LINE_MAX_BYTES = ESCAPED_MAX + 512,
	SUM_LEN = 4 + 16 + 1, /* "sum HASH\n" */
};

static const char *const states[] = {"live", "over", "lost", "done"};

void book_fini(struct book *book)
{
	for (size_t i = 0; i < book->place_count; i++) {
		free(book->places[i]);
	}
	for (size_t i = 0; i < book->record_count; i++) {
		free(book->records[i].home);
	}
	free(book->places);
	free(book->records);
	*book = (struct book){0};
}

/* --- writing --------------------------------------------------------------- */

static void escape(char *to, const char *text)
{
	static const char digits[] = "0123456789ABCDEF";

	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p > ' ' && *p < 0x7f && *p != '%') {
			*to++ = (char)*p;
		} else {
			*to++ = '%';
			*to++ = digits[*p >> 4];
			*to++ = digits[*p & 15];
		}
	}
	*to = '\0';
}

static int put_line(struct tl_textbuf *text, const char *start, const char *path)
{
	char line[LINE_MAX_BYTES];
	int len = snprintf(line, sizeof(line), "%s", start);

	if (strlen(path) > CHECKPOINT_PATH_MAX) {
		return -ENAMETOOLONG;
	}
	escape(line + len, path);
	strcat(line, "\n");
	return tl_textbuf_add(text, line, strlen(line));
}

int checkpoint_put_head(struct tl_textbuf *text, const char *machine)
{
	int err = tl_textbuf_add(text, TITLE, strlen(TITLE));

	return err < 0 ? err : put_line(text, "machine ", *machine ? machine : "-");
}

int checkpoint_put_place(struct tl_textbuf *text, const char *place)
{
	return put_line(text, "place ", place);
}

int checkpoint_put_record(struct tl_textbuf *text, const struct record *r)
{
	char stream[2 * TL_WIRE_STREAM_LEN + 1];
	char start[512];

	*tl_text_put_hex(stream, r->stream, TL_WIRE_STREAM_LEN) = '\0';
	snprintf(start, sizeof(start),
		 "file %s %s %" PRIu64 " %" PRIu64 " %016" PRIx64 " %" PRIu64 " %016" PRIx64
		 " %" PRIu64 " %" PRIu32 " %016" PRIx64 " %" PRIu64 " %" PRIu64 " %" PRIu64
		 " %" PRIu64 " %016" PRIx64 " ",
		 stream, states[r->state], r->number, r->safe.offset, r->safe.hash, r->seen.offset,
		 r->seen.hash, r->head.at, r->head.len, r->head.hash, r->dev, r->ino, r->born_ns,
		 r->packed_bytes, r->select_hash);
	return put_line(text, start, r->home);
}

int checkpoint_put_sum(struct tl_textbuf *text)
{
	char line[SUM_LEN + 1];

	snprintf(line, sizeof(line), "sum %016" PRIx64 "\n", XXH3_64bits(text->data, text->len));
	return tl_textbuf_add(text, line, SUM_LEN);
}

/* --- reading: a cursor whose getters make it bad ----------------------------- */

struct cursor {
	const char *at, *end; /* of the line at hand */
	bool bad;
};

static bool word(struct cursor *c, const char **start, size_t *len)
{
	const char *space = c->bad ? 0 : memchr(c->at, ' ', (size_t)(c->end - c->at));
	const char *stop = space ? space : c->end;

	if (c->bad || stop == c->at) {
		c->bad = true;
		return false;
	}
	*start = c->at;
	*len = (size_t)(stop - c->at);
	c->at = space ? space + 1 : c->end;
	return true;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

static uint64_t get_number(struct cursor *c)
{
	const char *p;
	size_t len;
	uint64_t value = 0;

	if (!word(c, &p, &len)) {
		return 0;
	}
	for (size_t i = 0; i < len; i++) {
		c->bad |= p[i] < '0' || p[i] > '9' || __builtin_mul_overflow(value, 10, &value) ||
			  __builtin_add_overflow(value, (uint64_t)(p[i] - '0'), &value);
	}
	return value;
}

static uint64_t get_hash(struct cursor *c)
{
	const char *p;
	size_t len;
	uint64_t value = 0;

	if (!word(c, &p, &len) || len != 16) {
		c->bad = true;
		return 0;
	}
	for (size_t i = 0; i < len; i++) {
		int digit = hex_digit(p[i]);
		c->bad |= digit < 0;
		value = value << 4 | (uint64_t)(digit & 15);
	}
	return value;
}

static void get_stream(struct cursor *c, uint8_t stream[TL_WIRE_STREAM_LEN])
{
	const char *p;
	size_t len;

	if (!word(c, &p, &len) || len != 2 * TL_WIRE_STREAM_LEN) {
		c->bad = true;
		return;
	}
	for (size_t i = 0; i < TL_WIRE_STREAM_LEN; i++) {
		int high = hex_digit(p[2 * i]), low = hex_digit(p[2 * i + 1]);
		c->bad |= high < 0 || low < 0;
		stream[i] = (uint8_t)((high & 15) << 4 | (low & 15));
	}
}

static enum record_state get_state(struct cursor *c)
{
	const char *p;
	size_t len;
	bool known = word(c, &p, &len) && len == 4;

	for (unsigned int i = 0; known && i < sizeof(states) / sizeof(states[0]); i++) {
		if (memcmp(p, states[i], 4) == 0) {
			return (enum record_state)i;
		}
	}
	c->bad = true;
	return RECORD_LIVE;
}

static bool unescape(char *to, const char *p, size_t len)
{
	const char *end = p + len;

	while (p < end) {
		if (*p != '%') {
			*to++ = *p++;
			continue;
		}
		int high = end - p >= 3 ? hex_digit(p[1]) : -1;
		int low = high >= 0 ? hex_digit(p[2]) : -1;
		if (low < 0 || (high == 0 && low == 0)) {
			return false;
		}
		*to++ = (char)(high << 4 | low);
		p += 3;
	}
	*to = '\0';
	return true;
}

/* The last of a line; owned by the caller, 0 when it is bad. */
static char *get_text(struct cursor *c)
{
	const char *p;
	size_t len;

	if (!word(c, &p, &len) || c->at != c->end || len > ESCAPED_MAX) {
		c->bad = true;
		return 0;
	}
	char *text = malloc(len + 1);
	if (!text || !unescape(text, p, len) || strlen(text) > CHECKPOINT_PATH_MAX) {
		c->bad = true;
		free(text);
		return 0;
	}
	return text;
}

static void get_record(struct cursor *c, struct record *r)
{
	get_stream(c, r->stream);
	r->state = get_state(c);
	r->number = get_number(c);
	r->safe.offset = get_number(c);
	r->safe.hash = get_hash(c);
	r->seen.offset = get_number(c);
	r->seen.hash = get_hash(c);
	r->head.at = get_number(c);
	uint64_t len = get_number(c);
	r->head.len = (uint32_t)len;
	r->head.hash = get_hash(c);
	r->dev = get_number(c);
	r->ino = get_number(c);
	r->born_ns = get_number(c);
	r->packed_bytes = get_number(c);
	r->select_hash = get_hash(c);
	/* Positions go into off_t. */
	c->bad |= len == 0 || len > HEAD_MAX || r->number >> 62 != 0 || r->safe.offset >> 62 != 0 ||
		  r->seen.offset >> 62 != 0 || r->head.at >> 62 != 0;
	r->home = get_text(c);
}

/* One more of `size` bytes, which are zero; 0 when there is no memory for it, or too many. */
static void *grow(void *items, size_t *count, size_t max, size_t size)
{
	void **array = items;
	size_t room = *count < 16 ? 16 : *count;

	if (*count >= max) {
		return 0;
	}
	/* Doubled at each power of two from 16 on. */
	if (*count == 0 || (*count >= 16 && (*count & (*count - 1)) == 0)) {
		void *more = realloc(*array, (*count == 0 ? 16 : 2 * room) * size);
		if (!more) {
			return 0;
		}
		*array = more;
	}
	char *item = (char *)*array + *count * size;
	memset(item, 0, size);
	(*count)++;
	return item;
}

static bool starts(struct cursor *c, const char *with)
{
	size_t len = strlen(with);

	if ((size_t)(c->end - c->at) < len || memcmp(c->at, with, len) != 0) {
		return false;
	}
	c->at += len;
	return true;
}

static void parse_machine(struct cursor *c, struct book *book)
{
	char *text = get_text(c);

	if (text && strcmp(text, "-") != 0) {
		size_t len = strlen(text);
		c->bad |= len > CHECKPOINT_MACHINE_MAX || book->machine[0] != '\0';
		memcpy(book->machine, text, c->bad ? 0 : len);
	}
	free(text);
}

static int parse_line(struct cursor *c, struct book *book)
{
	if (starts(c, "machine ")) {
		parse_machine(c, book);
	} else if (starts(c, "place ")) {
		char **place = grow(&book->places, &book->place_count, CHECKPOINT_PLACES_MAX,
				    sizeof(*place));
		if (!place) {
			return -ENOMEM;
		}
		*place = get_text(c);
	} else if (starts(c, "file ")) {
		struct record *record = grow(&book->records, &book->record_count,
					     CHECKPOINT_RECORDS_MAX, sizeof(*record));
		if (!record) {
			return -ENOMEM;
		}
		get_record(c, record);
	} else {
		c->bad = true;
	}
	return c->bad ? -EBADMSG : 0;
}

static bool is_sealed(const char *text, size_t len)
{
	char line[SUM_LEN + 1];

	if (len < strlen(TITLE) + SUM_LEN || memcmp(text, TITLE, strlen(TITLE)) != 0) {
		return false;
	}
	snprintf(line, sizeof(line), "sum %016" PRIx64 "\n", XXH3_64bits(text, len - SUM_LEN));
	return memcmp(text + len - SUM_LEN, line, SUM_LEN) == 0;
}

int checkpoint_parse(const char *text, size_t len, struct book *book)
{
	if (len > CHECKPOINT_BYTES_MAX || !is_sealed(text, len)) {
		return -EBADMSG;
	}
	const char *end = text + len - SUM_LEN;
	const char *at = text + strlen(TITLE);
	int err = 0;
	while (err == 0 && at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		struct cursor c = {at, newline ? newline : end, !newline};
		err = c.bad ? -EBADMSG : parse_line(&c, book);
		at = c.end + 1;
	}
	if (err < 0) {
		book_fini(book);
	}
	return err;
}
