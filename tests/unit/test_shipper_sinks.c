/* SPDX-License-Identifier: BSD-2-Clause */
/* tools/shipper: what sinks say about what they could not deliver, and what they have in common. */
#include "../../common/clock.h"
#include "../../tools/shipper/packer.h"
#include "../../tools/shipper/sinks.h"
#include "store_kit.h"

#define DEADLINE_NS (20 * TL_SECOND_NS)

static struct sink_answer deliver(struct sink *sink, struct parcel *parcel)
{
	struct sink_answer answer = {0};
	uint64_t give_up = tl_clock_deadline_ns(DEADLINE_NS);

	sink->ops->send(sink, parcel);
	while (sink->ops->wait(sink, &answer, 1, TL_SECOND_NS) == 0) {
		assert_true(tl_clock_mono_ns() < give_up);
	}
	assert_ptr_equal(answer.parcel, parcel);
	return answer;
}

/* The outbox takes a file for a place too, and this one breaks it. */
static void broken_outbox_says_why_it_broke(void **state)
{
	(void)state;
	struct sink_config config = {.url = "/dev/full", .in_flight = 2};
	struct tl_batch_head head = kit_head(1, 0, 0, false);
	struct tl_msg *msg = kit_batch(&head, 3);
	struct parcel parcel = {.data = msg->data, .len = msg->len, .count = 3};
	struct sink *sink;

	assert_int_equal(sink_hop_ops.open(&sink, &config), 0);
	for (unsigned int i = 0; i < 2; i++) { /* when it breaks, and ever after */
		struct sink_answer answer = deliver(sink, &parcel);
		assert_int_equal(answer.verdict, SINK_RETRY);
		assert_non_null(strstr(answer.reason, strerror(ENOSPC)));
	}
	sink->ops->close(sink);
	tl_msg_free(msg);
}

/* --- packing --------------------------------------------------------------------------- */

enum { BODY_MAX = 100000 };

static void frame_is_the_body_again_and_shorter(void **state)
{
	(void)state;
	static uint8_t body[BODY_MAX], again[BODY_MAX];
	ZSTD_CCtx *packer = packer_create();
	struct packed packed = {0};
	unsigned int frames = 0;

	assert_non_null(packer);
	for (unsigned int round = 0; round < 200; round++) {
		size_t len = kit_random(round % 2 ? BODY_MAX : 100);
		uint32_t values = 1u << (round % 9); /* 256 of them do not pack */
		for (size_t i = 0; i < len; i++) {
			body[i] = (uint8_t)kit_random(values);
		}
		size_t frame = packer_pack(packer, &packed, body, len);
		assert_true(frame == 0 || frame < len);
		assert_false(frame == 0 && len > 1000 && values < 128);
		assert_false(frame > 0 && values == 256);
		if (frame > 0) {
			assert_int_equal(ZSTD_decompress(again, len, packed.bytes, frame), len);
			assert_memory_equal(again, body, len);
			frames++;
		}
	}
	assert_true(frames > 50);
	ZSTD_freeCCtx(packer);
	free(packed.bytes);
}

static void nothing_is_packed_without_a_packer(void **state)
{
	(void)state;
	static const uint8_t body[1000];
	struct packed packed = {0};

	assert_int_equal(packer_pack(0, &packed, body, sizeof(body)), 0);
	assert_null(packed.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(broken_outbox_says_why_it_broke),
		cmocka_unit_test(frame_is_the_body_again_and_shorter),
		cmocka_unit_test(nothing_is_packed_without_a_packer),
	};
	return cmocka_run_group_tests(tests, 0, 0);
}
