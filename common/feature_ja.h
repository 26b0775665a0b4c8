/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fingerprints of a TLS hello.
 *
 * JA3, JA3S: github.com/salesforce/ja3, README.md and python/ja3.py, ja3s.py
 * (method and code BSD-3-Clause). JA4: github.com/FoxIO-LLC/ja4,
 * technical_details/JA4.md (BSD-3-Clause, "does not have patent claims"). The
 * rest of JA4+ (JA4S, JA4H, ...) is under the FoxIO License 1.1, which is for
 * non-commercial use only and names a patent pending: none of it is here.
 */
#ifndef TL_FEATURE_JA_H
#define TL_FEATURE_JA_H

#include "feature_private.h"

enum { FEATURE_MD5_TEXT = 32, FEATURE_JA4_TEXT = 36 };

/* Views of a hello's lists; an absent one is empty. */
struct tls_hello {
	uint16_t version; /* of the handshake */
	bool has_extensions;
	bool has_sni;
	bool has_versions;	 /* supported_versions */
	uint16_t best_version;	 /* the highest of them that is not GREASE; 0 = none */
	uint16_t cipher;	 /* server */
	struct bytes ciphers;	 /* client: 16 bits each */
	struct bytes extensions; /* type, length, bytes; checked to be whole */
	struct bytes groups;	 /* 16 bits each */
	struct bytes points;	 /* 8 bits each */
	struct bytes signatures; /* 16 bits each */
	struct bytes alpns;	 /* each behind its length in 8 bits */
	struct bytes sni;	 /* the first host name */
};

/* RFC 8701 */
static inline bool tls_is_grease(uint16_t v)
{
	return (v & 0x0f0f) == 0x0a0a && v >> 8 == (v & 0xff);
}

/* None of these ends its text with a NUL. */
void feature_ja3(char text[FEATURE_MD5_TEXT], const struct tls_hello *hello);
void feature_ja3s(char text[FEATURE_MD5_TEXT], const struct tls_hello *hello);
void feature_ja4(char text[FEATURE_JA4_TEXT], const struct tls_hello *hello, bool quic);

void feature_hex(char *text, const uint8_t *bytes, uint32_t len);

#endif
