/* SPDX-License-Identifier: BSD-2-Clause */
#include "parcel.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "run.h"
#include "text.h"

void parcel_describe(struct parcel *parcel, const struct tl_batch *batch)
{
	const struct tl_batch_head *head = &batch->head;

	*parcel = (struct parcel){
		.data = batch->bytes,
		.len = batch->size,
		.after = head->after,
		.first = head->first,
		.count = batch->event_count,
		.end = head->end,
	};
	memcpy(parcel->stream, head->stream, sizeof(parcel->stream));
	char *p = tl_text_put_hex(parcel->id, head->stream, TL_WIRE_STREAM_LEN);
	snprintf(p, PARCEL_ID_LEN - (size_t)(p - parcel->id), "-%llu-%u",
		 (unsigned long long)head->first, batch->event_count);
}

int parcel_cut(struct tl_wire_reader *reader, const struct parcel *whole, uint64_t from,
	       uint64_t to, struct parcel *part, struct tl_msg **msg)
{
	struct tl_batch batch;
	struct tl_msg *cut;

	if (tl_wire_read(reader, whole->data, whole->len, &batch, 0) < 0) {
		return -EBADMSG;
	}
	int err = tl_run_cut(reader, &batch, from, to, &cut);
	if (err < 0) {
		return err;
	}
	if (tl_wire_read(reader, cut->data, cut->len, &batch, 0) < 0) {
		tl_msg_free(cut);
		return -EBADMSG;
	}
	parcel_describe(part, &batch);
	*msg = cut;
	return 0;
}
