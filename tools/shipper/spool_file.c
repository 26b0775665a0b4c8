/* SPDX-License-Identifier: BSD-2-Clause */
#include "spool_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <isa-l/crc.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "text.h"

static const char magic[8] = {'T', 'L', 'S', 'P', 'O', 'O', 'L', '1'};

void spool_name_put(const struct backlog_run *run, char name[SPOOL_NAME_LEN])
{
	char stream[2 * TL_WIRE_STREAM_LEN + 1];

	*tl_text_put_hex(stream, run->stream, TL_WIRE_STREAM_LEN) = 0;
	snprintf(name, SPOOL_NAME_LEN, "%020" PRIu64 "-%s-%016" PRIx64 "-%016" PRIx64 "-%u-%c.tap",
		 run->order, stream, run->after, run->first, run->count, run->end ? 'e' : '-');
}

static int digit(char c, unsigned int base)
{
	int value = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;

	return value < (int)base ? value : -1;
}

/* `min` to `max` digits and what follows them; 0 when they are not there or too many. */
static const char *get_number(const char *p, unsigned int base, unsigned int min, unsigned int max,
			      char behind, uint64_t *out)
{
	uint64_t value = 0;
	unsigned int n = 0;

	for (; n < max && digit(p[n], base) >= 0; n++) {
		if (__builtin_mul_overflow(value, base, &value) ||
		    __builtin_add_overflow(value, (uint64_t)digit(p[n], base), &value)) {
			return 0;
		}
	}
	if (n < min || p[n] != behind) {
		return 0;
	}
	*out = value;
	return p + n + 1;
}

static const char *get_stream(const char *p, uint8_t stream[TL_WIRE_STREAM_LEN])
{
	for (unsigned int i = 0; i < TL_WIRE_STREAM_LEN; i++) {
		int high = digit(p[0], 16);
		int low = high < 0 ? -1 : digit(p[1], 16);
		if (low < 0) {
			return 0;
		}
		stream[i] = (uint8_t)(high << 4 | low);
		p += 2;
	}
	return *p == '-' ? p + 1 : 0;
}

static const char *get_end(const char *p, bool *end)
{
	*end = *p == 'e';
	return (*p == 'e' || *p == '-') && strncmp(p + 1, ".tap", 4) == 0 ? p + 5 : 0;
}

static bool is_possible(const struct backlog_run *run, uint64_t count)
{
	return run->after <= run->first && run->first >> 62 == 0 && count <= TL_WIRE_MAX_EVENTS;
}

unsigned int spool_name_get(const char *name, struct backlog_run *run,
			    uint8_t stream[TL_WIRE_STREAM_LEN])
{
	uint64_t count;
	const char *p = get_number(name, 10, 20, 20, '-', &run->order);

	p = p ? get_stream(p, stream) : 0;
	p = p ? get_number(p, 16, 16, 16, '-', &run->after) : 0;
	p = p ? get_number(p, 16, 16, 16, '-', &run->first) : 0;
	p = p ? get_number(p, 10, 1, 5, '-', &count) : 0;
	p = p ? get_end(p, &run->end) : 0;
	/* An order number may still be counted up from. */
	if (!p || !is_possible(run, count) || run->order >> 62) {
		return 0;
	}
	run->count = (uint32_t)count;
	run->stream = stream;
	/* One run has one name. */
	char canonical[SPOOL_NAME_LEN];
	spool_name_put(run, canonical);
	size_t len = (size_t)(p - name);
	return strlen(canonical) == len && memcmp(canonical, name, len) == 0 ? (unsigned int)len
									     : 0;
}

static void put_le32(uint8_t *p, uint32_t v)
{
	for (unsigned int i = 0; i < 4; i++) {
		p[i] = (uint8_t)(v >> (8 * i));
	}
}

void spool_footer_put(uint8_t footer[SPOOL_FOOTER_LEN], const uint8_t *batch, uint32_t len)
{
	/* CRC32C: all ones in, inverted at the end (RFC 3720, B.4); the library inverts neither. */
	uint32_t crc = ~crc32_iscsi((unsigned char *)batch, (int)len, 0xffffffff);

	memcpy(footer, magic, sizeof(magic));
	put_le32(footer + 8, len);
	put_le32(footer + 12, crc);
}

static int read_batch(int fd, size_t size, struct tl_msg **out)
{
	struct tl_msg *msg = tl_msg_new(size);
	uint8_t footer[SPOOL_FOOTER_LEN];

	if (!msg) {
		return -ENOMEM;
	}
	int err = tl_file_read_exactly(fd, msg->data, size);
	msg->len = size - SPOOL_FOOTER_LEN;
	if (err == 0) {
		spool_footer_put(footer, msg->data, (uint32_t)msg->len);
		err = memcmp(footer, msg->data + msg->len, SPOOL_FOOTER_LEN) == 0 ? 0 : -EBADMSG;
	}
	if (err < 0) {
		tl_msg_free(msg);
		return err;
	}
	*out = msg;
	return 0;
}

int spool_file_read(int folder, const char *name, struct tl_msg **out)
{
	int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0) {
		return errno == ELOOP ? -EBADMSG : -errno;
	}
	int err = fstat(fd, &st) < 0 ? -errno : 0;
	if (err == 0 && (!S_ISREG(st.st_mode) || st.st_size <= SPOOL_FOOTER_LEN ||
			 st.st_size > TL_WIRE_MAX_BATCH + SPOOL_FOOTER_LEN)) {
		err = -EBADMSG;
	}
	if (err == 0) {
		err = read_batch(fd, (size_t)st.st_size, out);
	}
	close(fd);
	return err;
}

bool spool_file_is(struct tl_wire_reader *reader, const struct tl_msg *msg,
		   const struct backlog_run *run)
{
	struct tl_batch batch;

	if (tl_wire_read(reader, msg->data, msg->len, &batch, 0) < 0) {
		return false;
	}
	return memcmp(batch.head.stream, run->stream, TL_WIRE_STREAM_LEN) == 0 &&
	       batch.head.after == run->after && batch.head.first == run->first &&
	       batch.head.end == run->end && batch.event_count == run->count;
}
