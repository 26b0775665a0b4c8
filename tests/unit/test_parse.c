/* SPDX-License-Identifier: BSD-2-Clause */
/* bpf/parse.h in user space: the golden table, and what must hold for any bytes at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../bpf/parse.h"
#include "../golden/packets.h"

/* Memory whose last byte is followed by a page that may not be touched. */
struct fence {
	uint8_t *memory;
	size_t size;
};

static struct fence fence;
static const char *row_now; /* for the failure message */

static int fence_setup(void **state)
{
	(void)state;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	fence.size = 2 * page;
	fence.memory = mmap(0, fence.size + page, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (fence.memory == MAP_FAILED) {
		return -1;
	}
	return mprotect(fence.memory + fence.size, page, PROT_NONE);
}

static int fence_teardown(void **state)
{
	(void)state;
	return munmap(fence.memory, fence.size + (size_t)sysconf(_SC_PAGESIZE));
}

static struct tl_packet parse_fenced(const uint8_t *bytes, uint32_t len, uint32_t wire_len)
{
	uint8_t *at = fence.memory + fence.size - len;
	struct tl_packet pkt;

	memcpy(at, bytes, len);
	tl_parse_begin(&pkt);
	int class = tl_parse_ethernet(at, at + len, wire_len, &pkt);
	assert_int_equal(class, pkt.class);
	return pkt;
}

static struct tl_flow_key expected_key(const struct golden_row *row)
{
	struct tl_flow_key key = {
		.src_port = htons(row->sport),
		.dst_port = htons(row->dport),
		.vlan = htons(row->vlan),
		.vlan_inner = htons(row->vlan_inner),
		.proto = row->proto,
	};
	golden_addresses(row, key.src, key.dst);
	return key;
}

static void check_row(const struct golden_row *row, const struct golden_frame *frame)
{
	struct tl_packet pkt = parse_fenced(frame->packet.bytes, frame->len, frame->wire_len);

	assert_int_equal(pkt.class, row->class);
	if (row->class != TL_CLASS_FLOW) {
		return;
	}
	struct tl_flow_key key = expected_key(row);
	assert_memory_equal(&pkt.key, &key, sizeof(key));
	assert_int_equal(pkt.ip_bytes, row->ip_bytes);
	assert_int_equal(pkt.tcp_flags, row->tcp_flags);
	assert_int_equal(pkt.frag, row->frag);
	assert_int_equal(pkt.ipv6, row->ip == 6);
	assert_int_equal(pkt.l3_offset, frame->packet.ip[0]);
	assert_int_equal(pkt.ttl, 61);
	assert_int_equal(pkt.tos, 0x20);
	if (row->payload) {
		assert_int_equal(pkt.payload_offset, row->payload);
	}
	if (row->frag != TL_FRAG_NONE) {
		assert_int_equal(pkt.frag_id, row->ip == 6 ? htonl(row->frag_id) : row->frag_id);
	}
}

static void row_parsed_is_as_in_the_table(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < golden_row_count; i++) {
		struct golden_frame frame;
		golden_build(&golden_rows[i], &frame);
		row_now = golden_rows[i].name;
		check_row(&golden_rows[i], &frame);
	}
	row_now = 0;
}

static int name_row(void **state)
{
	(void)state;
	if (row_now) {
		print_error("[    ROW   ] %s\n", row_now);
	}
	row_now = 0;
	return 0;
}

static void row_of_each_name_is_one(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < golden_row_count; i++) {
		for (unsigned int j = 0; j < i; j++) {
			assert_string_not_equal(golden_rows[i].name, golden_rows[j].name);
		}
	}
}

/* The fence kills the test when a byte beyond the frame is read. */
static void frame_cut_at_every_byte_reads_nothing_beyond(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < golden_row_count; i++) {
		struct golden_frame frame;
		golden_build(&golden_rows[i], &frame);
		for (uint32_t len = 0; len <= frame.packet.len; len++) {
			struct tl_packet pkt =
				parse_fenced(frame.packet.bytes, len, frame.wire_len);
			assert_true(pkt.class < TL_CLASS_COUNT);
			if (len < 14) {
				assert_int_equal(pkt.class, TL_CLASS_MALFORMED_L2);
			}
		}
	}
}

/* A longer capture of the same frame never knows less, and never says something else. */
static void frame_cut_shorter_never_contradicts_the_longer(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < golden_row_count; i++) {
		struct golden_frame frame;
		struct tl_packet whole;
		golden_build(&golden_rows[i], &frame);
		whole = parse_fenced(frame.packet.bytes, frame.packet.len, frame.wire_len);
		for (uint32_t len = 0; len < frame.packet.len; len++) {
			struct tl_packet cut =
				parse_fenced(frame.packet.bytes, len, frame.wire_len);
			if (cut.class != TL_CLASS_FLOW) {
				continue;
			}
			assert_int_equal(whole.class, TL_CLASS_FLOW);
			assert_memory_equal(cut.key.src, whole.key.src, 32);
			assert_int_equal(cut.key.proto, whole.key.proto);
			assert_int_equal(cut.ip_bytes, whole.ip_bytes);
			assert_true(cut.key.src_port == 0 ||
				    cut.key.src_port == whole.key.src_port);
			assert_true(cut.key.dst_port == 0 ||
				    cut.key.dst_port == whole.key.dst_port);
		}
	}
}

static void frame_of_any_bytes_parses_within_its_bounds(void **state)
{
	(void)state;
	struct golden_frame frame;
	uint64_t seen[TL_CLASS_COUNT] = {0};

	srandom(20);
	for (int i = 0; i < 400000; i++) {
		golden_build(&golden_rows[(unsigned long)random() % golden_row_count], &frame);
		int changes = 1 + (int)(random() % 8);
		uint32_t within = frame.packet.len < 128 ? frame.packet.len : 128;
		for (int k = 0; k < changes; k++) {
			frame.packet.bytes[(unsigned long)random() % within] = (uint8_t)random();
		}
		uint32_t len = (uint32_t)random() % (within + 1);
		struct tl_packet a = parse_fenced(frame.packet.bytes, len, frame.packet.len);
		struct tl_packet b = parse_fenced(frame.packet.bytes, len, frame.packet.len);
		assert_memory_equal(&a, &b, sizeof(a));
		assert_true(a.class < TL_CLASS_COUNT);
		if (a.class == TL_CLASS_FLOW) {
			assert_true(a.ip_bytes >= 20);
			assert_true(a.payload_offset >= a.l3_offset + 20);
			assert_true(a.ipv6 || a.key.src[10] == 0xff);
		}
		assert_int_equal(a.key.flags, 0);
		assert_int_equal(a.key.pad, 0);
		assert_int_equal(a.key.direction, 0);
		assert_int_equal(a.key.ifindex, 0);
		seen[a.class]++;
	}
	assert_true(seen[TL_CLASS_FLOW] > 0 && seen[TL_CLASS_ARP] > 0);
	assert_true(seen[TL_CLASS_OTHER_L3] > 0);
	assert_true(seen[TL_CLASS_MALFORMED_L2] > 0 && seen[TL_CLASS_MALFORMED_L3] > 0);
}

/* A tag that the kernel took out of the frame gives the same key as one left in. */
static void tag_outside_the_frame_equals_tag_inside(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < golden_row_count; i++) {
		struct golden_frame frame;
		golden_build(&golden_rows[i], &frame);
		uint8_t *f = frame.packet.bytes;
		if (golden_rows[i].layers[1].kind != LAYER_TAG || frame.len < 18) {
			continue;
		}
		struct tl_packet inside = parse_fenced(f, frame.len, frame.wire_len);
		struct tl_packet outside;
		uint16_t tci = (uint16_t)(f[14] << 8 | f[15]);
		memmove(f + 12, f + 16, frame.len - 16);
		tl_parse_begin(&outside);
		tl_parse_tag(&outside, tci);
		tl_parse_ethernet(f, f + frame.len - 4, frame.wire_len - 4, &outside);
		assert_int_equal(inside.class, outside.class);
		assert_memory_equal(&inside.key, &outside.key, sizeof(inside.key));
		assert_int_equal(inside.ip_bytes, outside.ip_bytes);
	}
}

/* Cooked and raw captures are the same bytes below another link header. */
static void link_header_of_any_length_gives_the_same_flow(void **state)
{
	(void)state;
	static const uint32_t link_lens[] = {0, 4, 16, 20};
	for (unsigned int i = 0; i < golden_row_count; i++) {
		struct golden_frame frame;
		golden_build(&golden_rows[i], &frame);
		/* near TL_PARSE_MAX_OFFSET the link header's length does matter */
		if (frame.len < 14 || frame.len > 3900) {
			continue;
		}
		struct tl_packet ether =
			parse_fenced(frame.packet.bytes, frame.len, frame.wire_len);
		uint16_t ethertype =
			(uint16_t)(frame.packet.bytes[12] << 8 | frame.packet.bytes[13]);
		for (unsigned int k = 0; k < 4; k++) {
			uint32_t link = link_lens[k];
			uint8_t bytes[PACKET_MAX + 32] = {0};
			struct tl_packet pkt;
			memcpy(bytes + link, frame.packet.bytes + 14, frame.len - 14);
			tl_parse_begin(&pkt);
			tl_parse_payload(bytes, bytes + link + frame.len - 14,
					 link + frame.wire_len - 14, ethertype, link, &pkt);
			assert_int_equal(pkt.class, ether.class);
			if (pkt.class == TL_CLASS_FLOW) {
				assert_memory_equal(&pkt.key, &ether.key, sizeof(pkt.key));
				assert_int_equal(pkt.ip_bytes, ether.ip_bytes);
				assert_int_equal(pkt.l3_offset + 14, ether.l3_offset + link);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(row_parsed_is_as_in_the_table, name_row),
		cmocka_unit_test(row_of_each_name_is_one),
		cmocka_unit_test(frame_cut_at_every_byte_reads_nothing_beyond),
		cmocka_unit_test(frame_cut_shorter_never_contradicts_the_longer),
		cmocka_unit_test(frame_of_any_bytes_parses_within_its_bounds),
		cmocka_unit_test(tag_outside_the_frame_equals_tag_inside),
		cmocka_unit_test(link_header_of_any_length_gives_the_same_flow),
	};
	return cmocka_run_group_tests(tests, fence_setup, fence_teardown);
}
