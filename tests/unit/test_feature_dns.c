/* SPDX-License-Identifier: BSD-2-Clause */
/* common/feature_dns: messages of datagrams and streams. */
#include "../../common/feature_columns.h"
#include "feature_kit.h"
#include "feature_vectors.h"

static void dns_answer_with_pointers_is_read(void **state)
{
	uint8_t bytes[256];
	struct kit k;
	struct tl_feature_item item = {0};

	(void)state;
	kit_open(&k, 17, 53, 40000);
	kit_put(&k, bytes, kit_hex(bytes, dns_answer));
	kit_says(&k, DNS_TYPE, 0, "answer");
	kit_says(&k, DNS_RRNAME, 0, "a.example");
	kit_says(&k, DNS_RRTYPE, 0, "A");
	kit_says(&k, DNS_RCODE, 0, "NOERROR");
	kit_says(&k, DNS_ANSWERS, 0, "b.example");
	tl_feature_next(&k.f, TL_FEATURE_DNS_ANSWERS, &item);
	assert_true(tl_feature_next(&k.f, TL_FEATURE_DNS_ANSWERS, &item) &&
		    item.kind == TL_FEATURE_ADDRESS);
	assert_memory_equal(item.bytes, "\x0a\x01\x02\x03", 4);
	assert_true(tl_feature_next(&k.f, TL_FEATURE_DNS_ANSWERS, &item) && item.len == 16);
	kit_close(&k);
}

static void dns_over_tcp_is_read_wherever_cut(void **state)
{
	uint8_t bytes[256];
	uint32_t len = kit_hex(bytes + 2, dns_answer);

	(void)state;
	tl_mp_put_be16(bytes, (uint16_t)len);
	for (uint32_t cut = 1; cut < len + 2; cut++) {
		struct kit k;
		kit_open(&k, 6, 53, 40000);
		kit_put(&k, bytes, cut);
		kit_put(&k, bytes + cut, len + 2 - cut);
		kit_put(&k, bytes, len + 2);
		kit_says(&k, DNS_ANSWERS, 3, "b.example");
		kit_close(&k);
	}
}

static void dns_pointers_in_a_circle_end(void **state)
{
	static const char *const circles[] = {
		"123481800001000000000000c00c00010001",	    /* to itself */
		"123481800001000000000000c00ec00c00010001", /* forward */
		"1234818000010000000000000161c00c00010001", /* back into its own name */
	};
	uint8_t bytes[64];

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		struct kit k;
		kit_open(&k, 17, 53, 40000);
		kit_put(&k, bytes, kit_hex(bytes, circles[i]));
		assert_true(k.f.flags & TL_FEATURE_BROKEN);
		kit_says(&k, DNS_RRNAME, 0, "");
		kit_close(&k);
	}
}

static void short_message_does_not_hide_the_next(void **state)
{
	uint8_t bytes[256];
	struct kit k;

	(void)state;
	kit_open(&k, 17, 53, 40000);
	kit_put(&k, "hi", 2);
	kit_put(&k, bytes, kit_hex(bytes, dns_answer));
	kit_says(&k, DNS_RRNAME, 0, "a.example");
	assert_true(k.f.flags & TL_FEATURE_BROKEN);
	assert_int_equal(tl_feature_pool_counts(k.pool).malformed, 1);
	kit_close(&k);
}

static void other_opcodes_say_nothing(void **state)
{
	uint8_t bytes[256];
	uint32_t len = kit_hex(bytes, dns_answer);
	struct kit k;

	(void)state;
	kit_open(&k, 17, 53, 40000);
	bytes[2] = 0xa8; /* update */
	kit_put(&k, bytes, len);
	assert_int_equal(k.f.have, 0);
	kit_close(&k);
}

/* The length alone, then the message: nothing is kept, nothing is missing. */
static void buffer_is_given_back_with_its_last_byte(void **state)
{
	uint8_t bytes[256];
	uint32_t len = kit_hex(bytes + 2, dns_answer);
	struct kit k;

	(void)state;
	tl_mp_put_be16(bytes, (uint16_t)len);
	kit_open(&k, 6, 53, 40000);
	kit_put(&k, bytes, 2);
	assert_non_null(k.f.buffer);
	kit_put(&k, bytes + 2, len);
	assert_null(k.f.buffer);
	kit_says(&k, DNS_RRNAME, 0, "a.example");
	tl_feature_close(&k.f, k.pool);
	assert_int_equal(k.f.flags, 0);
	kit_close(&k);
}

/* Answers of every type that has a name in it; root; an rcode and a type without a name. */
static void names_in_answers_are_found_by_type(void **state)
{
	static const char hex[] =
		"12348189000100050000000000ff010001"
		"00000f0001000000000005000a016d00"	     /* MX 10 m */
		"000021000100000000000a00010002000301730000" /* SRV s, and a byte more */
		"00000c0001000000000003017000"		     /* PTR p */
		"0000270001000000000003016400"		     /* DNAME d */
		"00001000010000000000030278790a";	     /* TXT: no name */
	uint8_t bytes[256];
	struct kit k;

	(void)state;
	kit_open(&k, 17, 53, 40000);
	kit_put(&k, bytes, kit_hex(bytes, hex));
	kit_says(&k, DNS_RRNAME, 0, ".");
	kit_says(&k, DNS_RRTYPE, 0, "TYPE65281");
	kit_says(&k, DNS_RCODE, 0, "NOTAUTH");
	kit_says(&k, DNS_ANSWERS, 0, "m");
	kit_says(&k, DNS_ANSWERS, 1, "s");
	kit_says(&k, DNS_ANSWERS, 2, "p");
	kit_says(&k, DNS_ANSWERS, 3, "d");
	kit_says(&k, DNS_ANSWERS, 4, "");
	kit_close(&k);
}

/* --- what a peer may make of it -------------------------------------------------------- */

enum { LONG_NAME = 252, MESSAGE_MAX = 4096 };

/* 64 questions for one name of 126 labels, by pointers, as long as a name may be. */
static uint32_t long_questions(uint8_t *to)
{
	uint8_t *p = to + 12;

	memset(to, 0, 12);
	tl_mp_put_be16(to + 4, 64);
	for (unsigned int i = 0; i < 64; i++) {
		if (i == 0) {
			for (unsigned int label = 0; label < LONG_NAME / 2; label++) {
				*p++ = 1;
				*p++ = 0;
			}
			*p++ = 0;
		} else {
			*p++ = 0xc0;
			*p++ = 12;
		}
		p = tl_mp_put_be16(tl_mp_put_be16(p, (uint16_t)(1000 + i)), 1);
	}
	return (uint32_t)(p - to);
}

static void names_of_a_message_are_bounded(void **state)
{
	uint8_t bytes[MESSAGE_MAX];
	struct kit k;

	(void)state;
	kit_open(&k, 17, 40000, 53);
	kit_put(&k, bytes, long_questions(bytes));
	assert_true(k.f.flags & TL_FEATURE_MANY);
	/* 4,096 bytes of names of 252. */
	kit_says(&k, DNS_RRTYPE, 16, "TYPE1016");
	kit_says(&k, DNS_RRTYPE, 17, "");
	kit_close(&k);
}

static void records_and_messages_are_bounded(void **state)
{
	static const char question[] = "000001000001000000000000016100000100"
				       "01";
	uint8_t bytes[MESSAGE_MAX] = {0, 0, 1, 0, 0, 65};
	uint8_t *p = bytes + 12;
	struct kit k;

	(void)state;
	for (unsigned int i = 0; i < 65; i++) {
		p = tl_mp_put_be16(tl_mp_put_be16(tl_mp_put_byte(p, 0), (uint16_t)(1000 + i)), 1);
	}
	kit_open(&k, 17, 40000, 53);
	kit_put(&k, bytes, (uint32_t)(p - bytes));
	assert_true(k.f.flags & TL_FEATURE_MANY);
	kit_says(&k, DNS_RRTYPE, 63, "TYPE1063");
	kit_says(&k, DNS_RRTYPE, 64, "");
	kit_close(&k);
	kit_open(&k, 17, 40000, 53);
	for (unsigned int i = 0; i < TL_FEATURE_DNS_MESSAGES; i++) {
		assert_false(k.f.done);
		kit_put(&k, bytes, kit_hex(bytes, question));
	}
	assert_int_equal(k.f.flags, 0);
	kit_put(&k, bytes, kit_hex(bytes, question));
	assert_true(k.f.done && k.f.flags & TL_FEATURE_MANY);
	kit_close(&k);
}

/* Leaves room for so many bytes of values: the rest is of no field. */
static void fill_items(struct tl_feature *f, uint32_t room)
{
	enum { NO_FIELD = 63, STEP = 200 };
	uint32_t end = TL_FEATURE_ITEMS_BYTES - room;

	for (uint32_t at = 0; at < end;) {
		uint32_t len = end - at > 2 * STEP ? STEP
			       : end - at > 256	   ? (end - at) / 2
						   : end - at;
		f->items[at] = NO_FIELD;
		f->items[at + 1] = (uint8_t)(len - 2);
		at += len;
	}
	f->items_used = (uint16_t)end;
}

/* Where not everything finds room, what did is told. */
static void full_items_tell_what_they_have(void **state)
{
	enum { NEEDED = 66 };
	struct feature_shape shape;
	uint8_t bytes[256];

	(void)state;
	for (uint32_t room = 0; room < 120; room++) {
		struct kit k;
		kit_open(&k, 17, 53, 40000);
		fill_items(&k.f, room);
		kit_put(&k, bytes, kit_hex(bytes, dns_answer));
		tl_feature_close(&k.f, k.pool);
		feature_shape_of(&k.f, &shape);
		assert_int_equal(shape.fields & ~k.f.have, 0);
		assert_true(k.f.have == 0 || shape.fields != 0);
		assert_int_equal((k.f.flags & TL_FEATURE_CUT) != 0, room < NEEDED);
		kit_close(&k);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dns_answer_with_pointers_is_read),
		cmocka_unit_test(dns_over_tcp_is_read_wherever_cut),
		cmocka_unit_test(dns_pointers_in_a_circle_end),
		cmocka_unit_test(short_message_does_not_hide_the_next),
		cmocka_unit_test(other_opcodes_say_nothing),
		cmocka_unit_test(buffer_is_given_back_with_its_last_byte),
		cmocka_unit_test(names_in_answers_are_found_by_type),
		cmocka_unit_test(names_of_a_message_are_bounded),
		cmocka_unit_test(records_and_messages_are_bounded),
		cmocka_unit_test(full_items_tell_what_they_have),
	};
	return cmocka_run_group_tests(tests, 0, 0);
}
