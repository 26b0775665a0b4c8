/* SPDX-License-Identifier: BSD-2-Clause */
#include "inflate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum {
	IN_BYTES = 64 << 10,
	HEADER_BYTES = 18, /* of a zstd frame, at most */
	GZIP_TRAILER_BYTES = 8,
	GZIP_WINDOW = 15 + 16, /* the largest, and the gzip wrapper */
	ZSTD_WINDOW_LOG_MAX = 27,
};

struct inflate {
	int fd;
	off_t at;   /* in the compressed file */
	bool ended; /* between two members or frames: the file may end here */
	bool member_seen;
	int err; /* once damaged, always damaged */
	size_t in_at, in_end;
	z_stream gzip;
	ZSTD_DCtx *zstd; /* 0 = gzip */
	uint8_t in[IN_BYTES];
};

enum kind { KIND_NONE, KIND_GZIP, KIND_ZSTD };

static enum kind kind_of(int fd)
{
	static const uint8_t zstd[] = {0x28, 0xb5, 0x2f, 0xfd}, gzip[] = {0x1f, 0x8b, 8};
	uint8_t magic[4] = {0};

	if (pread(fd, magic, sizeof(magic), 0) != sizeof(magic)) {
		return KIND_NONE;
	}
	return memcmp(magic, zstd, sizeof(zstd)) == 0	? KIND_ZSTD
	       : memcmp(magic, gzip, sizeof(gzip)) == 0 ? KIND_GZIP
							: KIND_NONE;
}

bool inflate_knows(int fd)
{
	return kind_of(fd) != KIND_NONE;
}

int inflate_create(struct inflate **out, int fd)
{
	enum kind kind = kind_of(fd);
	struct inflate *z = kind == KIND_NONE ? 0 : calloc(1, sizeof(*z));

	if (!z) {
		return kind == KIND_NONE ? -EBADMSG : -ENOMEM;
	}
	z->fd = fd;
	z->ended = true;
	if (kind == KIND_ZSTD) {
		z->zstd = ZSTD_createDCtx();
	}
	if (kind == KIND_ZSTD ? !z->zstd : inflateInit2(&z->gzip, GZIP_WINDOW) != Z_OK) {
		free(z);
		return -ENOMEM;
	}
	if (z->zstd) {
		ZSTD_DCtx_setParameter(z->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX);
	}
	*out = z;
	return 0;
}

void inflate_destroy(struct inflate *z)
{
	if (!z) {
		return;
	}
	if (z->zstd) {
		ZSTD_freeDCtx(z->zstd);
	} else {
		inflateEnd(&z->gzip);
	}
	free(z);
}

void inflate_rewind(struct inflate *z)
{
	z->at = 0;
	z->in_at = z->in_end = 0;
	z->ended = true;
	z->member_seen = false;
	z->err = 0;
	if (z->zstd) {
		ZSTD_DCtx_reset(z->zstd, ZSTD_reset_session_only);
	} else {
		inflateReset(&z->gzip);
	}
}

/* 1; 0 at the end of the file; -errno. */
static int refill(struct inflate *z)
{
	if (z->in_at < z->in_end) {
		return 1;
	}
	ssize_t got = pread(z->fd, z->in, sizeof(z->in), z->at);
	if (got < 0) {
		return -errno;
	}
	z->at += got;
	z->in_at = 0;
	z->in_end = (size_t)got;
	return got > 0;
}

/* Each decodes a piece of what is in `in`: bytes put out, or -EBADMSG. */
static ssize_t decode_gzip(struct inflate *z, uint8_t *bytes, size_t len)
{
	unsigned int room = len < IN_BYTES ? (unsigned int)len : IN_BYTES;

	z->gzip.next_in = z->in + z->in_at;
	z->gzip.avail_in = (unsigned int)(z->in_end - z->in_at);
	z->gzip.next_out = bytes;
	z->gzip.avail_out = room;
	int result = inflate(&z->gzip, Z_NO_FLUSH);
	z->in_at = z->in_end - z->gzip.avail_in;
	z->ended = result == Z_STREAM_END;
	if (z->ended) {
		z->member_seen = true;
		inflateReset(&z->gzip);
	} else if (result != Z_OK && result != Z_BUF_ERROR) {
		return -EBADMSG;
	}
	return room - z->gzip.avail_out;
}

static ssize_t decode_zstd(struct inflate *z, uint8_t *bytes, size_t len)
{
	ZSTD_inBuffer in = {z->in, z->in_end, z->in_at};
	ZSTD_outBuffer out = {bytes, len, 0};
	size_t left = ZSTD_decompressStream(z->zstd, &out, &in);

	if (ZSTD_isError(left)) {
		return -EBADMSG;
	}
	z->in_at = in.pos;
	z->ended = left == 0;
	return (ssize_t)out.pos;
}

/* What the decoder still holds when there is no further input. */
static ssize_t drain(struct inflate *z, uint8_t *bytes, size_t len)
{
	if (z->ended) {
		return 0;
	}
	ssize_t got = z->zstd ? decode_zstd(z, bytes, len) : decode_gzip(z, bytes, len);
	return got != 0 || z->ended ? got : -EBADMSG; /* cut off */
}

/* gzip(1) ignores zeros behind the last member (tapes have them), and so do we. */
static bool only_padding(const struct inflate *z)
{
	return z->ended && z->member_seen && z->in[z->in_at] == 0;
}

static ssize_t decode(struct inflate *z, uint8_t *bytes, size_t len)
{
	int more = refill(z);

	if (more < 0) {
		return more;
	}
	if (more == 0) {
		return drain(z, bytes, len);
	}
	if (only_padding(z)) {
		return 0;
	}
	return z->zstd ? decode_zstd(z, bytes, len) : decode_gzip(z, bytes, len);
}

/* Nothing came of it, and nothing will. */
static bool is_over(const struct inflate *z)
{
	return z->ended && (z->in_at == z->in_end ? z->in_end == 0 : only_padding(z));
}

ssize_t inflate_read(struct inflate *z, void *bytes, size_t len)
{
	uint8_t *to = bytes;
	size_t got = 0;

	while (z->err == 0 && got < len) {
		ssize_t put = decode(z, to + got, len - got);
		if (put < 0) {
			z->err = (int)put;
		} else if (put == 0 && is_over(z)) {
			break;
		} else {
			got += (size_t)put;
		}
	}
	return got > 0 ? (ssize_t)got : z->err;
}

bool inflate_claims(int fd, uint64_t len)
{
	uint8_t bytes[HEADER_BYTES];
	struct stat st;

	if (kind_of(fd) == KIND_ZSTD) {
		ssize_t got = pread(fd, bytes, sizeof(bytes), 0);
		return got > 0 && ZSTD_getFrameContentSize(bytes, (size_t)got) == len;
	}
	if (fstat(fd, &st) < 0 || st.st_size < GZIP_TRAILER_BYTES ||
	    pread(fd, bytes, 4, st.st_size - 4) != 4) {
		return false;
	}
	uint32_t claim = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
			 (uint32_t)bytes[3] << 24;
	return claim == (uint32_t)len;
}
