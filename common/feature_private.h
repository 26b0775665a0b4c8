/* SPDX-License-Identifier: BSD-2-Clause */
/* What the decoders of features share: a bounded cursor, the vtable, the buffers. */
#ifndef TL_FEATURE_PRIVATE_H
#define TL_FEATURE_PRIVATE_H

#include <string.h>

#include "feature.h"
#include "msgpack.h"

/* --- a bounded cursor: big-endian getters that fail on short data ----------------- */

struct bytes {
	const uint8_t *at;
	const uint8_t *end;
};

static inline struct bytes bytes_of(const uint8_t *at, uint32_t len)
{
	return (struct bytes){at, at + len};
}

static inline uint32_t bytes_left(const struct bytes *b)
{
	return (uint32_t)(b->end - b->at);
}

static inline bool bytes_u8(struct bytes *b, uint8_t *v)
{
	if (bytes_left(b) < 1) {
		return false;
	}
	*v = *b->at++;
	return true;
}

static inline bool bytes_u16(struct bytes *b, uint16_t *v)
{
	if (bytes_left(b) < 2) {
		return false;
	}
	*v = tl_mp_be16(b->at);
	b->at += 2;
	return true;
}

static inline bool bytes_u32(struct bytes *b, uint32_t *v)
{
	if (bytes_left(b) < 4) {
		return false;
	}
	*v = tl_mp_be32(b->at);
	b->at += 4;
	return true;
}

/* The next `len` bytes as a cursor of their own. */
static inline bool bytes_take(struct bytes *b, uint32_t len, struct bytes *out)
{
	if (bytes_left(b) < len) {
		return false;
	}
	*out = bytes_of(b->at, len);
	b->at += len;
	return true;
}

/* The same behind their length in one or two bytes. */
static inline bool bytes_take8(struct bytes *b, struct bytes *out)
{
	uint8_t len;

	return bytes_u8(b, &len) && bytes_take(b, len, out);
}

static inline bool bytes_take16(struct bytes *b, struct bytes *out)
{
	uint16_t len;

	return bytes_u16(b, &len) && bytes_take(b, len, out);
}

/* --- decoders --------------------------------------------------------------------- */

enum verdict {
	VERDICT_NOT,  /* another protocol */
	VERDICT_MORE, /* go on with more bytes, from *used on */
	VERDICT_DONE, /* nothing more to find */
};

struct feature_input {
	struct tl_feature *f;
	struct tl_feature_pool *pool;
	const struct tl_feature_packet *packet; /* 0 when closing */
	bool last;				/* no more bytes will come */
};

/*
 * `bytes` is the stream from f->consumed on, or one datagram; *used comes in
 * as 0. Called again with the same bytes and more until it is done. A datagram
 * decoder keeps what it must in f.
 */
struct feature_decoder {
	const char *name;
	enum verdict (*decode)(const struct feature_input *in, const uint8_t *bytes, uint32_t len,
			       uint32_t *used);
};

extern const struct feature_decoder feature_tls;
extern const struct feature_decoder feature_http;
extern const struct feature_decoder feature_ssh;
extern const struct feature_decoder feature_dns_stream;
extern const struct feature_decoder feature_dns_datagram;
extern const struct feature_decoder feature_quic;

bool feature_dns_ports(const struct tl_flow_key *key);

/* A whole handshake message of TLS: a client or server hello, `quic` = from CRYPTO frames. */
enum verdict feature_tls_hello(const struct feature_input *in, struct bytes hello, bool quic);

/* The frames of a decrypted Initial; then the hello, once all of it is in the buffer. */
void feature_quic_frames(const struct feature_input *in, struct bytes frames);
enum verdict feature_quic_hello(const struct feature_input *in);

/* --- what was found ----------------------------------------------------------------- */

/* Text: what is not printable ASCII becomes \xHH. */
void feature_put_text(struct tl_feature *f, enum tl_feature_field field, const uint8_t *text,
		      uint32_t len);
void feature_put_address(struct tl_feature *f, enum tl_feature_field field, const uint8_t *address,
			 uint8_t len);
/* 16 bits each, as on the wire. */
void feature_put_numbers(struct tl_feature *f, enum tl_feature_field field, struct bytes numbers);
/* Text, unless the field has that value already. */
void feature_put_text_once(struct tl_feature *f, enum tl_feature_field field, const uint8_t *text,
			   uint32_t len);

static inline void feature_put_literal(struct tl_feature *f, enum tl_feature_field field,
				       const char *text)
{
	feature_put_text(f, field, (const uint8_t *)text, (uint32_t)strlen(text));
}

static inline bool feature_has(const struct tl_feature *f, enum tl_feature_field field)
{
	return f->have >> field & 1;
}

/* Given up: counted, flagged. */
enum verdict feature_malformed(const struct feature_input *in);

/* --- buffers ------------------------------------------------------------------------ */

struct tl_feature_buffer {
	struct tl_feature_buffer *next; /* in the free list; the one taken next */
	struct tl_feature_buffer *before;
	struct tl_feature *owner;
	uint16_t range_count;
	struct {
		uint16_t from;
		uint16_t to;
	} ranges[TL_FEATURE_RANGES]; /* in order, apart from each other */
	uint8_t bytes[TL_FEATURE_BUFFER_BYTES];
};

struct tl_feature_pool {
	struct tl_feature_counts counts;
	struct tl_feature_buffer *free;
	struct tl_feature_buffer *first, *last; /* in use, in the order they were taken */
	struct tl_feature_buffer *memory;
	double clog[TL_FEATURE_ENTROPY_BYTES + 1]; /* n * log2(n) */
};

/* Puts bytes at `offset` of the flow's buffer, taking one if it has none; flags what does not fit.
 */
void feature_buffer_put(const struct feature_input *in, uint32_t offset, struct bytes from);
/* How many bytes there are without a hole. */
uint32_t feature_buffer_ready(const struct tl_feature *f);
/* Drops bytes at the start; the buffer too when none is left. */
void feature_buffer_drop(struct tl_feature *f, struct tl_feature_pool *pool, uint32_t len);
void feature_buffer_release(struct tl_feature *f, struct tl_feature_pool *pool);

/* --- parts of tl_feature_add ---------------------------------------------------------- */

void feature_entropy_add(struct tl_feature *f, const uint8_t *bytes, uint32_t len);
void feature_tcp_syn(const struct feature_input *in, const struct tl_feature *reverse);
/* The stream begins here: what came before belongs to no connection, or another one. */
void feature_stream_begin(const struct feature_input *in, uint32_t seq);
void feature_stream_add(const struct feature_input *in);
void feature_stream_close(const struct feature_input *in);

#endif
