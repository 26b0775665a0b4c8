/* SPDX-License-Identifier: BSD-2-Clause */
/* common/jsontree: what is read, what is absent, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "../../common/jsontree.h"

static int open_tree(void **state)
{
	return tl_jsontree_create((struct tl_jsontree **)state);
}

static int close_tree(void **state)
{
	tl_jsontree_destroy(*state);
	return 0;
}

static struct tl_jsonnode read_text(void **state, const char *text)
{
	struct tl_jsonnode root;

	assert_int_equal(tl_jsontree_read(*state, text, strlen(text), &root), 0);
	return root;
}

static void written_is_what_was_read(void **state)
{
	static const char *const texts[] = {"null",
					    "true",
					    "false",
					    "0",
					    "18446744073709551615",
					    "-9223372036854775808",
					    "\"\"",
					    "\"a\\\"\\\\\\u0000\\u001f\xc3\xa4\"",
					    "[]",
					    "{}",
					    "[1,[2,{\"a\":[]}],\"x\"]",
					    "{\"a\":{\"b\":[1,2.5,null]},\"\":true}"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct tl_textbuf out = {0};
		assert_int_equal(tl_jsonnode_write(&out, read_text(state, texts[i])), 0);
		assert_int_equal(out.len, strlen(texts[i]));
		assert_memory_equal(out.data, texts[i], out.len);
		tl_textbuf_fini(&out);
	}
}

static void kinds_are_told_apart(void **state)
{
	static const struct {
		const char *text;
		enum tl_jsonkind kind;
	} rows[] = {
		{"null", TL_JSONKIND_NULL},  {"false", TL_JSONKIND_BOOL},
		{"7", TL_JSONKIND_UINT},     {"-7", TL_JSONKIND_INT},
		{"7.0", TL_JSONKIND_REAL},   {"1e2", TL_JSONKIND_REAL},
		{"\"7\"", TL_JSONKIND_TEXT}, {"[7]", TL_JSONKIND_ARRAY},
		{"{}", TL_JSONKIND_OBJECT},  {"18446744073709551615", TL_JSONKIND_UINT},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(tl_jsonnode_kind(read_text(state, rows[i].text)), rows[i].kind);
	}
}

static void values_of_another_kind_are_nothing(void **state)
{
	struct tl_jsonnode root = read_text(state, "{\"t\":\"x\",\"n\":-5,\"u\":5,\"b\":true}");

	assert_int_equal(tl_jsonnode_uint(tl_jsonnode_member(root, "t")), 0);
	assert_int_equal(tl_jsonnode_uint(tl_jsonnode_member(root, "n")), 0);
	assert_int_equal(tl_jsonnode_int(tl_jsonnode_member(root, "n")), -5);
	assert_int_equal(tl_jsonnode_int(tl_jsonnode_member(root, "u")), 5);
	assert_true(tl_jsonnode_real(tl_jsonnode_member(root, "n")) == -5.0);
	assert_int_equal(tl_jsonnode_text(tl_jsonnode_member(root, "u")).len, 0);
	assert_false(tl_jsonnode_bool(tl_jsonnode_member(root, "u")));
	assert_true(tl_jsonnode_bool(tl_jsonnode_member(root, "b")));
}

static void absent_can_be_asked_for_anything(void **state)
{
	struct tl_jsonnode none = tl_jsonnode_member(read_text(state, "[{\"a\":1}]"), "a");
	struct tl_jsonwalk walk = tl_jsonwalk_over(none);
	struct tl_textbuf out = {0};

	assert_int_equal(tl_jsonnode_kind(none), TL_JSONKIND_ABSENT);
	none = tl_jsonnode_member(tl_jsonnode_member(none, "x"), "y");
	assert_int_equal(tl_jsonnode_uint(none), 0);
	assert_int_equal(tl_jsonnode_text(none).len, 0);
	assert_false(tl_jsonwalk_next(&walk, &none));
	assert_int_equal(tl_jsonnode_write(&out, (struct tl_jsonnode){0}), 0);
	assert_memory_equal(out.data, "null", 4);
	tl_textbuf_fini(&out);
}

static void walks_go_over_all_in_order(void **state)
{
	struct tl_jsonnode root = read_text(state, "{\"a\":[1,[2],3],\"b\":{\"x\":9},\"\":4}");
	struct tl_jsonwalk walk = tl_jsonwalk_over(root);
	struct tl_jsonnode node;
	static const char *const names[] = {"a", "b", ""};

	for (int i = 0; i < 3; i++) {
		assert_true(tl_jsonwalk_next(&walk, &node));
		assert_true(tl_str_eq(walk.name, tl_str_of(names[i])));
	}
	assert_int_equal(tl_jsonnode_uint(node), 4);
	assert_false(tl_jsonwalk_next(&walk, &node));
	walk = tl_jsonwalk_over(tl_jsonnode_member(root, "a"));
	assert_true(tl_jsonwalk_next(&walk, &node) && tl_jsonnode_uint(node) == 1);
	assert_true(tl_jsonwalk_next(&walk, &node));
	assert_int_equal(tl_jsonnode_kind(node), TL_JSONKIND_ARRAY);
	assert_true(tl_jsonwalk_next(&walk, &node) && tl_jsonnode_uint(node) == 3);
	assert_false(tl_jsonwalk_next(&walk, &node));
}

static void malformed_is_refused(void **state)
{
	static const char *const texts[] = {"",	       " ",	"{",	    "[1,]",
					    "{\"a\"}", "nul",	"\"\xff\"", "\"\xed\xa0\x80\"",
					    "1 2",     "{} {}", "[1}",	    "18446744073709551616"};
	struct tl_jsonnode root;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(tl_jsontree_read(*state, texts[i], strlen(texts[i]), &root),
				 -EBADMSG);
		assert_int_equal(tl_jsonnode_kind(root), TL_JSONKIND_ABSENT);
	}
	assert_int_equal(tl_jsonnode_kind(read_text(state, "[]")), TL_JSONKIND_ARRAY);
}

static void depth_and_length_are_bounded(void **state)
{
	struct tl_jsonnode root;
	char text[201];

	memset(text, '[', 100);
	memset(text + 100, ']', 100);
	assert_int_equal(tl_jsontree_read(*state, text, 200, &root), -E2BIG);
	char *big = calloc(1, TL_JSONTREE_LEN_MAX + 1);
	assert_int_equal(tl_jsontree_read(*state, big, TL_JSONTREE_LEN_MAX + 1, &root), -E2BIG);
	memset(big, ' ', TL_JSONTREE_LEN_MAX);
	big[0] = '7';
	assert_int_equal(tl_jsontree_read(*state, big, TL_JSONTREE_LEN_MAX, &root), 0);
	assert_int_equal(tl_jsonnode_uint(root), 7);
	free(big);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_tree, close_tree)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(written_is_what_was_read),		  TEST(kinds_are_told_apart),
		TEST(values_of_another_kind_are_nothing), TEST(absent_can_be_asked_for_anything),
		TEST(walks_go_over_all_in_order),	  TEST(malformed_is_refused),
		TEST(depth_and_length_are_bounded),
	};

	return cmocka_run_group_tests(tests, 0, 0);
}
