/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * QUIC: the client's Initial packets are protected with keys that everybody
 * can compute (RFC 9001, section 5.2; version 2: RFC 9369, 3.3), and carry the
 * TLS ClientHello in CRYPTO frames (RFC 9000, 19.6). The server's cannot be
 * read from its direction alone: the keys follow from what the client sent.
 */
#include <nettle/gcm.h>
#include <nettle/hkdf.h>
#include <nettle/hmac.h>

#include "feature_private.h"

enum {
	LONG_HEADER = 0xc0, /* and the fixed bit */
	TYPE_MASK = 0x30,
	PN_LEN_MASK = 0x03,
	VERSION_1 = 1,
	VERSION_2 = 0x6b3343cf,
	CID_MAX = 20,
	TAG_LEN = 16,
	SAMPLE_LEN = 16,
	SAMPLE_AT = 4, /* behind the start of the packet number */
	KEY_LEN = 16,
	IV_LEN = 12,
	SECRET_LEN = 32,
	SALT_LEN = 20,
	HEADER_MAX = 2048, /* up to the packet number: the token is most of it */
	FRAMES_MAX = 256,
	FRAME_PADDING = 0,
	FRAME_PING = 1,
	FRAME_ACK = 2,
	FRAME_ACK_ECN = 3,
	FRAME_CRYPTO = 6,
	HELLO_HEADER = 4,
	CLIENT_HELLO = 1,
};

struct quic_version {
	uint32_t number;
	uint8_t initial; /* bits of the first byte */
	const char *name;
	uint8_t salt[SALT_LEN];
	const char *key_label;
	const char *iv_label;
	const char *hp_label;
};

static const struct quic_version versions[] = {
	{VERSION_1,
	 0x00,
	 "1",
	 {0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
	  0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a},
	 "tls13 quic key",
	 "tls13 quic iv",
	 "tls13 quic hp"},
	{VERSION_2,
	 0x10,
	 "2",
	 {0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93,
	  0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9},
	 "tls13 quicv2 key",
	 "tls13 quicv2 iv",
	 "tls13 quicv2 hp"},
};

/* One packet of a datagram. */
struct initial {
	const struct quic_version *version;
	struct bytes dcid;
	struct bytes packet; /* from its first byte to the end that its length gives */
	uint32_t pn_at;	     /* offset of the packet number */
};

struct keys {
	uint8_t key[KEY_LEN];
	uint8_t iv[IV_LEN];
	uint8_t hp[KEY_LEN];
};

/* --- headers -------------------------------------------------------------------- */

/* RFC 9000, section 16 */
static bool read_varint(struct bytes *b, uint64_t *v)
{
	uint8_t first;
	uint8_t next;

	if (!bytes_u8(b, &first)) {
		return false;
	}
	*v = first & 0x3f;
	for (unsigned int more = (1u << (first >> 6)) - 1; more > 0; more--) {
		if (!bytes_u8(b, &next)) {
			return false;
		}
		*v = *v << 8 | next;
	}
	return true;
}

static bool take_varint(struct bytes *b, struct bytes *out)
{
	uint64_t len;

	return read_varint(b, &len) && len <= bytes_left(b) && bytes_take(b, (uint32_t)len, out);
}

static const struct quic_version *find_version(uint32_t number)
{
	for (unsigned int i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		if (versions[i].number == number) {
			return &versions[i];
		}
	}
	return 0;
}

/*
 * The next packet of a datagram; p->version is 0 when it is none that we read.
 * False when there is no other, or it is cut short.
 */
static bool next_packet(struct bytes *b, struct initial *p)
{
	const uint8_t *start = b->at;
	struct bytes skipped;
	uint32_t number;
	uint8_t first;

	if (!bytes_u8(b, &first) || (first & LONG_HEADER) != LONG_HEADER ||
	    !bytes_u32(b, &number)) {
		return false;
	}
	p->version = find_version(number);
	if (!p->version || !bytes_take8(b, &p->dcid) || bytes_left(&p->dcid) > CID_MAX ||
	    !bytes_take8(b, &skipped) || bytes_left(&skipped) > CID_MAX) {
		return false;
	}
	bool is_initial = (first & TYPE_MASK) == p->version->initial;
	if (is_initial && !take_varint(b, &skipped)) {
		return false;
	}
	uint64_t len;
	if (!read_varint(b, &len) || len > bytes_left(b)) {
		return false;
	}
	p->pn_at = (uint32_t)(b->at - start);
	b->at += len;
	p->packet = (struct bytes){start, b->at};
	p->version = is_initial ? p->version : 0;
	return true;
}

/* --- keys ------------------------------------------------------------------------- */

/* RFC 8446, section 7.1, without a context */
static void expand_label(const struct hmac_sha256_ctx *secret, const char *label, uint8_t *out,
			 uint8_t len)
{
	uint8_t info[32];
	size_t label_len = strlen(label);

	info[0] = 0;
	info[1] = len;
	info[2] = (uint8_t)label_len;
	memcpy(info + 3, label, label_len);
	info[3 + label_len] = 0;
	hkdf_expand((void *)secret, (nettle_hash_update_func *)hmac_sha256_update,
		    (nettle_hash_digest_func *)hmac_sha256_digest, SHA256_DIGEST_SIZE,
		    label_len + 4, info, len, out);
}

static void derive_keys(struct keys *keys, const struct quic_version *version, struct bytes dcid)
{
	struct hmac_sha256_ctx hmac;
	uint8_t secret[SECRET_LEN];

	hmac_sha256_set_key(&hmac, SALT_LEN, version->salt);
	hkdf_extract(&hmac, (nettle_hash_update_func *)hmac_sha256_update,
		     (nettle_hash_digest_func *)hmac_sha256_digest, SHA256_DIGEST_SIZE,
		     bytes_left(&dcid), dcid.at, secret);
	hmac_sha256_set_key(&hmac, sizeof(secret), secret);
	expand_label(&hmac, "tls13 client in", secret, sizeof(secret));
	hmac_sha256_set_key(&hmac, sizeof(secret), secret);
	expand_label(&hmac, version->key_label, keys->key, KEY_LEN);
	expand_label(&hmac, version->iv_label, keys->iv, IV_LEN);
	expand_label(&hmac, version->hp_label, keys->hp, KEY_LEN);
}

/*
 * Decrypts into `plain`. Packet numbers of Initials are small: what the packet
 * shows of its number is taken for all of it.
 */
static bool unprotect(const struct initial *p, struct bytes dcid,
		      uint8_t plain[TL_FEATURE_QUIC_INITIAL_MAX], uint32_t *plain_len)
{
	uint8_t header[HEADER_MAX];
	uint8_t mask[SAMPLE_LEN];
	uint8_t tag[TAG_LEN];
	struct gcm_aes128_ctx gcm;
	struct aes128_ctx aes;
	struct keys keys;
	uint32_t len = bytes_left(&p->packet) - p->pn_at;

	if (len < SAMPLE_AT + SAMPLE_LEN || len > TL_FEATURE_QUIC_INITIAL_MAX ||
	    p->pn_at + 4 > sizeof(header)) {
		return false;
	}
	derive_keys(&keys, p->version, dcid);
	aes128_set_encrypt_key(&aes, keys.hp);
	aes128_encrypt(&aes, sizeof(mask), mask, p->packet.at + p->pn_at + SAMPLE_AT);
	memcpy(header, p->packet.at, p->pn_at + 4);
	header[0] ^= mask[0] & 0x0f;
	uint32_t pn_len = (header[0] & PN_LEN_MASK) + 1u;
	for (uint32_t i = 0; i < pn_len; i++) {
		header[p->pn_at + i] ^= mask[1 + i];
		keys.iv[IV_LEN - pn_len + i] ^= header[p->pn_at + i];
	}
	const uint8_t *sealed = p->packet.at + p->pn_at + pn_len;
	*plain_len = len - pn_len - TAG_LEN;
	gcm_aes128_set_key(&gcm, keys.key);
	gcm_aes128_set_iv(&gcm, sizeof(keys.iv), keys.iv);
	gcm_aes128_update(&gcm, p->pn_at + pn_len, header);
	gcm_aes128_decrypt(&gcm, *plain_len, plain, sealed);
	gcm_aes128_digest(&gcm, sizeof(tag), tag);
	return memcmp(tag, sealed + *plain_len, sizeof(tag)) == 0;
}

/* --- frames ----------------------------------------------------------------------- */

static bool skip_ack(struct bytes *b, bool ecn)
{
	uint64_t v[4]; /* largest, delay, range count, first range */
	uint64_t skipped;

	for (unsigned int i = 0; i < 4; i++) {
		if (!read_varint(b, &v[i])) {
			return false;
		}
	}
	for (uint64_t i = 0; i < 2 * v[2] + (ecn ? 3 : 0); i++) {
		if (!read_varint(b, &skipped)) {
			return false;
		}
	}
	return true;
}

static bool put_crypto(const struct feature_input *in, struct bytes *b)
{
	uint64_t offset;
	struct bytes data;

	if (!read_varint(b, &offset) || !take_varint(b, &data)) {
		return false;
	}
	feature_buffer_put(in, offset < UINT32_MAX ? (uint32_t)offset : UINT32_MAX, data);
	return true;
}

void feature_quic_frames(const struct feature_input *in, struct bytes b)
{
	unsigned int frames = 0;
	uint8_t type;

	while (frames < FRAMES_MAX && bytes_u8(&b, &type)) {
		if (type == FRAME_PADDING) {
			continue;
		}
		frames++;
		if (type == FRAME_CRYPTO) {
			if (!put_crypto(in, &b)) {
				return;
			}
		} else if (type == FRAME_ACK || type == FRAME_ACK_ECN) {
			if (!skip_ack(&b, type == FRAME_ACK_ECN)) {
				return;
			}
		} else if (type != FRAME_PING) {
			return;
		}
	}
}

enum verdict feature_quic_hello(const struct feature_input *in)
{
	uint32_t ready = feature_buffer_ready(in->f);
	const struct tl_feature_buffer *b = in->f->buffer;

	if (ready < HELLO_HEADER) {
		return VERDICT_MORE;
	}
	uint32_t len = HELLO_HEADER + ((uint32_t)b->bytes[1] << 16 | tl_mp_be16(b->bytes + 2));
	if (b->bytes[0] != CLIENT_HELLO) {
		return feature_malformed(in);
	}
	if (len > TL_FEATURE_BUFFER_BYTES) {
		in->f->flags |= TL_FEATURE_LONG;
		return VERDICT_DONE;
	}
	return ready < len ? VERDICT_MORE : feature_tls_hello(in, bytes_of(b->bytes, len), true);
}

/* --- datagrams ---------------------------------------------------------------------- */

static bool try_dcid(const struct feature_input *in, const struct initial *p, struct bytes dcid)
{
	uint8_t plain[TL_FEATURE_QUIC_INITIAL_MAX];
	uint32_t len;

	if (in->f->tries == TL_FEATURE_QUIC_TRIES) {
		return false;
	}
	in->f->tries++;
	in->pool->counts.quic_initials++;
	if (!unprotect(p, dcid, plain, &len)) {
		in->pool->counts.quic_failures++;
		return false;
	}
	feature_quic_frames(in, bytes_of(plain, len));
	return true;
}

/*
 * The keys stay those of the first packet while the connection id changes;
 * after a Retry they follow from the new one. phase counts the failures.
 */
static void read_initial(const struct feature_input *in, const struct initial *p)
{
	struct tl_feature *f = in->f;
	uint32_t len = bytes_left(&p->dcid);

	if (f->dcid_len > 0) {
		struct bytes first = bytes_of(f->dcid, f->dcid_len - 1u);
		if (try_dcid(in, p, first)) {
			return;
		}
		bool same = len + 1 == f->dcid_len && memcmp(p->dcid.at, f->dcid, len) == 0;
		if (same) {
			f->phase++;
			return;
		}
	}
	if (!try_dcid(in, p, p->dcid)) {
		f->phase++;
		return;
	}
	if (f->dcid_len == 0) {
		feature_put_literal(f, TL_FEATURE_QUIC_VERSION, p->version->name);
	}
	memcpy(f->dcid, p->dcid.at, len);
	f->dcid_len = (uint8_t)(len + 1); /* an id may be empty */
}

static bool same_bytes(struct bytes a, struct bytes b)
{
	return bytes_left(&a) == bytes_left(&b) && memcmp(a.at, b.at, bytes_left(&a)) == 0;
}

static enum verdict decode(const struct feature_input *in, const uint8_t *bytes, uint32_t len,
			   uint32_t *used)
{
	struct tl_feature *f = in->f;
	struct bytes b = bytes_of(bytes, len);
	struct bytes dcid = {0};
	struct initial p;

	(void)used;
	while (next_packet(&b, &p)) {
		/* What is coalesced is for the same connection, or not for it (RFC 9000, 12.2). */
		dcid = dcid.at ? dcid : p.dcid;
		if (p.version && same_bytes(p.dcid, dcid) && f->phase < TL_FEATURE_QUIC_FAILURES) {
			read_initial(in, &p);
		}
	}
	if (!dcid.at && f->dcid_len == 0) {
		return VERDICT_NOT;
	}
	enum verdict verdict = feature_quic_hello(in);
	bool give_up = f->phase == TL_FEATURE_QUIC_FAILURES || f->tries == TL_FEATURE_QUIC_TRIES ||
		       (f->flags & (TL_FEATURE_NO_BUFFER | TL_FEATURE_HOLES));
	if (verdict != VERDICT_MORE || !give_up) {
		return verdict;
	}
	/* The server's direction is of no use to us, and no failure. */
	f->flags |= f->dcid_len > 0 ? TL_FEATURE_PARTIAL : 0;
	return VERDICT_DONE;
}

const struct feature_decoder feature_quic = {"quic", decode};
