/* SPDX-License-Identifier: BSD-2-Clause */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "event.h"
#include "journal_private.h"
#include "log.h"

enum {
	LAYOUT = 1,
	UNIT = 4096,	 /* bytes of an element of the array */
	HEAD_UNITS = 1,	 /* elements before the ring */
	KEPT_SENT = 8,	 /* nng holds two messages on their way, a pipe none */
	SPARE = 8 << 20, /* of the ring beyond the window: a batch being sent, those kept */
};

_Static_assert(sizeof(struct memory) <= HEAD_UNITS * UNIT, "the head has its own elements");

/* --- the ring ------------------------------------------------------------- */

static void copy_in(struct journal *j, uint64_t position, const uint8_t *bytes, size_t len)
{
	uint64_t size = j->memory->ring_size;
	uint64_t at = position % size;
	size_t front = len < size - at ? len : size - at;

	memcpy(j->ring + at, bytes, front);
	memcpy(j->ring, bytes + front, len - front);
}

/* Forgets what is done from the oldest on; the last few that were sent stay. */
static void forget(struct journal *j, uint64_t head)
{
	uint64_t tail = atomic_load(&j->memory->tail);

	while (tail < head) {
		const struct record *record = record_at(j, tail);
		uint32_t state = atomic_load(&record->state);
		if (state == RECORD_LIVE || (state == RECORD_SENT && j->kept <= KEPT_SENT)) {
			break;
		}
		j->kept -= state == RECORD_SENT;
		tail += record_size(record);
	}
	atomic_store(&j->memory->tail, tail);
}

static bool has_room(struct journal *j, uint64_t head, uint64_t size)
{
	return head + size - atomic_load(&j->memory->tail) <= j->memory->ring_size;
}

/* --- what a batch tells --------------------------------------------------- */

static void tell_flow(struct told *told, const struct tl_event *event)
{
	struct tl_flow_event flow;

	if (tl_flow_event_decode(event, &flow) < 0) {
		return;
	}
	bool coarse = flow.flow.key.flags & TL_KEY_COARSE;
	struct tl_acct *class = &told->by_class[coarse ? TL_CLASS_COARSE : TL_CLASS_FLOW];
	class->packets += flow.flow.packets;
	class->bytes += flow.flow.bytes;
}

static void tell_lost(struct journal *j, struct told *told)
{
	if (j->lost_told) {
		return;
	}
	j->lost_told = true;
	for (unsigned int class = 0; class < 2; class ++) {
		told->by_class[class].packets += j->lost[class].packets;
		told->by_class[class].bytes += j->lost[class].bytes;
	}
}

/* Running totals of this process, on top of what was told before it began. */
static void tell_stats(struct journal *j, struct told *told, const struct tl_event *event)
{
	struct tl_capture_stats stats;

	if (tl_stats_event_decode(event, &stats) < 0) {
		return;
	}
	for (unsigned int class = TL_CLASS_UNATTRIBUTED; class < TL_CLASS_COUNT; class ++) {
		told->by_class[class].packets =
			j->base.by_class[class].packets + stats.class_packets[class];
		told->by_class[class].bytes =
			j->base.by_class[class].bytes + stats.class_bytes[class];
	}
	told->skbs = j->base.skbs + stats.skbs;
	if (stats.lost_in_crash > 0) {
		tell_lost(j, told);
	}
}

_Static_assert(TL_CLASS_FLOW == 0 && TL_CLASS_COARSE == 1 && TL_CLASS_UNATTRIBUTED == 2,
	       "flow classes come first");

static uint32_t tell_batch(struct journal *j, struct told *told, const struct tl_msg *msg)
{
	struct tl_batch batch;
	struct tl_wire_error error;

	if (tl_wire_read(j->reader, msg->data, msg->len, &batch, &error) < 0) {
		return 0;
	}
	struct tl_event_iter iter = tl_wire_events(j->reader, &batch);
	struct tl_event event;
	while (tl_event_next(&iter, &event)) {
		if (tl_str_eq(event.type, TL_STR("flow_end"))) {
			tell_flow(told, &event);
		} else if (tl_str_eq(event.type, TL_STR("capture_stats"))) {
			tell_stats(j, told, &event);
		}
	}
	return batch.event_count;
}

/* --- hooks ---------------------------------------------------------------- */

static uint64_t put(void *context, const struct tl_msg *msg)
{
	struct journal *j = context;
	struct memory *m = j->memory;
	uint64_t commits = atomic_load(&m->commits);
	struct slot *next = &m->slots[(commits + 1) & 1];
	uint64_t ticket = 0;

	*next = m->slots[commits & 1];
	struct record record = {.len = (uint32_t)msg->len, .state = RECORD_LIVE};
	record.events = tell_batch(j, &next->told, msg);
	/* The window is smaller than the ring; if it were not, the batch would be told all the
	 * same. */
	pthread_mutex_lock(&j->lock);
	forget(j, next->head);
	bool room = has_room(j, next->head, record_size(&record));
	pthread_mutex_unlock(&j->lock);
	if (room) {
		memcpy(record_at(j, next->head), &record, sizeof(record));
		copy_in(j, next->head + sizeof(record), msg->data, msg->len);
		ticket = next->head + 1;
		next->head += record_size(&record);
	}
	atomic_store(&m->commits, commits + 1);
	return ticket;
}

static void done(void *context, uint64_t ticket, bool sent)
{
	struct journal *j = context;
	struct record *record = record_at(j, ticket - 1);

	pthread_mutex_lock(&j->lock);
	/* A batch that is sent once more was counted then. */
	if (atomic_load(&record->state) != RECORD_SENT && sent) {
		j->kept++;
	}
	atomic_store(&record->state, sent ? RECORD_SENT : RECORD_DROPPED);
	forget(j, journal_current(j)->head);
	pthread_mutex_unlock(&j->lock);
}

const struct tl_journal *journal_hooks(const struct journal *j)
{
	return &j->hooks;
}

struct told journal_told(const struct journal *j)
{
	return journal_current(j)->told;
}

void journal_set_lost(struct journal *j, const struct tl_acct lost[2])
{
	memcpy(j->lost, lost, sizeof(j->lost));
	j->lost_told = false;
}

/* --- opening -------------------------------------------------------------- */

/* A record is a little more than the batch that the window counts. */
static uint64_t ring_for(uint64_t window)
{
	return window + window / 8 + SPARE;
}

static uint64_t units_for(uint64_t window)
{
	return HEAD_UNITS + (ring_for(window) + UNIT - 1) / UNIT;
}

static int make(const char *path, uint64_t window)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "tl_journal", sizeof(uint32_t), UNIT,
				(uint32_t)units_for(window), &opts);

	if (fd < 0) {
		return -errno;
	}
	if (bpf_obj_pin(fd, path) < 0) {
		int err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

static int map_memory(struct journal *j, bool fresh)
{
	struct bpf_map_info info = {0};
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(j->map, &info, &len) < 0) {
		return -errno;
	}
	if (info.type != BPF_MAP_TYPE_ARRAY || info.value_size != UNIT ||
	    info.max_entries <= HEAD_UNITS) {
		return -EBADMSG;
	}
	j->mapped = (size_t)info.max_entries * UNIT;
	void *p = mmap(0, j->mapped, PROT_READ | PROT_WRITE, MAP_SHARED, j->map, 0);
	if (p == MAP_FAILED) {
		return -errno;
	}
	j->memory = p;
	j->ring = (uint8_t *)p + HEAD_UNITS * UNIT;
	uint64_t ring_size = j->mapped - HEAD_UNITS * UNIT;
	/* A process killed right after it made the map left zeros: nothing was told. */
	if (fresh || j->memory->layout == 0) {
		j->memory->told_size = sizeof(struct told);
		j->memory->ring_size = ring_size;
		j->memory->layout = LAYOUT;
	}
	return j->memory->layout == LAYOUT && j->memory->told_size == sizeof(struct told) &&
			       j->memory->ring_size == ring_size
		       ? 0
		       : -EBADMSG;
}

static int open_map(struct journal *j, const char *path, uint64_t window)
{
	bool fresh = false;

	j->map = bpf_obj_get(path);
	if (j->map < 0 && errno == ENOENT) {
		fresh = true;
		j->map = make(path, window);
	}
	if (j->map < 0) {
		return fresh ? j->map : -errno;
	}
	int err = map_memory(j, fresh);
	if (err == 0 && j->memory->ring_size < ring_for(window)) {
		err = -EFBIG;
	}
	return err;
}

int journal_open(struct journal **out, const char *path, uint64_t window)
{
	struct journal *j = calloc(1, sizeof(*j));

	if (!j) {
		return -ENOMEM;
	}
	j->map = -1;
	j->hooks = (struct tl_journal){.put = put, .done = done, .context = j};
	pthread_mutex_init(&j->lock, 0);
	int err = tl_wire_reader_create(&j->reader);
	if (err == 0) {
		err = open_map(j, path, window);
	}
	if (err < 0) {
		tl_log_err("journal %s: %s", path,
			   err == -EFBIG     ? "made for a smaller --window: xdp-flowd --unpin"
			   : err == -EBADMSG ? "of another version: xdp-flowd --unpin"
					     : strerror(-err));
		journal_close(j);
		return err == -EFBIG ? -EINVAL : err;
	}
	j->base = journal_current(j)->told;
	*out = j;
	return 0;
}

void journal_close(struct journal *j)
{
	if (!j) {
		return;
	}
	if (j->memory) {
		munmap(j->memory, j->mapped);
	}
	if (j->map >= 0) {
		close(j->map);
	}
	tl_wire_reader_destroy(j->reader);
	pthread_mutex_destroy(&j->lock);
	free(j);
}
