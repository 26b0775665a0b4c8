/* SPDX-License-Identifier: BSD-2-Clause */
/* common/json: events packed by msgpack-c, as the lines they must become. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <msgpack/pack.h>
#include <msgpack/sbuffer.h>

#include "../../common/json.h"

#define TS_NS 1700000000123456789ull

/* An open event made piece by piece. */
struct maker {
	msgpack_sbuffer values;
	msgpack_sbuffer edges;
	msgpack_packer pk;
	msgpack_packer edge_pk;
	uint32_t count;
	uint32_t edge_count;
};

static void begin(struct maker *m)
{
	*m = (struct maker){0};
	msgpack_sbuffer_init(&m->values);
	msgpack_sbuffer_init(&m->edges);
	msgpack_packer_init(&m->pk, &m->values, msgpack_sbuffer_write);
	msgpack_packer_init(&m->edge_pk, &m->edges, msgpack_sbuffer_write);
}

static void put_text(msgpack_packer *pk, const char *text)
{
	msgpack_pack_str(pk, strlen(text));
	msgpack_pack_str_body(pk, text, strlen(text));
}

static msgpack_packer *name(struct maker *m, const char *text)
{
	put_text(&m->pk, text);
	m->count++;
	return &m->pk;
}

static void put_bin(msgpack_packer *pk, const void *bytes, size_t len)
{
	msgpack_pack_bin(pk, len);
	msgpack_pack_bin_body(pk, bytes, len);
}

static void edge(struct maker *m, const char *from, const char *to)
{
	msgpack_pack_array(&m->edge_pk, 2);
	put_text(&m->edge_pk, from);
	put_text(&m->edge_pk, to);
	m->edge_count++;
}

static struct tl_mp_cursor cursor_of(const msgpack_sbuffer *buf)
{
	const uint8_t *bytes = (const uint8_t *)buf->data;

	return (struct tl_mp_cursor){bytes, bytes + buf->size};
}

static const struct tl_batch_head head = {
	.stream = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x11},
	.source = TL_STR("src\"x"),
	.host = TL_STR("h"),
	.iface = TL_STR("eth0"),
};

/* The whole line of the event, NUL-terminated; the maker is used up. */
static char *line_of(struct maker *m, uint64_t number)
{
	struct tl_event event = {
		.number = number,
		.ts_ns = TS_NS,
		.type = TL_STR("note"),
		.value_count = m->count,
		.values = cursor_of(&m->values),
		.edges = cursor_of(&m->edges),
		.edge_count = m->edge_count,
	};
	struct tl_textbuf out = {0};
	struct tl_json *json;

	assert_int_equal(tl_json_create(&json), 0);
	assert_int_equal(tl_json_event(json, &out, &head, &event), 0);
	assert_int_equal(tl_textbuf_add(&out, "", 1), 0);
	tl_json_destroy(json);
	msgpack_sbuffer_destroy(&m->values);
	msgpack_sbuffer_destroy(&m->edges);
	return out.data;
}

/* Checks what the line has between "entities": and "stream". */
static void assert_middle(struct maker *m, const char *wanted)
{
	char *line = line_of(m, 7);
	char *from = strstr(line, "\"entities\":");
	char *to = strstr(line, ",\"stream\":");

	assert_non_null(from);
	assert_non_null(to);
	*to = '\0';
	assert_string_equal(from, wanted);
	free(line);
}

static void line_of_an_event_has_all_fields_in_order(void **state)
{
	struct maker m;

	(void)state;
	begin(&m);
	msgpack_pack_uint64(name(&m, "n"), 5);
	char *line = line_of(&m, 7);
	assert_string_equal(
		line, "{\"event_id\":\"01234567-89ab-8def-8000-000000000007\",\"type\":\"note\","
		      "\"timestamp\":\"2023-11-14T22:13:20.123456789Z\",\"entities\":{\"n\":5},"
		      "\"edges\":[],\"stream\":\"0123456789abcdef1100000000000000\",\"number\":7,"
		      "\"source\":\"src\\\"x\",\"host\":\"h\",\"iface\":\"eth0\"}\n");
	free(line);
}

static void event_ids_are_those_of_wire_for_all_numbers(void **state)
{
	static const uint64_t numbers[] = {0, 255, (1ull << 48) - 1, 1ull << 48, (1ull << 62) - 1};

	(void)state;
	for (unsigned int i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		struct maker m;
		char id[37];
		begin(&m);
		char *line = line_of(&m, numbers[i]);
		tl_event_id(head.stream, numbers[i], id);
		assert_memory_equal(line + strlen("{\"event_id\":\""), id, 36);
		free(line);
	}
}

static void numbers_are_exact(void **state)
{
	struct maker m;

	(void)state;
	begin(&m);
	msgpack_pack_uint64(name(&m, "a"), UINT64_MAX);
	msgpack_pack_int64(name(&m, "b"), INT64_MIN);
	msgpack_pack_int64(name(&m, "c"), -1);
	msgpack_pack_double(name(&m, "d"), 0.1);
	msgpack_pack_double(name(&m, "e"), 3);
	msgpack_pack_double(name(&m, "f"), (double)NAN);
	msgpack_pack_double(name(&m, "g"), -(double)INFINITY);
	assert_middle(&m, "\"entities\":{\"a\":18446744073709551615,\"b\":-9223372036854775808,"
			  "\"c\":-1,\"d\":0.1,\"e\":3.0,\"f\":null,\"g\":null},\"edges\":[]");
}

static void nil_bool_time_and_extensions_have_their_form(void **state)
{
	struct maker m;
	uint8_t time[8];

	(void)state;
	begin(&m);
	msgpack_pack_nil(name(&m, "a"));
	msgpack_pack_true(name(&m, "b"));
	msgpack_pack_false(name(&m, "c"));
	tl_mp_put_be64(time, 5ull << 34 | 1);
	msgpack_pack_ext(name(&m, "d"), 8, -1);
	msgpack_pack_ext_body(&m.pk, time, 8);
	msgpack_pack_ext(name(&m, "e"), 3, 42);
	msgpack_pack_ext_body(&m.pk, "abc", 3);
	assert_middle(&m, "\"entities\":{\"a\":null,\"b\":true,\"c\":false,"
			  "\"d\":\"1970-01-01T00:00:01.000000005Z\","
			  "\"e\":{\"ext\":42,\"data\":\"YWJj\"}},\"edges\":[]");
}

static void bytes_are_addresses_by_name_else_base64(void **state)
{
	struct maker m;

	(void)state;
	begin(&m);
	put_bin(name(&m, "src_ip"), "\x0a\0\0\x01", 4);
	put_bin(name(&m, "dst_ip"), "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16);
	put_bin(name(&m, "odd_ip"), "\x0a\0\0", 3);
	put_bin(name(&m, "payload"), "\x0a\0\0\x01", 4);
	assert_middle(&m, "\"entities\":{\"src_ip\":\"10.0.0.1\",\"dst_ip\":\"2001:db8::1\","
			  "\"odd_ip\":\"CgAA\",\"payload\":\"CgAAAQ==\"},\"edges\":[]");
}

static void keywords_stand_for_numbers_only_by_name(void **state)
{
	struct maker m;

	(void)state;
	begin(&m);
	msgpack_pack_uint64(name(&m, "proto"), 6);
	msgpack_pack_uint64(name(&m, "end_reason"), 3);
	msgpack_pack_uint64(name(&m, "other"), 6);
	assert_middle(&m, "\"entities\":{\"proto\":\"tcp\",\"end_reason\":\"idle\",\"other\":6},"
			  "\"edges\":[]");
	begin(&m);
	msgpack_pack_uint64(name(&m, "proto"), 255);
	msgpack_pack_uint64(name(&m, "end_reason"), 99);
	assert_middle(&m, "\"entities\":{\"proto\":255,\"end_reason\":99},\"edges\":[]");
	begin(&m);
	put_text(name(&m, "proto"), "TCP");
	msgpack_pack_int64(name(&m, "end_reason"), -1);
	assert_middle(&m, "\"entities\":{\"proto\":\"TCP\",\"end_reason\":-1},\"edges\":[]");
}

static void strings_are_escaped_and_made_valid(void **state)
{
	struct maker m;

	(void)state;
	begin(&m);
	put_text(name(&m, "q\"\n"), "\"\\/\b\f\n\r\t\x01\x1f\x7f");
	put_text(name(&m, "u"), "\xc3\xbc\xe2\x98\x83\xf0\x9d\x84\x9e");
	put_text(name(&m, "c1"), "\xc2\x85\xc2\x9f\xc2\xa0");
	put_text(name(&m, "bad"), "a\xff\xc3(\xed\xa0\x80z");
	assert_middle(
		&m, "\"entities\":{\"q\\\"\\n\":\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\\u007f\","
		    "\"u\":\"\xc3\xbc\xe2\x98\x83\xf0\x9d\x84\x9e\","
		    "\"c1\":\"\\u0085\\u009f\xc2\xa0\","
		    "\"bad\":\"a\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\"},"
		    "\"edges\":[]");
}

static void arrays_and_maps_nest(void **state)
{
	struct maker m;
	msgpack_packer *pk;

	(void)state;
	begin(&m);
	pk = name(&m, "x");
	msgpack_pack_array(pk, 3);
	msgpack_pack_map(pk, 2);
	put_text(pk, "src_ip");
	put_bin(pk, "\x01\x02\x03\x04", 4);
	msgpack_pack_uint64(pk, 9);
	msgpack_pack_array(pk, 0);
	msgpack_pack_map(pk, 0);
	msgpack_pack_nil(pk);
	assert_middle(&m, "\"entities\":{\"x\":[{\"src_ip\":\"1.2.3.4\",\"9\":[]},{},null]},"
			  "\"edges\":[]");
}

static void edges_are_the_texts_of_their_entities(void **state)
{
	struct maker m;

	(void)state;
	begin(&m);
	put_bin(name(&m, "src_ip"), "\x0a\0\0\x01", 4);
	msgpack_pack_array(name(&m, "dst_ip"), 2);
	put_bin(&m.pk, "\x0a\0\0\x02", 4);
	put_bin(&m.pk, "\x0a\0\0\x03", 4);
	put_text(name(&m, "user"), "a\"b");
	msgpack_pack_uint64(name(&m, "proto"), 17);
	msgpack_pack_nil(name(&m, "none"));
	edge(&m, "src_ip", "dst_ip");
	edge(&m, "user", "proto");
	edge(&m, "src_ip", "missing");
	edge(&m, "none", "user");
	char *line = line_of(&m, 0);
	assert_non_null(strstr(line, "\"edges\":[\"10.0.0.1 -> 10.0.0.2\",\"10.0.0.1 -> 10.0.0.3\","
				     "\"a\\\"b -> udp\"],\"stream\""));
	free(line);
}

static void array_of(struct maker *m, const char *entity, uint32_t count)
{
	msgpack_packer *pk = name(m, entity);

	msgpack_pack_array(pk, count);
	for (uint32_t i = 0; i < count; i++) {
		msgpack_pack_uint64(pk, i);
	}
}

static void edges_beyond_the_limit_are_cut_and_flagged(void **state)
{
	struct maker m;
	unsigned int arrows = 0;

	(void)state;
	begin(&m);
	array_of(&m, "a", 1000);
	array_of(&m, "b", 1000);
	edge(&m, "a", "b");
	char *line = line_of(&m, 0);
	for (const char *at = line; (at = strstr(at, " -> ")); at++) {
		arrows++;
	}
	assert_int_equal(arrows, 4096);
	assert_non_null(strstr(line, "],\"edges_cut\":true,\"stream\""));
	free(line);
}

/* The cache by shape id must tell shapes of other batches apart, and heads. */
static void shapes_and_heads_that_share_an_id_are_told_apart(void **state)
{
	static const uint8_t one[] = {0xa1, 'n', 0x91, 0xa1, 'a', 0x90};
	static const uint8_t two[] = {0xa1, 'm', 0x91, 0xa1, 'b', 0x90};
	static const uint8_t value[] = {0x05};
	struct tl_textbuf out = {0};
	struct tl_batch_head other = head;
	struct tl_json *json;

	(void)state;
	other.iface = TL_STR("eth1");
	assert_int_equal(tl_json_create(&json), 0);
	for (int round = 0; round < 4; round++) {
		const uint8_t *bytes = round % 2 ? two : one;
		struct tl_shape shape = {
			.id = 3,
			.type = {(const char *)bytes + 1, 1},
			.name_count = 1,
			.names = {bytes + 3, bytes + 5},
			.definition = {(const char *)bytes, sizeof(one)},
		};
		struct tl_event event = {
			.shape = &shape,
			.type = shape.type,
			.value_count = 1,
			.values = {value, value + 1},
		};
		out.len = 0;
		assert_int_equal(tl_json_event(json, &out, round % 2 ? &other : &head, &event), 0);
		assert_int_equal(tl_textbuf_add(&out, "", 1), 0);
		assert_non_null(strstr(out.data, round % 2 ? "\"type\":\"m\"" : "\"type\":\"n\""));
		assert_non_null(strstr(out.data, round % 2 ? "{\"b\":5}" : "{\"a\":5}"));
		assert_non_null(strstr(out.data, round % 2 ? "\"eth1\"" : "\"eth0\""));
	}
	tl_textbuf_fini(&out);
	tl_json_destroy(json);
}

static void keyword_lookup_is_the_inverse(void **state)
{
	(void)state;
	assert_int_equal(tl_json_keyword(TL_STR("udp"), TL_JSON_PROTO), 17);
	assert_int_equal(tl_json_keyword(TL_STR("idle"), TL_JSON_REASON), 3);
	assert_int_equal(tl_json_keyword(TL_STR("udp"), TL_JSON_PLAIN), -ENOENT);
	assert_int_equal(tl_json_keyword(TL_STR("udp"), TL_JSON_REASON), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(line_of_an_event_has_all_fields_in_order),
		cmocka_unit_test(event_ids_are_those_of_wire_for_all_numbers),
		cmocka_unit_test(numbers_are_exact),
		cmocka_unit_test(nil_bool_time_and_extensions_have_their_form),
		cmocka_unit_test(bytes_are_addresses_by_name_else_base64),
		cmocka_unit_test(keywords_stand_for_numbers_only_by_name),
		cmocka_unit_test(strings_are_escaped_and_made_valid),
		cmocka_unit_test(arrays_and_maps_nest),
		cmocka_unit_test(edges_are_the_texts_of_their_entities),
		cmocka_unit_test(edges_beyond_the_limit_are_cut_and_flagged),
		cmocka_unit_test(shapes_and_heads_that_share_an_id_are_told_apart),
		cmocka_unit_test(keyword_lookup_is_the_inverse),
	};

	return cmocka_run_group_tests(tests, 0, 0);
}
