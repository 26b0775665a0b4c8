/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A maildir of batches. What is told safe was made durable before, by nothing but
 * immutable files and their names: there is no ledger that could disagree.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "fault.h"
#include "spool_private.h"

#define INTERVAL_NS (200 * TL_MS_NS)

/* Or when so much came: a producer waits when its window, 16 MiB, is not acknowledged. */
#define INTERVAL_BYTES (4ull << 20)

int spool_error(int err)
{
	return err == -EDQUOT ? -ENOSPC : err;
}

int spool_create(const struct spool *spool, int folder, const char *name, struct iovec *parts,
		 int count, bool sync)
{
	const struct spool_io *io = spool->io;
	int fd = io->create(io, folder, name);

	if (fd == -EEXIST) {
		/* Left by a run that failed there; only unfinished files can be in the way. */
		io->unlink(io, folder, name);
		fd = io->create(io, folder, name);
	}
	if (fd < 0) {
		return spool_error(fd);
	}
	int err = io->write(io, fd, parts, count);
	tl_fault(TL_FAULT_BEFORE_FSYNC);
	if (err == 0 && sync) {
		err = io->sync_file(io, fd);
	}
	int close_err = io->close(io, fd);
	err = err < 0 ? err : close_err;
	if (err < 0) {
		io->unlink(io, folder, name);
	}
	return spool_error(err);
}

int spool_create_batch(const struct spool *spool, int folder, const char *name,
		       const uint8_t *bytes, size_t len, bool sync)
{
	uint8_t footer[SPOOL_FOOTER_LEN];
	struct iovec parts[] = {{.iov_base = (void *)bytes, .iov_len = len},
				{.iov_base = footer, .iov_len = sizeof(footer)}};

	spool_footer_put(footer, bytes, (uint32_t)len);
	return spool_create(spool, folder, name, parts, 2, sync);
}

static int spool_room(struct store *store, uint64_t bytes)
{
	struct spool *spool = spool_of(store);
	uint64_t left;

	if (store->config.reserve == 0) {
		return 0;
	}
	int err = spool->io->space(spool->io, spool->root, &left);
	if (err < 0) {
		return err;
	}
	uint64_t needed = backlog_blocks(bytes + SPOOL_FOOTER_LEN, BACKLOG_FILE_BLOCK);
	return left < needed || left - needed < store->config.reserve ? -ENOSPC : 0;
}

static int reserve_fresh(struct spool *spool)
{
	if (spool->fresh_count < spool->fresh_capacity) {
		return 0;
	}
	size_t capacity = spool->fresh_capacity ? 2 * spool->fresh_capacity : 64;
	struct spool_fresh *fresh = realloc(spool->fresh, capacity * sizeof(*fresh));
	if (!fresh) {
		return -ENOMEM;
	}
	spool->fresh = fresh;
	spool->fresh_capacity = capacity;
	return 0;
}

static void note_fresh(struct spool *spool, const struct backlog_run *run, size_t len)
{
	struct spool_fresh *fresh = &spool->fresh[spool->fresh_count++];

	fresh->run = *run;
	memcpy(fresh->stream, run->stream, TL_WIRE_STREAM_LEN);
	spool->fresh_bytes = spool->fresh_count == 1 ? len : spool->fresh_bytes + len;
	if (spool->fresh_count == 1) {
		spool->fresh_since_ns = tl_clock_mono_ns();
	}
}

/* Into every sink's folder, or none. */
static int link_all(struct spool *spool, const char *name)
{
	const struct spool_io *io = spool->io;

	for (unsigned int i = 0; i < spool->store.config.sink_count; i++) {
		int err = io->link(io, spool->tmp, name, spool->folders[i], name);
		if (err < 0) {
			while (i-- > 0) {
				io->unlink(io, spool->folders[i], name);
			}
			return spool_error(err);
		}
	}
	return 0;
}

static int spool_write(struct store *store, const struct backlog_run *run, const struct tl_msg *msg)
{
	struct spool *spool = spool_of(store);
	char name[SPOOL_NAME_LEN];
	int err = spool->broken ? spool->broken : reserve_fresh(spool);
	uint64_t held_back;

	if (err < 0) {
		return err;
	}
	spool_name_put(run, name);
	err = spool_create_batch(spool, spool->tmp, name, msg->data, msg->len,
				 store->config.sync == STORE_SYNC_BATCH);
	if (err == 0) {
		err = link_all(spool, name);
		tl_fault(TL_FAULT_AFTER_RENAME);
		if (err < 0) {
			spool->io->unlink(spool->io, spool->tmp, name);
		}
	}
	if (err == 0) {
		note_fresh(spool, run, msg->len);
	} else if (tl_log_allowed(&store->limit, &held_back)) {
		tl_log_warn("%s: cannot write a batch: %s", spool_path(spool), strerror(-err));
	}
	return err;
}

static int make_durable(struct spool *spool)
{
	const struct spool_io *io = spool->io;
	int err = 0;

	if (spool->store.config.sync == STORE_SYNC_INTERVAL) {
		return io->sync_all(io, spool->root);
	}
	for (unsigned int i = 0; i < spool->store.config.sink_count && err == 0; i++) {
		err = spool->store.config.sync == STORE_SYNC_BATCH
			      ? io->sync_folder(io, spool->folders[i])
			      : 0;
	}
	return err;
}

static void tell_safe(struct spool *spool)
{
	const struct store_config *config = &spool->store.config;

	for (size_t i = 0; i < spool->fresh_count; i++) {
		const struct spool_fresh *fresh = &spool->fresh[i];
		bool more = i + 1 < spool->fresh_count &&
			    memcmp(fresh[0].stream, fresh[1].stream, TL_WIRE_STREAM_LEN) == 0;
		if (!more && config->safe) {
			config->safe(config->context, fresh->stream, backlog_next(&fresh->run));
		}
	}
	spool->fresh_count = 0;
}

static void clear_tmp(struct spool *spool)
{
	char name[SPOOL_NAME_LEN];

	for (size_t i = 0; i < spool->fresh_count; i++) {
		spool->fresh[i].run.stream = spool->fresh[i].stream;
		spool_name_put(&spool->fresh[i].run, name);
		spool->io->unlink(spool->io, spool->tmp, name);
	}
}

static bool must_wait(struct spool *spool, uint64_t *again_ns)
{
	uint64_t due = spool->fresh_since_ns + INTERVAL_NS;

	if (spool->store.config.sync != STORE_SYNC_INTERVAL || tl_clock_mono_ns() >= due ||
	    spool->fresh_bytes >= INTERVAL_BYTES) {
		return false;
	}
	pthread_mutex_lock(&spool->store.lock);
	bool stopping = spool->store.stopping;
	pthread_mutex_unlock(&spool->store.lock);
	*again_ns = stopping ? *again_ns : due;
	return !stopping;
}

static int spool_commit(struct store *store, uint64_t *again_ns)
{
	struct spool *spool = spool_of(store);

	if (spool->broken || spool->fresh_count == 0 || must_wait(spool, again_ns)) {
		return spool->broken;
	}
	int err = make_durable(spool);
	if (err < 0) {
		/* The kernel tells of a failure once: a second sync would seem to succeed. */
		tl_log_err("%s: cannot sync: %s", spool_path(spool), strerror(-err));
		spool->broken = err;
		return err;
	}
	clear_tmp(spool);
	tell_safe(spool);
	return 0;
}

static int spool_load(struct store *store, unsigned int sink, const struct backlog_run *run,
		      struct tl_wire_reader **reader, struct tl_msg **out)
{
	const struct spool *spool = spool_of(store);
	char name[SPOOL_NAME_LEN];
	struct tl_msg *msg;

	spool_name_put(run, name);
	int err = *reader ? 0 : tl_wire_reader_create(reader);
	err = err < 0 ? err : spool_file_read(spool->folders[sink], name, &msg);
	if (err < 0) {
		return err;
	}
	if (!spool_file_is(*reader, msg, run)) {
		tl_msg_free(msg);
		return -EBADMSG;
	}
	*out = msg;
	return 0;
}

static void spool_forget(struct store *store, unsigned int sink, const struct backlog_run *run)
{
	const struct spool *spool = spool_of(store);
	char name[SPOOL_NAME_LEN];
	uint64_t held_back;

	spool_name_put(run, name);
	int err = spool->io->unlink(spool->io, spool->folders[sink], name);
	if (err < 0 && err != -ENOENT && tl_log_allowed(&store->sides[sink].limit, &held_back)) {
		tl_log_warn("%s/%s: cannot remove a batch that is done with: %s", spool_path(spool),
			    store->config.sinks[sink], strerror(-err));
	}
}

static void close_folder(int fd)
{
	if (fd >= 0) {
		close(fd);
	}
}

static void spool_close(struct store *store)
{
	struct spool *spool = spool_of(store);

	for (unsigned int i = 0; i < STORE_SINKS_MAX; i++) {
		close_folder(spool->folders[i]);
		free(spool->notes[i]);
	}
	spool_yard_close(&spool->bad_yard);
	spool_yard_close(&spool->rejected_yard);
	close_folder(spool->bad);
	close_folder(spool->rejected);
	close_folder(spool->tmp);
	close_folder(spool->root);
	close_folder(spool->lock);
	free(spool->fresh);
	store_fini(store);
	free(spool);
}

const struct store_ops spool_ops = {
	.room = spool_room,
	.write = spool_write,
	.commit = spool_commit,
	.load = spool_load,
	.forget = spool_forget,
	.declare = spool_declare,
	.quarantine = spool_quarantine,
	.reject = spool_reject,
	.note = spool_note,
	.close = spool_close,
};

int spool_open(struct store **out, const struct store_config *config)
{
	return spool_open_with(out, config, &spool_io_system);
}
