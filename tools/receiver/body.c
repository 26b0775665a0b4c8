/* SPDX-License-Identifier: BSD-2-Clause */
#include "body.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

enum {
	ROOM_MIN = 16 << 10,
	STEP_MIN = 64 << 10, /* of room to decompress into */
	WINDOW_LOG_MAX = 23,
};

void body_fini(struct body *body)
{
	free(body->bytes);
	*body = (struct body){0};
}

/* Room for `more` bytes, or as many as `max` allows; 0 or -ENOMEM. */
static int reserve(struct body *body, size_t more, size_t max)
{
	size_t need = more > max - body->len ? max : body->len + more;
	size_t room = body->room > ROOM_MIN ? body->room : ROOM_MIN;

	if (need <= body->room) {
		return 0;
	}
	while (room < need) {
		room *= 2;
	}
	room = room > max ? max : room;
	uint8_t *bytes = realloc(body->bytes, room);
	if (!bytes) {
		return -ENOMEM;
	}
	body->bytes = bytes;
	body->room = room;
	return 0;
}

int body_add(struct body *body, const void *bytes, size_t len, size_t max)
{
	if (body->len > max || len > max - body->len) {
		return -E2BIG;
	}
	if (len == 0) {
		return 0;
	}
	if (reserve(body, len, max) < 0) {
		return -ENOMEM;
	}
	memcpy(body->bytes + body->len, bytes, len);
	body->len += len;
	return 0;
}

/* One step: 0 = all is done, 1 = go on, -errno. */
static int inflate_step(ZSTD_DCtx *zstd, ZSTD_inBuffer *in, size_t max, struct body *out)
{
	uint8_t beyond; /* one byte more than allowed tells that it is too much */
	bool is_full = out->len == max;

	if (!is_full && reserve(out, STEP_MIN, max) < 0) {
		return -ENOMEM;
	}
	ZSTD_outBuffer to = {is_full ? &beyond : out->bytes + out->len,
			     is_full ? 1 : out->room - out->len, 0};
	size_t left = ZSTD_decompressStream(zstd, &to, in);
	if (ZSTD_isError(left)) {
		return -EBADMSG;
	}
	if (is_full && to.pos > 0) {
		return -E2BIG;
	}
	out->len += to.pos;
	if (in->pos < in->size || to.pos == to.size) {
		return left == 0 && in->pos == in->size ? 0 : 1;
	}
	return left == 0 ? 0 : -EBADMSG;
}

int body_inflate(ZSTD_DCtx *zstd, const struct body *packed, size_t max, struct body *out)
{
	ZSTD_inBuffer in = {packed->bytes, packed->len, 0};
	int err = packed->len > 0 ? 1 : 0;

	ZSTD_DCtx_reset(zstd, ZSTD_reset_session_only);
	ZSTD_DCtx_setParameter(zstd, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
	while (err > 0) {
		err = inflate_step(zstd, &in, max, out);
	}
	return err;
}
