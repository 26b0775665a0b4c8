/* SPDX-License-Identifier: BSD-2-Clause */
/* JSON lines of any bytes: what is taken is a good event, and its JSON form is taken again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../common/batch.h"
#include "../../common/json.h"
#include "../../common/jsonin.h"

static struct tl_jsonin *in;
static struct tl_wire_reader *reader;
static struct tl_json *json;
static struct tl_shapes *shapes;
static struct tl_textbuf text;

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
	require(tl_jsonin_create(&in) == 0 && tl_wire_reader_create(&reader) == 0);
	require(tl_json_create(&json) == 0 && tl_shapes_create(&shapes) == 0);
	return 0;
}

/* The event as a batch of its own is valid; leaves its JSON form in `text`. */
static void through_a_batch(const struct tl_jsonin_event *e)
{
	struct tl_batch_head head = {.source = e->source, .host = e->host, .iface = e->iface};
	struct tl_batch_writer w;
	struct tl_batch batch;
	struct tl_event event;
	struct tl_msg *msg;

	tl_batch_init(&w, shapes);
	uint8_t *p = tl_batch_reserve(&w, e->event.len);
	require(p != 0);
	memcpy(p, e->event.bytes, e->event.len);
	tl_batch_commit(&w, 0, e->event.len);
	require(tl_batch_finish(&w, &head, &msg) == 0);
	require(tl_wire_read(reader, msg->data, msg->len, &batch, 0) == 0);
	struct tl_event_iter iter = tl_wire_events(reader, &batch);
	require(tl_event_next(&iter, &event));
	text.len = 0;
	require(tl_json_event(json, &text, &batch.head, &event) == 0);
	tl_msg_free(msg);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tl_jsonin_event event;
	const char *reason = 0;
	char *line = calloc(1, size + TL_JSONIN_PADDING);

	memcpy(line, data, size);
	if (tl_jsonin_read(in, line, size, &event, &reason) == 0) {
		through_a_batch(&event);
		size_t len = text.len - 1;
		require(tl_textbuf_reserve(&text, TL_JSONIN_PADDING) != 0);
		if (len <= TL_JSONIN_LINE_MAX) {
			require(tl_jsonin_read(in, text.data, len, &event, &reason) == 0);
		}
	} else {
		require(reason != 0);
	}
	free(line);
	return 0;
}
