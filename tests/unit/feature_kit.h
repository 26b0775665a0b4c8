/* SPDX-License-Identifier: BSD-2-Clause */
/* For the tests of features: states of one flow, packets without a frame around them. */
#ifndef FEATURE_KIT_H
#define FEATURE_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../common/feature_private.h"

struct kit {
	struct tl_feature_pool *pool;
	struct tl_feature f;
	struct tl_flow_key key;
	uint32_t seq; /* of the next byte */
	uint64_t ns;
	uint8_t tcp[20];
};

static inline void kit_open(struct kit *k, uint8_t proto, uint16_t src_port, uint16_t dst_port)
{
	memset(k, 0, sizeof(*k));
	assert_int_equal(tl_feature_pool_create(&k->pool, 4), 0);
	tl_feature_open(&k->f);
	k->key.proto = proto;
	k->key.src_port = htons(src_port);
	k->key.dst_port = htons(dst_port);
	k->seq = 0xfffffff0; /* wraps around soon */
	k->ns = 1000000000;
}

static inline void kit_close(struct kit *k)
{
	tl_feature_close(&k->f, k->pool);
	assert_null(k->f.buffer);
	tl_feature_pool_destroy(k->pool);
}

/* A copy of its own, so that a sanitizer sees what is read beyond it. */
static inline void kit_put_at(struct kit *k, uint32_t seq, const void *bytes, uint32_t len)
{
	uint8_t *copy = malloc(len ? len : 1);
	struct tl_feature_packet packet = {
		.ns = k->ns += 1000,
		.key = &k->key,
		.payload = copy,
		.payload_len = len,
		.wire_len = len,
		.packets = 1,
		.bytes = 54 + len,
		.min_len = (uint16_t)(54 + len),
		.max_len = (uint16_t)(54 + len),
	};

	memcpy(copy, bytes, len);
	if (k->key.proto == TL_PROTO_TCP) {
		tl_mp_put_be32(k->tcp + 4, seq);
		packet.tcp = k->tcp;
		packet.tcp_len = sizeof(k->tcp);
	}
	tl_feature_add(&k->f, k->pool, &packet, 0);
	free(copy);
}

static inline void kit_put(struct kit *k, const void *bytes, uint32_t len)
{
	kit_put_at(k, k->seq, bytes, len);
	k->seq += len;
}

static inline uint32_t kit_hex(uint8_t *to, const char *hex)
{
	uint32_t len = (uint32_t)strlen(hex) / 2;

	for (uint32_t i = 0; i < len; i++) {
		char digits[3] = {hex[2 * i], hex[2 * i + 1], 0};
		to[i] = (uint8_t)strtoul(digits, 0, 16);
	}
	return len;
}

/* The n-th value of a field as text; "" when there is none. Good until the next call. */
static inline const char *kit_text(const struct tl_feature *f, enum tl_feature_field field,
				   unsigned int n)
{
	static char text[256];
	struct tl_feature_item item = {0};

	for (unsigned int i = 0; i <= n; i++) {
		if (!tl_feature_next(f, field, &item)) {
			return "";
		}
	}
	memcpy(text, item.bytes, item.len);
	text[item.len] = '\0';
	return text;
}

#define kit_says(k, field, n, expected)                                                            \
	assert_string_equal(kit_text(&(k)->f, TL_FEATURE_##field, n), expected)

#endif
