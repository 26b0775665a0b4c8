/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tools/eve-tail/eve: lines to events. What every field becomes is compared line by line with a
 * second writing of the rules in tests/e2e/eve-normal.bats; here are limits, selection, damage and
 * batches.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../common/json.h"
#include "../../tools/eve-tail/eve.h"
#include "../../tools/eve-tail/eve_time.h"

enum { READ_NS = 1000000000 };

/* An eve, its batch, and what came of its events: their JSON form, a line each. */
struct bench {
	struct eve *eve;
	struct tl_batch_writer w;
	struct tl_wire_reader *reader;
	struct tl_json *json;
	struct tl_textbuf text;
	uint64_t events;
	uint64_t open;
	uint64_t batches;
};

static void set_up(struct bench *b, struct eve_config config)
{
	*b = (struct bench){0};
	assert_int_equal(eve_create(&b->eve, &config), 0);
	assert_int_equal(tl_wire_reader_create(&b->reader), 0);
	assert_int_equal(tl_json_create(&b->json), 0);
	tl_batch_init(&b->w, eve_shapes(b->eve));
}

static void tear_down(struct bench *b)
{
	tl_batch_fini(&b->w);
	tl_json_destroy(b->json);
	tl_wire_reader_destroy(b->reader);
	tl_textbuf_fini(&b->text);
	eve_destroy(b->eve);
}

/* The batch is valid; its events behind those there are. */
static void push(struct bench *b)
{
	struct tl_batch_head head = {
		.source = TL_STR("t"), .host = TL_STR("h"), .iface = TL_STR("f")};
	struct tl_event_iter iter;
	struct tl_wire_error error;
	struct tl_event event;
	struct tl_batch batch;
	struct tl_msg *msg;

	assert_int_equal(tl_batch_finish(&b->w, &head, &msg), 0);
	if (tl_wire_read(b->reader, msg->data, msg->len, &batch, &error) < 0) {
		fail_msg("batch refused at %u: %s", error.offset, error.reason);
	}
	iter = tl_wire_events(b->reader, &batch);
	while (tl_event_next(&iter, &event)) {
		b->events++;
		b->open += !event.shape;
		assert_int_equal(tl_json_event(b->json, &b->text, &batch.head, &event), 0);
	}
	b->batches++;
	tl_msg_free(msg);
}

/* From memory that ends behind the padding, which is full of what could be taken for more. */
static int put_flags(struct bench *b, const char *line, size_t len, uint64_t line_len,
		     unsigned int flags)
{
	char *copy = malloc(len + EVE_PADDING);
	int put;

	assert_non_null(copy);
	memcpy(copy, line, len);
	memset(copy + len, '}', EVE_PADDING);
	put = eve_put(b->eve, &b->w, copy, len, line_len, flags, READ_NS);
	if (put == -ENOSPC) {
		assert_true(b->w.count > 0);
		push(b);
		put = eve_put(b->eve, &b->w, copy, len, line_len, flags, READ_NS);
	}
	free(copy);
	return put;
}

static int put(struct bench *b, const char *line)
{
	return put_flags(b, line, strlen(line), strlen(line), 0);
}

/* The JSON form of all events so far, which are forgotten. */
static const char *lines(struct bench *b)
{
	push(b);
	assert_int_equal(tl_textbuf_add(&b->text, "", 1), 0);
	b->text.len = 0;
	return b->text.data;
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part)) {
		fail_msg("no %s in %.4000s", part, text);
	}
}

static const char alert[] =
	"{\"timestamp\":\"2026-01-01T00:00:00.123456+0100\",\"flow_id\":18446744073709551615,"
	"\"event_type\":\"alert\",\"vlan\":[7,8],\"src_ip\":\"10.0.0.1\",\"src_port\":1,"
	"\"dest_ip\":\"2001:db8::1\",\"dest_port\":2,\"proto\":\"TCP\",\"alert\":{\"signature\":"
	"\"S \\u00fc\",\"rev\":-7,\"x\":{}},\"a\":[{\"k\":1},{\"l\":[true,null]}],\"f\":1.5}";

/* --- fields -------------------------------------------------------------------------- */

static void an_alert_is_whole(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b, (struct eve_config){0});
	assert_int_equal(put(&b, alert), 1);
	const char *text = lines(&b);
	assert_has(text, "\"type\":\"alert\",\"timestamp\":\"2025-12-31T23:00:00.123456000Z\"");
	assert_has(text,
		   "\"entities\":{\"suricata_flow_id\":18446744073709551615,\"vlan\":7,"
		   "\"vlan_inner\":8,\"src_ip\":\"10.0.0.1\",\"src_port\":1,\"dst_ip\":"
		   "\"2001:db8::1\",\"dst_port\":2,\"proto\":\"tcp\",\"alert.signature\":"
		   "\"S \xc3\xbc\",\"alert.rev\":-7,\"alert.x\":{},\"a.k\":[1,null],\"a.l\":[null,"
		   "[true,null]],\"f\":1.5},\"edges\":[\"10.0.0.1 -> 2001:db8::1\","
		   "\"S \xc3\xbc -> 10.0.0.1\",\"S \xc3\xbc -> 2001:db8::1\"]");
	tear_down(&b);
}

static void second_of_its_names_has_a_shape_and_reads_the_same(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b, (struct eve_config){0});
	assert_int_equal(put(&b, alert), 1);
	char *first = strdup(lines(&b));
	assert_int_equal(b.open, 1);
	assert_int_equal(put(&b, alert), 1);
	assert_string_equal(lines(&b), first);
	assert_int_equal(b.open, 1);
	free(first);
	tear_down(&b);
}

static void times_in_all_forms(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} rows[] = {
		{"1970-01-01T00:00:00.000000+0000", 0},
		{"1970-01-01T00:00:59.999999+0000", 59999999000},
		{"1970-01-01T00:00:01.000001-0000", 1000001000},
		{"1970-01-01T01:00:00.000001+0100", 1000},
		{"1970-01-01T01:00:00.000001+0000", 3600000001000},
		{"1970-01-01T00:00:00-0130", 5400000000000},
		{"1970-01-01T00:00:00.123456789Z", 123456789},
		{"1970-01-01T00:00:00.1234567899", 123456789},
		{"1970-01-01 00:00:00,0", UINT64_MAX},
		{"1970-01-01T00:00:00.+0000", UINT64_MAX},
		{"1970-01-01T00:00:00.000000+000", UINT64_MAX},
		{"1970-01-01T00:00:00.000000+00:0x", UINT64_MAX},
		{"1970-01-01T00:00:00.000000x0000", UINT64_MAX},
		{"1970-01-01T00:00x00.000000+0000", UINT64_MAX},
		{"1970-01-01T00:00:00.00000x+0000", UINT64_MAX},
		{"1970-01-01T00:00:61.000000+0000", UINT64_MAX},
		{"1970-01-01T24:00:00.000000+0000", UINT64_MAX},
		{"1970-02-29T00:00:00.000000+0000", UINT64_MAX},
		{"1969-12-31T23:59:59.999999+0000", UINT64_MAX},
		{"2514-05-30T01:53:03.999999+0000", 17179869183999999000u},
		{"2514-05-30T01:53:04.000000+0000", UINT64_MAX},
		{"", UINT64_MAX},
	};
	struct eve_minute minute = {0};

	(void)state;
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			uint64_t ns = UINT64_MAX;
			if (eve_time_get(&minute, tl_str_of(rows[i].text), &ns) < 0) {
				ns = UINT64_MAX;
			}
			if (ns != rows[i].ns) {
				fail_msg("%s is %llu", rows[i].text, (unsigned long long)ns);
			}
		}
	}
}

static void line_without_time_or_type_has_when_it_was_read(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b, (struct eve_config){0});
	assert_int_equal(put(&b, "{\"timestamp\":\"yesterday\",\"event_type\":5}"), 1);
	assert_has(lines(&b),
		   "\"type\":\"unknown\",\"timestamp\":\"1970-01-01T00:00:01.000000000Z\","
		   "\"entities\":{\"timestamp\":\"yesterday\",\"event_type\":5}");
	tear_down(&b);
}

/* --- selection ------------------------------------------------------------------------- */

static void types_that_are_not_wanted_are_counted(void **state)
{
	const char *const types[] = {"alert", "stats", 0};
	struct bench b;

	(void)state;
	set_up(&b, (struct eve_config){.types = types, .drop_stats = true});
	assert_int_equal(put(&b, alert), 1);
	assert_int_equal(put(&b, "{\"event_type\":\"dns\",\"x\":1}"), 0);
	assert_int_equal(put(&b, "{\"event_type\":\"stats\"}"), 0);
	assert_int_equal(put(&b, "{}"), 0);
	assert_int_equal(put(&b, "{\"event_type\":\"dns\",\"x\":1"), 1);
	assert_has(lines(&b), "parse_error");
	struct eve_counts counts = eve_counts(b.eve);
	assert_int_equal(counts.events, 2);
	assert_int_equal(counts.unselected, 3);
	assert_int_equal(counts.parse_errors, 1);
	tear_down(&b);
}

static void raw_and_community_id_are_added_when_asked_for(void **state)
{
	static const char icmp[] =
		"{\"event_type\":\"flow\",\"src_ip\":\"192.168.0.89\",\"dest_ip\":"
		"\"192.168.0.1\",\"proto\":\"ICMP\",\"icmp_type\":8,\"icmp_code\":0}";
	static const char has[] =
		"{\"event_type\":\"flow\",\"src_ip\":\"1.2.3.4\",\"dest_ip\":\"1.2.3.5\","
		"\"src_port\":1,\"dest_port\":2,\"proto\":\"UDP\",\"community_id\":\"x\"}";
	static const char no_port[] = "{\"event_type\":\"flow\",\"src_ip\":\"1.2.3.4\",\"dest_ip\":"
				      "\"1.2.3.5\",\"src_port\":1,\"proto\":\"UDP\"}";
	struct bench b;

	(void)state;
	set_up(&b, (struct eve_config){.raw = true, .community_id = true});
	assert_int_equal(put(&b, icmp), 1);
	assert_has(lines(&b), "\"icmp_code\":0,\"community_id\":\"1:X0snYXpgwiv9TZtqg64sgzUn6Dk=\","
			      "\"raw\":\"{\\\"event_type\\\":\\\"flow\\\",");
	assert_int_equal(put(&b, has), 1);
	assert_has(lines(&b), "\"community_id\":\"x\",\"raw\":");
	assert_int_equal(put(&b, no_port), 1);
	assert_null(strstr(lines(&b), "community_id"));
	tear_down(&b);
}

/* --- damage ---------------------------------------------------------------------------- */

/* The one event of the batch is a parse_error of exactly these bytes. */
static void assert_parse_error(struct bench *b, const char *line, size_t len)
{
	struct tl_batch_head head = {
		.source = TL_STR("t"), .host = TL_STR("h"), .iface = TL_STR("f")};
	struct tl_event event;
	struct tl_batch batch;
	struct tl_mp_item item;
	struct tl_msg *msg;

	assert_int_equal(tl_batch_finish(&b->w, &head, &msg), 0);
	assert_int_equal(tl_wire_read(b->reader, msg->data, msg->len, &batch, 0), 0);
	assert_int_equal(batch.event_count, 1);
	struct tl_event_iter iter = tl_wire_events(b->reader, &batch);
	assert_true(tl_event_next(&iter, &event));
	assert_true(tl_str_eq(event.type, TL_STR("parse_error")));
	tl_mp_skip(&event.values, 1);
	assert_int_equal(tl_mp_get(&event.values, &item), 0);
	assert_int_equal(item.kind, TL_MP_KIND_BIN);
	assert_int_equal(item.blob.len, len);
	assert_memory_equal(item.blob.ptr, line, len);
	tl_msg_free(msg);
}

static void cut_at_every_byte_keeps_all_bytes(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b, (struct eve_config){0});
	for (size_t len = 0; len < sizeof(alert) - 1; len++) {
		assert_int_equal(put_flags(&b, alert, len, len, EVE_LINE_CUT), 1);
		assert_parse_error(&b, alert, len);
		/* In a file its rest lies behind it. */
		assert_int_equal(eve_put(b.eve, &b.w, alert, len, len, 0, READ_NS), 1);
		assert_parse_error(&b, alert, len);
	}
	tear_down(&b);
}

static void what_is_no_object_is_a_parse_error(void **state)
{
	static const char *const bad[] = {
		"",
		" ",
		"x",
		"[]",
		"\"a\"",
		"{",
		"}",
		"{}}",
		"{}{}",
		"{} x",
		"{\"a\"}",
		"{\"a\":}",
		"{\"a\":1,}",
		"{,}",
		"{\"a\" 1}",
		"{\"a\":1 2}",
		"{a:1}",
		"{\"a\":tru}",
		"{\"a\":01}",
		"{\"a\":1.}",
		"{\"a\":-}",
		"{\"a\":.5}",
		"{\"a\":1e}",
		"{\"a\":+1}",
		"{\"a\":[1,]}",
		"{\"a\":[1}",
		"{\"a\":{]}",
		"{\"a\":\"\\x\"}",
		"{\"a\":\"\\u12\"}",
		"{\"a\":\"\\ud800\"}",
		"{\"a\":\"\\udc00\"}",
		"{\"a\":\"\\ud800\\u0041\"}",
		"{\"a\":\"\\udc00\\ud800\"}",
		"{\"\\q\":1}",
		"{\"a\":\"\xff\"}",
		"{\"a\":\"\xc0\x80\"}",
		"{\"a\":\"\x01\"}",
		"{\"a\":nul}",
		"{\"a\":[{\"b\":1]}",
		"{\"a\":[{\"b\"}]}",
		"{\"a\":[{},1,]}",
		"{\"vlan\":[1,}",
		"{\"timestamp\":\"}",
		"{\"a\":truefalse}",
		"{\"a\":\"b\"\"c\"}",
		"{\"a\":1\"b\"}",
		"{\"a\":1}\\",
		"\xef\xbb\xbf{}",
	};
	struct bench b;

	(void)state;
	set_up(&b, (struct eve_config){0});
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(put(&b, bad[i]), 1);
		if (eve_counts(b.eve).parse_errors != i + 1) {
			fail_msg("taken: %s", bad[i]);
		}
		assert_parse_error(&b, bad[i], strlen(bad[i]));
	}
	tear_down(&b);
}

static void line_too_long_says_how_long_it_was(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b, (struct eve_config){0});
	assert_int_equal(put_flags(&b, "{}", 2, 5000000, EVE_LINE_TOO_LONG), 1);
	assert_has(lines(&b), "{\"error\":\"line too long\",\"raw\":\"e30=\",\"line_len\":5000000,"
			      "\"flags\":2}");
	tear_down(&b);
}

/* --- limits ---------------------------------------------------------------------------- */

struct text {
	char *data;
	size_t len;
};

static void add(struct text *text, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	text->len += (size_t)vsprintf(text->data + text->len, format, args);
	va_end(args);
}

static struct text begin(void)
{
	struct text text = {malloc(8 << 20), 0};

	assert_non_null(text.data);
	add(&text, "{\"event_type\":\"x\"");
	return text;
}

static void put_text(struct bench *b, struct text *text)
{
	add(text, "}");
	assert_int_equal(put_flags(b, text->data, text->len, text->len, 0), 1);
	free(text->data);
}

static void fields_over_the_limit_are_counted_and_the_line_kept(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b, (struct eve_config){0});
	struct text text = begin();
	for (int i = 0; i < 5000; i++) {
		add(&text, ",\"k%d\":%d", i, i);
	}
	put_text(&b, &text);
	const char *out = lines(&b);
	assert_has(out, "\"k4091\":4091,\"lost_fields\":908,\"raw\":\"{\\\"event_type");
	assert_has(out, ",\\\"k4999\\\":4999}\"}");
	assert_int_equal(eve_counts(b.eve).lost_fields, 908);
	tear_down(&b);
}

static void name_too_long_is_lost_and_the_line_kept(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b, (struct eve_config){0});
	struct text text = begin();
	add(&text, ",\"%01024d\":1,\"%01025d\":2,\"\\\\%06200d\":3,\"z\":4", 1, 2, 3);
	put_text(&b, &text);
	assert_has(lines(&b), "1\":1,\"z\":4,\"lost_fields\":2,\"raw\":");
	tear_down(&b);
}

static void string_over_a_mebibyte_is_cut_between_characters(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b, (struct eve_config){0});
	struct text text = begin();
	add(&text,
	    ",\"s\":\"%0*d\xc3\xbc"
	    "b\",\"t\":\"%0*d\\u00fcb\"",
	    (1 << 20) - 1, 1, (1 << 20) - 1, 2);
	put_text(&b, &text);
	assert_has(lines(&b), "01\",\"t\":\"00");
	assert_has(b.text.data, "02\",\"lost_fields\":2,\"raw\":\"{");
	tear_down(&b);
}

/* The most that a line of a mebibyte can become. */
static void numbers_that_grow_have_room(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b, (struct eve_config){.raw = true});
	struct text text = begin();
	add(&text, ",\"s\":[0.5");
	while (text.len < (1 << 20) - 8) {
		add(&text, ",0.5");
	}
	add(&text, "]");
	put_text(&b, &text);
	assert_has(lines(&b), ",0.5,0.5],\"raw\":");
	assert_int_equal(eve_counts(b.eve).lost_fields, 0);
	tear_down(&b);
}

static void values_over_the_room_of_an_event_are_lost(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b, (struct eve_config){0});
	struct text text = begin();
	for (int i = 0; i < 3; i++) {
		add(&text, ",\"s%d\":\"%0*d\"", i, 1000000, i);
	}
	add(&text, ",\"t\":[{\"a\":1}]");
	put_text(&b, &text);
	assert_has(lines(&b), "01\",\"t.a\":[1],\"lost_fields\":1,\"raw\":\"{");
	tear_down(&b);
}

static void nesting_over_the_limit_is_text_or_refused(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b, (struct eve_config){0});
	assert_int_equal(put(&b, "{\"a\":[[[[ 1 ,{\"b\":2}]]]]}"), 1);
	assert_has(lines(&b), "{\"a\":[[[\"[ 1 ,{\\\"b\\\":2}]\"]]]}");
	for (int depth = 200; depth <= 400; depth += 200) {
		struct text text = begin();
		add(&text, ",\"a\":");
		for (int i = 0; i < depth; i++) {
			add(&text, "[");
		}
		for (int i = 0; i < depth; i++) {
			add(&text, "]");
		}
		put_text(&b, &text);
		assert_has(lines(&b),
			   depth == 200 ? "{\"a\":[[[\"[[" : "\"error\":\"nested deeper");
	}
	tear_down(&b);
}

/* --- many ---------------------------------------------------------------------------------- */

static void batches_that_fill_up_lose_nothing(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b, (struct eve_config){0});
	for (int i = 0; i < 5000; i++) {
		assert_int_equal(put(&b, alert), 1);
	}
	push(&b);
	assert_int_equal(b.events, 5000);
	assert_true(b.batches > 1);
	tear_down(&b);
}

static void more_shapes_than_ids_go_out_open(void **state)
{
	struct bench b;
	char line[64];

	(void)state;
	set_up(&b, (struct eve_config){0});
	for (int i = 0; i < 6000; i++) {
		snprintf(line, sizeof(line), "{\"event_type\":\"x\",\"k%d\":%d}", i, i);
		for (int round = 0; round < 3; round++) {
			assert_int_equal(put(&b, line), 1);
		}
	}
	push(&b);
	assert_int_equal(b.events, 18000);
	/* One id is that of parse_error. */
	assert_int_equal(b.open, 6000 + 2 * (6000 - 4094));
	tear_down(&b);
}

/* Short lines of long names, the same in 50 orders: known in the third round, a batch is full of
 * definitions long before it is of events. */
static void long_definitions_stay_below_the_limit_of_a_batch(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b, (struct eve_config){0});
	for (int i = 0; i < 150; i++) {
		struct text text = begin();
		add(&text, ",\"%0900d\":{\"k\":0", 0);
		for (int k = 0; k < 200; k++) {
			add(&text, ",\"%d\":1", (i % 50 + k) % 200);
		}
		add(&text, "}");
		put_text(&b, &text);
		if (i % 50 == 49) {
			push(&b);
		}
	}
	assert_int_equal(b.events, 150);
	assert_int_equal(b.open, 50);
	assert_int_equal(eve_counts(b.eve).lost_fields, 0);
	tear_down(&b);
}

/* More names than are kept: they are forgotten and learnt again. */
static void names_without_end_are_all_right(void **state)
{
	struct bench b;
	char part[64];

	(void)state;
	set_up(&b, (struct eve_config){0});
	for (int i = 0; i < 300; i++) {
		struct text text = begin();
		for (int k = 0; k < 400; k++) {
			add(&text, ",\"n%d\":{\"m\":%d}", 400 * i + k, k);
		}
		put_text(&b, &text);
		assert_int_equal(put(&b, alert), 1);
		if (i % 100 == 99) {
			const char *out = lines(&b);
			snprintf(part, sizeof(part), "\"n%d.m\":399},", 400 * i + 399);
			assert_has(out, part);
		}
	}
	assert_int_equal(b.events, 600);
	assert_int_equal(eve_counts(b.eve).parse_errors + eve_counts(b.eve).lost_fields, 0);
	tear_down(&b);
}

static void keys_that_come_often_are_all_kept(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b, (struct eve_config){0});
	struct text text = begin();
	for (int i = 1; i <= 4000; i++) {
		add(&text, ",\"k\":%d", i);
	}
	put_text(&b, &text);
	const char *out = lines(&b);
	assert_has(out, "{\"k\":1,\"k#2\":2,");
	assert_has(out, ",\"k#4000\":4000}");
	tear_down(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_alert_is_whole),
		cmocka_unit_test(second_of_its_names_has_a_shape_and_reads_the_same),
		cmocka_unit_test(times_in_all_forms),
		cmocka_unit_test(line_without_time_or_type_has_when_it_was_read),
		cmocka_unit_test(types_that_are_not_wanted_are_counted),
		cmocka_unit_test(raw_and_community_id_are_added_when_asked_for),
		cmocka_unit_test(cut_at_every_byte_keeps_all_bytes),
		cmocka_unit_test(what_is_no_object_is_a_parse_error),
		cmocka_unit_test(line_too_long_says_how_long_it_was),
		cmocka_unit_test(fields_over_the_limit_are_counted_and_the_line_kept),
		cmocka_unit_test(name_too_long_is_lost_and_the_line_kept),
		cmocka_unit_test(string_over_a_mebibyte_is_cut_between_characters),
		cmocka_unit_test(numbers_that_grow_have_room),
		cmocka_unit_test(values_over_the_room_of_an_event_are_lost),
		cmocka_unit_test(nesting_over_the_limit_is_text_or_refused),
		cmocka_unit_test(batches_that_fill_up_lose_nothing),
		cmocka_unit_test(more_shapes_than_ids_go_out_open),
		cmocka_unit_test(long_definitions_stay_below_the_limit_of_a_batch),
		cmocka_unit_test(names_without_end_are_all_right),
		cmocka_unit_test(keys_that_come_often_are_all_kept),
	};
	return cmocka_run_group_tests_name("evetail_eve", tests, 0, 0);
}
