/* SPDX-License-Identifier: BSD-2-Clause */
#include "feature_ja.h"

#include <nettle/md5.h>
#include <nettle/sha2.h>
#include <stdio.h>

enum {
	EXT_SNI = 0,
	EXT_ALPN = 16,
	LIST_MAX = TL_FEATURE_BUFFER_BYTES / 2, /* values of a hello that fits the buffer */
	HASH_BYTES = 6,				/* of SHA-256 that a part of JA4 shows */
	COUNT_MAX = 99,
};

void feature_hex(char *text, const uint8_t *bytes, uint32_t len)
{
	static const char digits[] = "0123456789abcdef";

	for (uint32_t i = 0; i < len; i++) {
		*text++ = digits[bytes[i] >> 4];
		*text++ = digits[bytes[i] & 15];
	}
}

/* --- JA3 ---------------------------------------------------------------------- */

static void md5_number(struct md5_ctx *md5, unsigned int number, bool *more)
{
	char text[12];
	int len = snprintf(text, sizeof(text), *more ? "-%u" : "%u", number);

	*more = true;
	md5_update(md5, (size_t)len, (const uint8_t *)text);
}

static void md5_comma(struct md5_ctx *md5)
{
	md5_update(md5, 1, (const uint8_t *)",");
}

static void md5_list16(struct md5_ctx *md5, struct bytes list)
{
	bool more = false;
	uint16_t value;

	while (bytes_u16(&list, &value)) {
		if (!tls_is_grease(value)) {
			md5_number(md5, value, &more);
		}
	}
}

static void md5_list8(struct md5_ctx *md5, struct bytes list)
{
	bool more = false;
	uint8_t value;

	while (bytes_u8(&list, &value)) {
		md5_number(md5, value, &more);
	}
}

/* The next extension's type. */
static bool next_extension(struct bytes *extensions, uint16_t *type)
{
	struct bytes value;

	return bytes_u16(extensions, type) && bytes_take16(extensions, &value);
}

static void md5_extensions(struct md5_ctx *md5, struct bytes extensions, bool with_grease)
{
	bool more = false;
	uint16_t type;

	while (next_extension(&extensions, &type)) {
		if (with_grease || !tls_is_grease(type)) {
			md5_number(md5, type, &more);
		}
	}
}

static void md5_text(struct md5_ctx *md5, char text[FEATURE_MD5_TEXT])
{
	uint8_t digest[MD5_DIGEST_SIZE];

	md5_digest(md5, sizeof(digest), digest);
	feature_hex(text, digest, sizeof(digest));
}

/* version,ciphers,extensions,groups,points */
void feature_ja3(char text[FEATURE_MD5_TEXT], const struct tls_hello *hello)
{
	struct md5_ctx md5;
	bool more = false;

	md5_init(&md5);
	md5_number(&md5, hello->version, &more);
	md5_comma(&md5);
	md5_list16(&md5, hello->ciphers);
	md5_comma(&md5);
	md5_extensions(&md5, hello->extensions, false);
	md5_comma(&md5);
	md5_list16(&md5, hello->groups);
	md5_comma(&md5);
	md5_list8(&md5, hello->points);
	md5_text(&md5, text);
}

/* version,cipher,extensions: of a server nothing is left out. */
void feature_ja3s(char text[FEATURE_MD5_TEXT], const struct tls_hello *hello)
{
	struct md5_ctx md5;
	bool more = false;

	md5_init(&md5);
	md5_number(&md5, hello->version, &more);
	md5_comma(&md5);
	more = false;
	md5_number(&md5, hello->cipher, &more);
	md5_comma(&md5);
	md5_extensions(&md5, hello->extensions, true);
	md5_text(&md5, text);
}

/* --- JA4 ---------------------------------------------------------------------- */

static void sift(uint16_t *v, uint32_t root, uint32_t count)
{
	for (uint32_t child; (child = 2 * root + 1) < count; root = child) {
		child += child + 1 < count && v[child] < v[child + 1];
		if (v[root] >= v[child]) {
			return;
		}
		uint16_t swap = v[root];
		v[root] = v[child];
		v[child] = swap;
	}
}

/* In place and n log n whatever the order: a peer chooses the list. */
static void sort(uint16_t *v, uint32_t count)
{
	for (uint32_t i = count / 2; i > 0; i--) {
		sift(v, i - 1, count);
	}
	for (uint32_t end = count; end > 1; end--) {
		uint16_t swap = v[0];
		v[0] = v[end - 1];
		v[end - 1] = swap;
		sift(v, 0, end - 1);
	}
}

static void sha_values(struct sha256_ctx *sha, const uint16_t *v, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		uint8_t bytes[2] = {(uint8_t)(v[i] >> 8), (uint8_t)v[i]};
		char text[5] = ",";
		feature_hex(text + 1, bytes, 2);
		sha256_update(sha, i == 0 ? 4 : 5, (const uint8_t *)text + (i == 0));
	}
}

static void put_hash(char *text, struct sha256_ctx *sha, bool nothing)
{
	uint8_t digest[HASH_BYTES] = {0};

	if (!nothing) {
		sha256_digest(sha, sizeof(digest), digest);
	}
	feature_hex(text, digest, sizeof(digest));
}

static uint32_t list_values(struct bytes list, uint16_t values[LIST_MAX])
{
	uint32_t count = 0;
	uint16_t value;

	while (count < LIST_MAX && bytes_u16(&list, &value)) {
		if (!tls_is_grease(value)) {
			values[count++] = value;
		}
	}
	return count;
}

static void put_count(char *text, uint32_t count)
{
	count = count < COUNT_MAX ? count : COUNT_MAX;
	text[0] = (char)('0' + count / 10);
	text[1] = (char)('0' + count % 10);
}

static const char *version_text(uint16_t version)
{
	switch (version) {
	case 0x0304:
		return "13";
	case 0x0303:
		return "12";
	case 0x0302:
		return "11";
	case 0x0301:
		return "10";
	case 0x0300:
		return "s3";
	case 0x0002:
		return "s2";
	case 0xfeff:
		return "d1";
	case 0xfefd:
		return "d2";
	case 0xfefc:
		return "d3";
	default:
		return "00";
	}
}

static bool is_alphanumeric(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* First and last character of the first value, of its hex form when either is none to show. */
static void put_alpn(char text[2], struct bytes alpns)
{
	struct bytes first;
	char hex[4];

	text[0] = text[1] = '0';
	if (!bytes_take8(&alpns, &first) || bytes_left(&first) == 0) {
		return;
	}
	const uint8_t ends[2] = {first.at[0], first.end[-1]};
	if (is_alphanumeric(ends[0]) && is_alphanumeric(ends[1])) {
		memcpy(text, ends, 2);
		return;
	}
	feature_hex(hex, ends, 2);
	text[0] = hex[0];
	text[1] = hex[3];
}

/* Of the extensions all count, but SNI and ALPN are not hashed: part a shows them. */
static void put_extensions(char count_text[2], char *hash, const struct tls_hello *hello)
{
	uint16_t values[LIST_MAX];
	struct bytes extensions = hello->extensions;
	struct sha256_ctx sha;
	uint32_t hashed = 0;
	uint32_t count = 0;
	uint16_t type;

	while (count < LIST_MAX && next_extension(&extensions, &type)) {
		if (!tls_is_grease(type)) {
			count++;
			if (type != EXT_SNI && type != EXT_ALPN) {
				values[hashed++] = type;
			}
		}
	}
	put_count(count_text, count);
	sort(values, hashed);
	sha256_init(&sha);
	sha_values(&sha, values, hashed);
	bool nothing = hashed == 0;
	uint32_t signatures = list_values(hello->signatures, values);
	if (signatures > 0) {
		sha256_update(&sha, 1, (const uint8_t *)"_");
		sha_values(&sha, values, signatures);
	}
	put_hash(hash, &sha, nothing);
}

static void put_ciphers(char count_text[2], char *hash, struct bytes ciphers)
{
	uint16_t values[LIST_MAX];
	struct sha256_ctx sha;
	uint32_t count = list_values(ciphers, values);

	put_count(count_text, count);
	sort(values, count);
	sha256_init(&sha);
	sha_values(&sha, values, count);
	put_hash(hash, &sha, count == 0);
}

/* t13d1516h2_8daaf6152771_e5627efa2ab1 */
void feature_ja4(char text[FEATURE_JA4_TEXT], const struct tls_hello *hello, bool quic)
{
	text[0] = quic ? 'q' : 't';
	memcpy(text + 1, version_text(hello->has_versions ? hello->best_version : hello->version),
	       2);
	text[3] = hello->has_sni ? 'd' : 'i';
	text[10] = '_';
	text[23] = '_';
	put_ciphers(text + 4, text + 11, hello->ciphers);
	put_extensions(text + 6, text + 24, hello);
	put_alpn(text + 8, hello->alpns);
}
