/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes as a line of eve.json, under all options: an event comes of it, the batch is valid, the
 * second time it says the same (then under a shape), and what is no event holds every byte.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../common/json.h"
#include "../../tools/eve-tail/eve.h"

static struct eve *eve;
static struct tl_wire_reader *reader;
static struct tl_json *json;
static struct tl_textbuf texts[2];
static unsigned int runs;

enum { RUNS = 20000 }; /* with one eve, so that its tables fill up at times */

static void require(int holds)
{
	if (!holds) {
		abort();
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	require(tl_wire_reader_create(&reader) == 0 && tl_json_create(&json) == 0);
	return 0;
}

static void renew(void)
{
	struct eve_config config = {.community_id = true};

	if (runs++ % RUNS == 0) {
		eve_destroy(eve);
		require(eve_create(&eve, &config) == 0);
	}
}

static void check_raw(const struct tl_event *event, const uint8_t *line, size_t len)
{
	struct tl_mp_cursor c = event->values;
	struct tl_mp_item item;

	require(tl_mp_get(&c, &item) == 0 && tl_mp_get(&c, &item) == 0);
	require(item.kind == TL_MP_KIND_BIN && item.blob.len == len);
	require(memcmp(item.blob.ptr, line, len) == 0);
}

static void check_event(const struct tl_msg *msg, struct tl_textbuf *text, const uint8_t *line,
			size_t len, uint64_t errors)
{
	struct tl_batch batch;
	struct tl_event event;

	require(tl_wire_read(reader, msg->data, msg->len, &batch, 0) == 0);
	struct tl_event_iter iter = tl_wire_events(reader, &batch);
	require(tl_event_next(&iter, &event));
	if (eve_counts(eve).parse_errors > errors) {
		require(tl_str_eq(event.type, TL_STR("parse_error")));
		check_raw(&event, line, len);
	}
	text->len = 0;
	require(tl_json_event(json, text, &batch.head, &event) == 0);
	require(!tl_event_next(&iter, &event));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tl_batch_head head = {
		.source = TL_STR("f"), .host = TL_STR("f"), .iface = TL_STR("f")};
	char *line = malloc(size + EVE_PADDING);
	struct tl_batch_writer w;
	struct tl_msg *msg;

	renew();
	memcpy(line, data, size);
	memset(line + size, '"', EVE_PADDING);
	tl_batch_init(&w, eve_shapes(eve));
	for (int round = 0; round < 2; round++) {
		uint64_t errors = eve_counts(eve).parse_errors;
		require(eve_put(eve, &w, line, size, size, EVE_LINE_CUT, 1) == 1);
		require(tl_batch_finish(&w, &head, &msg) == 0);
		check_event(msg, &texts[round], data, size, errors);
		tl_msg_free(msg);
	}
	require(texts[0].len == texts[1].len &&
		memcmp(texts[0].data, texts[1].data, texts[0].len) == 0);
	tl_batch_fini(&w);
	free(line);
	return 0;
}
