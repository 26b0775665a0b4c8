/* SPDX-License-Identifier: BSD-2-Clause */
#include "ack.h"

#include <endian.h>
#include <string.h>

#include "msgpack.h"

uint8_t *tl_ack_put(uint8_t *at, const struct tl_ack *ack)
{
	memcpy(at, ack->stream, sizeof(ack->stream));
	at = tl_mp_put_be64(at + sizeof(ack->stream), ack->safe);
	at = tl_mp_put_be64(at, ack->got);
	at = tl_mp_put_be64(at, ack->instance);
	return tl_mp_put_be32(at, ack->flags);
}

static uint64_t load_be64(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return be64toh(value);
}

void tl_ack_get(const uint8_t *at, struct tl_ack *ack)
{
	memcpy(ack->stream, at, sizeof(ack->stream));
	ack->safe = load_be64(at + 16);
	ack->got = load_be64(at + 24);
	ack->instance = load_be64(at + 32);
	ack->flags =
		(uint32_t)at[40] << 24 | (uint32_t)at[41] << 16 | (uint32_t)at[42] << 8 | at[43];
}

size_t tl_ack_count(size_t len)
{
	return len % TL_ACK_LEN == 0 && len / TL_ACK_LEN <= TL_ACK_MAX ? len / TL_ACK_LEN : 0;
}
