/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TLS hellos: records (RFC 8446, section 5.1), ClientHello and ServerHello
 * (4.1.2, 4.1.3; RFC 5246 for the older ones), SNI (RFC 6066), ALPN (RFC 7301).
 * The first hello of a stream is read, nothing behind it; of a server that asks
 * for another client hello first, the one that follows.
 */
#include "feature_ja.h"

enum {
	RECORD_CHANGE_CIPHER = 20,
	RECORD_HANDSHAKE = 22,
	RECORD_HEADER = 5,
	CHANGE_CIPHER_LEN = RECORD_HEADER + 1,
	RECORD_MAX = 16384,
	HELLO_HEADER = 4,
	CLIENT_HELLO = 1,
	SERVER_HELLO = 2,
	RANDOM_LEN = 32,
	RANDOM_AT = HELLO_HEADER + 2,
	PHASE_RETRIED = 1, /* a HelloRetryRequest came */
	EXT_SNI = 0,
	EXT_GROUPS = 10,
	EXT_POINTS = 11,
	EXT_SIGNATURES = 13,
	EXT_ALPN = 16,
	EXT_VERSIONS = 43,
	SNI_HOST = 0,
};

/* --- extensions ----------------------------------------------------------------- */

static void note_sni(struct tls_hello *h, struct bytes value)
{
	struct bytes list;
	struct bytes name;
	uint8_t type;

	h->has_sni = true;
	if (!h->sni.at && bytes_take16(&value, &list) && bytes_u8(&list, &type) &&
	    type == SNI_HOST && bytes_take16(&list, &name)) {
		h->sni = name;
	}
}

static void note_versions(struct tls_hello *h, struct bytes value, bool client)
{
	struct bytes list = value;
	uint16_t version;

	h->has_versions = true;
	if (client && !bytes_take8(&value, &list)) {
		return;
	}
	while (bytes_u16(&list, &version)) {
		if (!tls_is_grease(version) && version > h->best_version) {
			h->best_version = version;
		}
	}
}

static void note_extension(struct tls_hello *h, uint16_t type, struct bytes value, bool client)
{
	struct bytes list;

	if (type == EXT_SNI) {
		note_sni(h, value);
	} else if (type == EXT_VERSIONS) {
		note_versions(h, value, client);
	} else if (type == EXT_POINTS && bytes_take8(&value, &list)) {
		h->points = list;
	} else if (type == EXT_GROUPS && bytes_take16(&value, &list)) {
		h->groups = list;
	} else if (type == EXT_SIGNATURES && bytes_take16(&value, &list)) {
		h->signatures = list;
	} else if (type == EXT_ALPN && bytes_take16(&value, &list)) {
		h->alpns = list;
	}
}

/* What lies between the last whole extension and the end is not looked at. */
static bool read_extensions(struct tls_hello *h, struct bytes *hello, bool client)
{
	struct bytes all;
	struct bytes value;
	uint16_t type;

	if (bytes_left(hello) == 0) {
		return true;
	}
	if (!bytes_take16(hello, &all)) {
		return false;
	}
	h->has_extensions = true;
	h->extensions = all;
	while (bytes_left(&all) > 0) {
		if (!bytes_u16(&all, &type) || !bytes_take16(&all, &value)) {
			return false;
		}
		note_extension(h, type, value, client);
	}
	return true;
}

static bool read_client(struct tls_hello *h, struct bytes hello)
{
	struct bytes skipped;

	return bytes_u16(&hello, &h->version) && bytes_take(&hello, RANDOM_LEN, &skipped) &&
	       bytes_take8(&hello, &skipped) && bytes_take16(&hello, &h->ciphers) &&
	       bytes_take8(&hello, &skipped) && read_extensions(h, &hello, true);
}

static bool read_server(struct tls_hello *h, struct bytes hello)
{
	struct bytes skipped;
	uint8_t compression;

	return bytes_u16(&hello, &h->version) && bytes_take(&hello, RANDOM_LEN, &skipped) &&
	       bytes_take8(&hello, &skipped) && bytes_u16(&hello, &h->cipher) &&
	       bytes_u8(&hello, &compression) && read_extensions(h, &hello, false);
}

/* --- what it says ------------------------------------------------------------------ */

/* As Suricata writes them. */
static void put_version(struct tl_feature *f, enum tl_feature_field field,
			const struct tls_hello *h)
{
	uint16_t version = h->has_versions && h->best_version ? h->best_version : h->version;
	uint8_t bytes[2] = {(uint8_t)(version >> 8), (uint8_t)version};
	char hex[6] = "0x";

	switch (version) {
	case 0x0304:
		feature_put_literal(f, field, "TLS 1.3");
		return;
	case 0x0303:
		feature_put_literal(f, field, "TLS 1.2");
		return;
	case 0x0302:
		feature_put_literal(f, field, "TLS 1.1");
		return;
	case 0x0301:
		feature_put_literal(f, field, "TLSv1");
		return;
	case 0x0300:
		feature_put_literal(f, field, "SSLv3");
		return;
	default:
		feature_hex(hex + 2, bytes, 2);
		feature_put_text(f, field, (const uint8_t *)hex, sizeof(hex));
	}
}

static void put_alpns(struct tl_feature *f, enum tl_feature_field field, struct bytes alpns)
{
	struct bytes name;

	while (bytes_take8(&alpns, &name)) {
		feature_put_text(f, field, name.at, bytes_left(&name));
	}
}

static void put_client(struct tl_feature *f, const struct tls_hello *h, bool quic)
{
	char ja3[FEATURE_MD5_TEXT];
	char ja4[FEATURE_JA4_TEXT];

	if (!quic) {
		put_version(f, TL_FEATURE_TLS_CLIENT_VERSION, h);
	}
	feature_ja3(ja3, h);
	feature_ja4(ja4, h, quic);
	feature_put_text(f, quic ? TL_FEATURE_QUIC_JA3 : TL_FEATURE_TLS_JA3, (uint8_t *)ja3,
			 sizeof(ja3));
	feature_put_text(f, quic ? TL_FEATURE_QUIC_JA4 : TL_FEATURE_TLS_JA4, (uint8_t *)ja4,
			 sizeof(ja4));
	if (bytes_left(&h->sni) > 0) {
		feature_put_text(f, quic ? TL_FEATURE_QUIC_SNI : TL_FEATURE_TLS_SNI, h->sni.at,
				 bytes_left(&h->sni));
	}
	put_alpns(f, quic ? TL_FEATURE_QUIC_CLIENT_ALPNS : TL_FEATURE_TLS_CLIENT_ALPNS, h->alpns);
}

/* Types in order, nothing left out. */
static void put_extensions(struct tl_feature *f, struct bytes extensions)
{
	uint8_t types[TL_FEATURE_TEXT_MAX + 2];
	uint32_t len = 0;
	struct bytes value;
	uint16_t type;

	while (len < sizeof(types) && bytes_u16(&extensions, &type) &&
	       bytes_take16(&extensions, &value)) {
		tl_mp_put_be16(types + len, type);
		len += 2;
	}
	feature_put_numbers(f, TL_FEATURE_TLS_SERVER_EXTS, bytes_of(types, len));
}

static void put_server(struct tl_feature *f, const struct tls_hello *h)
{
	uint8_t cipher[2];
	char ja3s[FEATURE_MD5_TEXT];

	put_version(f, TL_FEATURE_TLS_VERSION, h);
	feature_ja3s(ja3s, h);
	feature_put_text(f, TL_FEATURE_TLS_JA3S, (uint8_t *)ja3s, sizeof(ja3s));
	tl_mp_put_be16(cipher, h->cipher);
	feature_put_numbers(f, TL_FEATURE_TLS_SERVER_CIPHER, bytes_of(cipher, sizeof(cipher)));
	put_extensions(f, h->extensions);
	put_alpns(f, TL_FEATURE_TLS_SERVER_ALPNS, h->alpns);
}

enum verdict feature_tls_hello(const struct feature_input *in, struct bytes hello, bool quic)
{
	struct tls_hello h = {0};
	uint8_t type = hello.at[0];

	hello.at += HELLO_HEADER;
	if (type == CLIENT_HELLO && read_client(&h, hello)) {
		put_client(in->f, &h, quic);
		return VERDICT_DONE;
	}
	if (type == SERVER_HELLO && !quic && read_server(&h, hello)) {
		put_server(in->f, &h);
		return VERDICT_DONE;
	}
	return feature_malformed(in);
}

/* --- records ------------------------------------------------------------------------ */

static bool is_record(const uint8_t *bytes)
{
	return bytes[0] == RECORD_HANDSHAKE && bytes[1] == 3 && bytes[2] <= 4 &&
	       tl_mp_be16(bytes + 3) > 0 && tl_mp_be16(bytes + 3) <= RECORD_MAX;
}

static bool is_hello(uint8_t type)
{
	return type == CLIENT_HELLO || type == SERVER_HELLO;
}

/* Length of the message with its header; `at` has as much. */
static uint32_t message_len(const uint8_t *at)
{
	return HELLO_HEADER + ((uint32_t)at[1] << 16 | tl_mp_be16(at + 2));
}

/* RFC 8446, section 4.1.3: SHA-256 of "HelloRetryRequest" in place of a random value. */
static bool is_retry(struct bytes hello)
{
	static const uint8_t random[RANDOM_LEN] = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11,
						   0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
						   0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e,
						   0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};

	return hello.at[0] == SERVER_HELLO && bytes_left(&hello) >= RANDOM_AT + RANDOM_LEN &&
	       memcmp(hello.at + RANDOM_AT, random, RANDOM_LEN) == 0;
}

/* A hello that its records cut up. */
static enum verdict join_records(const struct feature_input *in, struct bytes stream)
{
	uint8_t message[TL_FEATURE_BUFFER_BYTES];
	uint32_t have = 0;

	while (bytes_left(&stream) >= RECORD_HEADER) {
		if (!is_record(stream.at)) {
			return feature_malformed(in);
		}
		uint32_t len = tl_mp_be16(stream.at + 3);
		stream.at += RECORD_HEADER;
		len = len < bytes_left(&stream) ? len : bytes_left(&stream);
		memcpy(message + have, stream.at, len);
		stream.at += len;
		have += len;
		if (have >= HELLO_HEADER && have >= message_len(message)) {
			return feature_tls_hello(in, bytes_of(message, message_len(message)),
						 false);
		}
	}
	return VERDICT_MORE;
}

/* The record at the start of `bytes`, which is as long as a message's header at least. */
static enum verdict read_record(const struct feature_input *in, const uint8_t *bytes, uint32_t len,
				uint32_t *used)
{
	const uint8_t *message = bytes + RECORD_HEADER;
	uint32_t record_len = tl_mp_be16(bytes + 3);
	bool in_one = record_len >= HELLO_HEADER && record_len >= message_len(message);

	if (in_one && message_len(message) <= len - RECORD_HEADER) {
		struct bytes hello = bytes_of(message, message_len(message));
		if (in->f->phase == PHASE_RETRIED || !is_retry(hello)) {
			return feature_tls_hello(in, hello, false);
		}
		in->f->phase = PHASE_RETRIED;
		*used += RECORD_HEADER + message_len(message);
		return VERDICT_MORE;
	}
	if (record_len >= HELLO_HEADER && message_len(message) > TL_FEATURE_BUFFER_BYTES) {
		in->f->flags |= TL_FEATURE_LONG;
		return VERDICT_DONE;
	}
	if (in_one) {
		return VERDICT_MORE;
	}
	return join_records(
		in, bytes_of(bytes, len < TL_FEATURE_BUFFER_BYTES ? len : TL_FEATURE_BUFFER_BYTES));
}

/* Behind a HelloRetryRequest comes a record for old middleboxes (RFC 8446, D.4). */
static bool is_change_cipher(const struct feature_input *in, const uint8_t *at)
{
	return in->f->phase == PHASE_RETRIED && at[0] == RECORD_CHANGE_CIPHER;
}

static enum verdict decode(const struct feature_input *in, const uint8_t *bytes, uint32_t len,
			   uint32_t *used)
{
	enum verdict verdict;

	do {
		const uint8_t *at = bytes + *used;
		uint32_t left = len - *used;
		if (is_change_cipher(in, at)) {
			if (left < CHANGE_CIPHER_LEN) {
				return VERDICT_MORE;
			}
			*used += CHANGE_CIPHER_LEN;
			verdict = VERDICT_MORE;
			continue;
		}
		if (at[0] != RECORD_HANDSHAKE || (left > 1 && at[1] != 3)) {
			return VERDICT_NOT;
		}
		if (left < RECORD_HEADER + HELLO_HEADER) {
			return VERDICT_MORE;
		}
		if (!is_record(at) || !is_hello(at[RECORD_HEADER])) {
			return VERDICT_NOT;
		}
		uint32_t before = *used;
		verdict = read_record(in, at, left, used);
		if (*used == before) {
			return verdict;
		}
	} while (*used < len);
	return verdict;
}

const struct feature_decoder feature_tls = {"tls", decode};
