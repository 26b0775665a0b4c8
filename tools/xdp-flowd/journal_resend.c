/* SPDX-License-Identifier: BSD-2-Clause */
/* What a predecessor left in the journal goes out once more. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "journal_private.h"
#include "log.h"

static void copy_out(const struct journal *j, uint64_t position, uint8_t *bytes, size_t len)
{
	uint64_t size = j->memory->ring_size;
	uint64_t at = position % size;
	size_t front = len < size - at ? len : size - at;

	memcpy(bytes, j->ring + at, front);
	memcpy(bytes + front, j->ring, len - front);
}

static int resend_one(struct journal *j, struct tl_outbox *outbox, uint64_t position,
		      const struct record *record, uint64_t *after)
{
	struct tl_msg *msg = tl_msg_new(record->len);
	struct tl_batch batch;
	struct tl_wire_error error;

	if (!msg) {
		return -ENOMEM;
	}
	copy_out(j, position + sizeof(*record), msg->data, record->len);
	msg->len = record->len;
	if (tl_wire_read(j->reader, msg->data, msg->len, &batch, &error) < 0) {
		tl_msg_free(msg);
		return -EBADMSG;
	}
	if (batch.head.after > *after) {
		tl_wire_set_after(msg->data, *after);
	}
	*after = UINT64_MAX;
	return tl_outbox_resend(outbox, msg, record->events, &j->hooks, position + 1);
}

/* Where the run that was dropped began: the next one declares it. */
static uint64_t dropped_after(struct journal *j, uint64_t position, const struct record *record)
{
	uint8_t *bytes = malloc(record->len);
	struct tl_batch batch;
	struct tl_wire_error error;
	uint64_t after = UINT64_MAX;

	if (bytes) {
		copy_out(j, position + sizeof(*record), bytes, record->len);
		if (tl_wire_read(j->reader, bytes, record->len, &batch, &error) == 0) {
			after = batch.head.after;
		}
	}
	free(bytes);
	return after;
}

static bool is_sane(const struct journal *j, uint64_t position, uint64_t head)
{
	const struct record *record = record_at(j, position);
	uint32_t state = atomic_load(&record->state);

	return record->len > 0 && record->len <= TL_WIRE_MAX_BATCH &&
	       record_size(record) <= head - position && state >= RECORD_LIVE &&
	       state <= RECORD_DROPPED;
}

int journal_resend(struct journal *j, struct tl_outbox *outbox)
{
	uint64_t head = journal_current(j)->head;
	uint64_t position = atomic_load(&j->memory->tail);
	uint64_t after = UINT64_MAX; /* of the first run dropped since the last that was sent */
	int count = 0;

	while (position < head) {
		const struct record *record = record_at(j, position);
		if (!is_sane(j, position, head)) {
			tl_log_err("the journal of the last run is damaged: what it had not sent "
				   "is lost");
			return -EBADMSG;
		}
		uint64_t next = position + record_size(record);
		if (atomic_load(&record->state) == RECORD_DROPPED) {
			uint64_t from = dropped_after(j, position, record);
			after = from < after ? from : after;
		} else {
			pthread_mutex_lock(&j->lock);
			j->kept += atomic_load(&record->state) == RECORD_SENT;
			pthread_mutex_unlock(&j->lock);
			int err = resend_one(j, outbox, position, record, &after);
			if (err < 0) {
				return err;
			}
			count++;
		}
		position = next;
	}
	return count;
}
