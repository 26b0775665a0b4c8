/* SPDX-License-Identifier: BSD-2-Clause */
/* common/feature_ja: the vectors of the fingerprints' own specifications. */
#include "../../common/feature_ja.h"

#include "feature_kit.h"

/* A list of 16-bit values, as on the wire. */
struct list {
	uint8_t bytes[512];
	uint32_t len;
};

static void add16(struct list *l, uint16_t v)
{
	tl_mp_put_be16(l->bytes + l->len, v);
	l->len += 2;
}

/* "1301,1302"; for extensions each with no bytes of its own. */
static struct bytes list_of(struct list *l, const char *text, int base, bool extensions)
{
	l->len = 0;
	for (char *at = (char *)text; *at; at += *at != '\0') {
		add16(l, (uint16_t)strtoul(at, &at, base));
		if (extensions) {
			add16(l, 0);
		}
	}
	return bytes_of(l->bytes, l->len);
}

static struct bytes text_of(const char *text)
{
	return bytes_of((const uint8_t *)text, (uint32_t)strlen(text));
}

/* github.com/salesforce/ja3, README.md, "How it works". */
static void ja3_of_the_readme_is_met(void **state)
{
	struct list ciphers;
	struct list extensions;
	struct list groups;
	char text[FEATURE_MD5_TEXT + 1] = "";
	struct tls_hello hello = {
		.version = 769,
		.ciphers = list_of(&ciphers, "47-53-5-10-49161-49162-49171-49172-50-56-19-4", 10,
				   false),
		.extensions = list_of(&extensions, "0-10-11", 10, true),
		.groups = list_of(&groups, "23-24-25", 10, false),
		.points = bytes_of((const uint8_t *)"", 1),
	};

	(void)state;
	feature_ja3(text, &hello);
	assert_string_equal(text, "ada70206e40642a3e4461f35503241d5");
	hello = (struct tls_hello){
		.version = 769,
		.ciphers = list_of(&ciphers, "4-5-10-9-100-98-3-6-19-18-99", 10, false),
	};
	feature_ja3(text, &hello);
	assert_string_equal(text, "de350869b8c85de67a350c8d186f11e6");
}

static void ja3_with_grease_is_the_same(void **state)
{
	struct list ciphers;
	struct list extensions;
	struct list groups;
	char text[FEATURE_MD5_TEXT + 1] = "";
	struct tls_hello hello = {
		.version = 769,
		.ciphers = list_of(&ciphers,
				   "2570-47-53-5-10-49161-49162-49171-49172-50-56-19-4-64250", 10,
				   false),
		.extensions = list_of(&extensions, "14906-0-10-11-6682", 10, true),
		.groups = list_of(&groups, "60138-23-24-25", 10, false),
		.points = bytes_of((const uint8_t *)"", 1),
	};

	(void)state;
	feature_ja3(text, &hello);
	assert_string_equal(text, "ada70206e40642a3e4461f35503241d5");
}

/* FoxIO, technical_details/JA4.md, the example that the text follows. */
static const char ja4_ciphers[] =
	"1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035";
static const char ja4_extensions[] =
	"001b,0000,0033,0010,4469,0017,002d,000d,0005,0023,0012,002b,ff01,000b,000a,0015";
static const char ja4_signatures[] = "0403,0804,0401,0503,0805,0501,0806,0601";

struct ja4_lists {
	struct list ciphers;
	struct list extensions;
	struct list signatures;
};

static struct tls_hello ja4_example(struct ja4_lists *l)
{
	return (struct tls_hello){
		.version = 0x0303,
		.has_versions = true,
		.best_version = 0x0304,
		.has_sni = true,
		.ciphers = list_of(&l->ciphers, ja4_ciphers, 16, false),
		.extensions = list_of(&l->extensions, ja4_extensions, 16, true),
		.signatures = list_of(&l->signatures, ja4_signatures, 16, false),
		.alpns = text_of("\002h2\010http/1.1"),
	};
}

static const char *ja4(const struct tls_hello *hello, bool quic)
{
	static char text[FEATURE_JA4_TEXT + 1];

	feature_ja4(text, hello, quic);
	return text;
}

static void ja4_of_the_specification_is_met(void **state)
{
	struct ja4_lists l;
	struct tls_hello hello = ja4_example(&l);

	(void)state;
	assert_string_equal(ja4(&hello, false), "t13d1516h2_8daaf6152771_e5627efa2ab1");
	assert_string_equal(ja4(&hello, true), "q13d1516h2_8daaf6152771_e5627efa2ab1");
	hello.signatures = (struct bytes){0};
	assert_string_equal(ja4(&hello, false), "t13d1516h2_8daaf6152771_6d807ffa2a79");
}

/* FoxIO, python/test/testdata/sigalg-grease.pcapng.json: JA4.1 of JA4_ro.1, GREASE put back in. */
static void ja4_with_grease_is_as_published(void **state)
{
	struct ja4_lists l;
	struct tls_hello hello = ja4_example(&l);

	(void)state;
	hello.ciphers = list_of(&l.ciphers,
				"3a3a,1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,"
				"009d,002f,0035",
				16, false);
	hello.extensions = list_of(&l.extensions,
				   "8a8a,fe0d,0010,0017,0033,44cd,ff01,000a,000d,0023,002b,000b,"
				   "ca34,002d,0000,0005,001b,0012,fafa",
				   16, true);
	hello.signatures =
		list_of(&l.signatures,
			"1a1a,0904,0905,0906,0403,0804,0401,0503,0805,0501,0806,0601", 16, false);
	assert_string_equal(ja4(&hello, false), "t13d1517h2_8daaf6152771_cb7bf5808d99");
}

static void ja4_alpn_corners_are_as_specified(void **state)
{
	static const struct {
		const char *alpns;
		const char *ends;
	} rows[] = {
		{"\010http/1.1", "h1"},
		{"", "00"},
		{"\001x", "xx"},
		{"\001\xab", "ab"},
		{"\002\xab\xcd", "ad"},
		{"\002\x30\xab", "3b"},
		{"\004\x30\x31\xab\xcd", "3d"},
		{"\004\x30\xab\xcd\x31", "01"},
	};
	struct ja4_lists l;
	struct tls_hello hello = ja4_example(&l);

	(void)state;
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		hello.alpns = text_of(rows[i].alpns);
		assert_memory_equal(ja4(&hello, false) + 8, rows[i].ends, 2);
	}
	hello.alpns = bytes_of((const uint8_t *)"\0", 1); /* one value, empty */
	assert_memory_equal(ja4(&hello, false) + 8, "00", 2);
}

static void ja4_of_nothing_is_zeroes(void **state)
{
	struct tls_hello hello = {.version = 0x0301};

	(void)state;
	assert_string_equal(ja4(&hello, false), "t10i000000_000000000000_000000000000");
	hello.has_versions = true; /* and none that is known */
	assert_memory_equal(ja4(&hello, false), "t00", 3);
}

static void ja4_counts_stop_at_99(void **state)
{
	static uint8_t many[2 * 150];
	struct tls_hello hello = {.version = 0x0303, .ciphers = bytes_of(many, sizeof(many))};

	(void)state;
	assert_memory_equal(ja4(&hello, false), "t12i9900", 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ja3_of_the_readme_is_met),
		cmocka_unit_test(ja3_with_grease_is_the_same),
		cmocka_unit_test(ja4_of_the_specification_is_met),
		cmocka_unit_test(ja4_with_grease_is_as_published),
		cmocka_unit_test(ja4_alpn_corners_are_as_specified),
		cmocka_unit_test(ja4_of_nothing_is_zeroes),
		cmocka_unit_test(ja4_counts_stop_at_99),
	};
	return cmocka_run_group_tests(tests, 0, 0);
}
