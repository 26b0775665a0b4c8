/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The decoders of features over any bytes. The first byte says what they are,
 * the second how they are cut: pieces of a stream in any order, datagrams,
 * frames of a decrypted QUIC packet, a TLS hello. Whatever was found must make
 * an event of valid msgpack within its limit.
 */
#include <stdlib.h>

#include "../../common/feature_columns.h"
#include "../../common/feature_event.h"
#include "../../common/feature_private.h"

enum {
	MODES = 8,
	PIECES_MAX = 64,
	FAR = 0x80, /* instead of so far back: half the sequence space away */
};

static const struct {
	uint8_t proto;
	uint16_t port;
} modes[MODES] = {{6, 443}, {6, 80}, {6, 22}, {6, 53}, {17, 53}, {17, 443}, {17, 443}, {6, 443}};

enum { MODE_FRAMES = 6, MODE_HELLO = 7 };

static struct tl_feature_pool *pool;
static int first_shape;

static void require(int holds)
{
	if (!holds) {
		abort();
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct tl_shapes *shapes;

	(void)argc;
	(void)argv;
	require(tl_feature_pool_create(&pool, 1) == 0);
	require(tl_shapes_create(&shapes) == 0);
	first_shape = tl_feature_shapes_add(shapes);
	require(first_shape > 0);
	tl_shapes_destroy(shapes);
	return 0;
}

static void add(struct tl_feature *f, const struct tl_flow_key *key, uint32_t seq,
		const uint8_t *bytes, uint32_t len)
{
	uint8_t tcp[60] = {[13] = (uint8_t)(seq % 5 == 0 ? 2 : 16)};
	uint8_t *copy = malloc(len + 1);
	struct tl_feature_packet packet = {
		.ns = f->last_ns + seq,
		.key = key,
		.payload = copy,
		.payload_len = len,
		.wire_len = len + seq % 2,
		.segment_len = seq % 7 == 0 ? 100 : 0,
		.packets = 1 + seq % 3,
		.bytes = len,
		.min_len = (uint16_t)len,
		.max_len = (uint16_t)(len + 1),
	};

	memcpy(copy, bytes, len);
	if (key->proto == TL_PROTO_TCP) {
		tl_mp_put_be32(tcp + 4, seq);
		memcpy(tcp + 20, bytes, len < 40 ? len : 40);
		packet.tcp = tcp;
		packet.tcp_len = 20 + (len < 40 ? len : 40);
	}
	tl_feature_add(f, pool, &packet, 0);
	free(copy);
}

/* Two bytes before each piece: how far from the end of the last it begins, and its length. */
static void add_pieces(struct tl_feature *f, const struct tl_flow_key *key, struct bytes data,
		       bool in_order)
{
	uint32_t seq = 1;
	uint8_t jump;
	uint8_t len;

	for (unsigned int i = 0; i < PIECES_MAX && bytes_left(&data) > 0; i++) {
		uint32_t step = bytes_left(&data);
		if (!in_order) {
			if (!bytes_u8(&data, &jump) || !bytes_u8(&data, &len)) {
				return;
			}
			seq += jump == FAR ? 1u << 31 : (uint32_t)(int8_t)jump;
			step = len * 8u < bytes_left(&data) ? len * 8u : bytes_left(&data);
		}
		add(f, key, seq, data.at, step);
		seq += step;
		data.at += step;
	}
}

static void add_inside(struct tl_feature *f, const struct tl_flow_key *key, struct bytes data,
		       bool hello, bool quic)
{
	struct tl_feature_packet packet = {.key = key, .packets = 1, .payload = data.at};
	const struct feature_input in = {.f = f, .pool = pool, .packet = &packet};

	if (!hello || quic) {
		feature_put_literal(f, TL_FEATURE_QUIC_VERSION, "1"); /* as whoever decrypts it */
	}
	if (!hello) {
		feature_quic_frames(&in, data);
		feature_quic_hello(&in);
		f->dcid_len = 1;
	} else if (bytes_left(&data) >= 4) {
		feature_tls_hello(&in, data, quic);
	}
}

static void check(struct tl_feature *f, const struct tl_flow_key *key)
{
	uint8_t event[TL_FEATURE_EVENT_MAX];
	unsigned int shape;

	tl_feature_close(f, pool);
	require(f->buffer == 0 && pool->free == pool->memory && !pool->first && !pool->last);
	double entropy = tl_feature_entropy(f, pool);
	require(entropy >= 0 && entropy <= 8.0000001);
	require(tl_feature_variance(&f->size) >= 0 && tl_feature_variance(&f->gap) >= 0);
	struct feature_shape of;
	feature_shape_of(f, &of);
	require(f->have == 0 || of.fields != 0); /* what was found is told, or most of it */
	uint32_t len = tl_feature_encode(event, f, pool, key, 1, 2, first_shape, &shape);
	require(len <= sizeof(event) && shape >= (unsigned int)first_shape &&
		shape < (unsigned int)first_shape + TL_FEATURE_SHAPES);
	struct tl_mp_cursor cursor = {event, event + len};
	require(tl_mp_skip(&cursor, TL_MP_MAX_DEPTH) == 0 && cursor.at == cursor.end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tl_flow_key key = {0};
	struct tl_feature f;

	if (size < 2) {
		return 0;
	}
	unsigned int mode = data[0] % MODES;
	key.proto = modes[mode].proto;
	key.dst_port = htons(data[1] & 2 ? modes[mode].port : 40000);
	key.src_port = htons(data[1] & 2 ? 40000 : modes[mode].port);
	struct bytes bytes = bytes_of(data + 2, (uint32_t)size - 2);
	tl_feature_open(&f);
	if (mode == MODE_FRAMES || mode == MODE_HELLO) {
		add_inside(&f, &key, bytes, mode == MODE_HELLO, data[1] & 4);
	} else {
		add_pieces(&f, &key, bytes, data[1] & 1);
	}
	check(&f, &key);
	return 0;
}
