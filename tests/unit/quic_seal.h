/* SPDX-License-Identifier: BSD-2-Clause */
/* Seals Initials as a client of QUIC version 1 does (RFC 9001, section 5). */
#ifndef QUIC_SEAL_H
#define QUIC_SEAL_H

#include <nettle/gcm.h>
#include <nettle/hkdf.h>
#include <nettle/hmac.h>
#include <stdint.h>
#include <string.h>

struct quic_initial {
	const char *key_dcid; /* that the keys follow from */
	const char *dcid;     /* that the header shows */
	uint32_t token_len;
	const uint8_t *frames;
	uint32_t frames_len; /* padded to 64 at least */
};

static inline void quic_expand(const uint8_t secret[32], const char *label, uint8_t *out,
			       uint8_t len)
{
	struct hmac_sha256_ctx hmac;
	uint8_t info[40] = {0, len, (uint8_t)strlen(label)};

	memcpy(info + 3, label, strlen(label));
	hmac_sha256_set_key(&hmac, 32, secret);
	hkdf_expand(&hmac, (nettle_hash_update_func *)hmac_sha256_update,
		    (nettle_hash_digest_func *)hmac_sha256_digest, 32, 4 + strlen(label), info, len,
		    out);
}

static inline void quic_client_secret(const char *dcid, uint8_t secret[32])
{
	static const uint8_t salt[] = {0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
				       0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a};
	struct hmac_sha256_ctx hmac;
	uint8_t initial[32];

	hmac_sha256_set_key(&hmac, sizeof(salt), salt);
	hkdf_extract(&hmac, (nettle_hash_update_func *)hmac_sha256_update,
		     (nettle_hash_digest_func *)hmac_sha256_digest, 32, strlen(dcid),
		     (const uint8_t *)dcid, initial);
	quic_expand(initial, "tls13 client in", secret, 32);
}

/* Packet number 0 in one byte; returns the length. */
static inline uint32_t quic_seal(uint8_t *to, const struct quic_initial *q)
{
	uint8_t secret[32], key[16], iv[12], hp[16], mask[16], plain[4096] = {0};
	struct gcm_aes128_ctx gcm;
	struct aes128_ctx aes;
	uint32_t len = q->frames_len > 64 ? q->frames_len : 64;
	uint8_t *p = to;

	quic_client_secret(q->key_dcid, secret);
	quic_expand(secret, "tls13 quic key", key, 16);
	quic_expand(secret, "tls13 quic iv", iv, 12);
	quic_expand(secret, "tls13 quic hp", hp, 16);
	memcpy(p, "\xc0\0\0\0\1", 5);
	p += 5;
	*p++ = (uint8_t)strlen(q->dcid);
	memcpy(p, q->dcid, strlen(q->dcid));
	p += strlen(q->dcid);
	*p++ = 0; /* source id */
	*p++ = (uint8_t)(0x40 | q->token_len >> 8);
	*p++ = (uint8_t)q->token_len;
	memset(p, 't', q->token_len);
	p += q->token_len;
	uint32_t rest = 1 + len + 16;
	*p++ = (uint8_t)(0x40 | rest >> 8);
	*p++ = (uint8_t)rest;
	uint8_t *number = p++;
	*number = 0;
	memcpy(plain, q->frames, q->frames_len);
	gcm_aes128_set_key(&gcm, key);
	gcm_aes128_set_iv(&gcm, sizeof(iv), iv);
	gcm_aes128_update(&gcm, (size_t)(p - to), to);
	gcm_aes128_encrypt(&gcm, len, p, plain);
	gcm_aes128_digest(&gcm, 16, p + len);
	aes128_set_encrypt_key(&aes, hp);
	aes128_encrypt(&aes, 16, mask, number + 4);
	to[0] ^= mask[0] & 0x0f;
	*number ^= mask[1];
	return (uint32_t)(p + len + 16 - to);
}

/* A CRYPTO frame of bytes at an offset below 16,384; returns its length. */
static inline uint32_t quic_crypto(uint8_t *to, uint32_t offset, const uint8_t *bytes, uint32_t len)
{
	uint8_t head[] = {6, (uint8_t)(0x40 | offset >> 8), (uint8_t)offset,
			  (uint8_t)(0x40 | len >> 8), (uint8_t)len};

	memcpy(to, head, sizeof(head));
	memcpy(to + sizeof(head), bytes, len);
	return sizeof(head) + len;
}

#endif
