/* SPDX-License-Identifier: BSD-2-Clause */
/* The spool: declarations of loss, and what is put aside for people. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "clock.h"
#include "spool_private.h"
#include "text.h"

enum { ASIDE_NAME_LEN = SPOOL_NAME_LEN + SPOOL_SINK_NAME_MAX + 16 };

static bool syncs(const struct spool *spool)
{
	return spool->store.config.sync != STORE_SYNC_NONE;
}

int spool_declare(struct store *store, unsigned int sink, const struct backlog_run *run,
		  const struct tl_msg *msg)
{
	struct spool *spool = spool_of(store);
	const struct spool_io *io = spool->io;
	char tmp_name[SPOOL_NAME_LEN + 16];
	char name[SPOOL_NAME_LEN];

	spool_name_put(run, name);
	/* Not a batch's name: at a start it must not be taken for one that every sink gets. */
	snprintf(tmp_name, sizeof(tmp_name), "lost-%u-%s", sink, name);
	int err =
		spool_create_batch(spool, spool->tmp, tmp_name, msg->data, msg->len, syncs(spool));
	if (err < 0) {
		return err;
	}
	err = spool_error(io->rename(io, spool->tmp, tmp_name, spool->folders[sink], name));
	if (err < 0) {
		io->unlink(io, spool->tmp, tmp_name);
		return err;
	}
	return syncs(spool) ? spool_error(io->sync_folder(io, spool->folders[sink])) : 0;
}

static void aside_name(const struct spool *spool, unsigned int sink, const struct backlog_run *run,
		       char text[ASIDE_NAME_LEN])
{
	char name[SPOOL_NAME_LEN];

	spool_name_put(run, name);
	snprintf(text, ASIDE_NAME_LEN, "%s.%s", name, spool->store.config.sinks[sink]);
}

void spool_quarantine(struct store *store, unsigned int sink, const struct backlog_run *run)
{
	struct spool *spool = spool_of(store);
	char name[SPOOL_NAME_LEN];
	char aside[ASIDE_NAME_LEN];
	struct stat st;

	spool_name_put(run, name);
	aside_name(spool, sink, run, aside);
	int err = spool->io->rename(spool->io, spool->folders[sink], name, spool->bad, aside);
	if (err < 0) {
		/* Whatever it is, it must not be found again. */
		spool->io->unlink(spool->io, spool->folders[sink], name);
		return;
	}
	if (fstatat(spool->bad, aside, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_size > 0) {
		spool_yard_added(&spool->bad_yard, (uint64_t)st.st_size);
	}
}

/* The file itself where it is the whole of it: that needs no room. */
static int keep_rejected(struct spool *spool, unsigned int sink, const struct backlog_run *run,
			 const struct parcel *part, const char *aside)
{
	char name[SPOOL_NAME_LEN];
	int err = -ENOENT;

	if (part->first == run->first && part->count == run->count) {
		spool_name_put(run, name);
		err = spool->io->link(spool->io, spool->folders[sink], name, spool->rejected,
				      aside);
	}
	if (err < 0 && err != -EEXIST) {
		err = spool_create_batch(spool, spool->rejected, aside, part->data, part->len,
					 syncs(spool));
	}
	return err == -EEXIST ? 0 : err;
}

static void keep_reason(struct spool *spool, const char *aside, const char *reason)
{
	char name[ASIDE_NAME_LEN + 16];
	struct iovec parts[] = {{.iov_base = (void *)reason, .iov_len = strlen(reason)},
				{.iov_base = (char[]){'\n'}, .iov_len = 1}};

	snprintf(name, sizeof(name), "%s.reason", aside);
	if (spool_create(spool, spool->rejected, name, parts, 2, false) == 0) {
		spool_yard_added(&spool->rejected_yard, 1);
	}
}

void spool_reject(struct store *store, unsigned int sink, const struct backlog_run *run,
		  const struct parcel *part, const char *reason)
{
	struct spool *spool = spool_of(store);
	struct backlog_run kept = {.order = run->order,
				   .after = part->after,
				   .first = part->first,
				   .count = part->count,
				   .end = part->end,
				   .stream = run->stream};
	char aside[ASIDE_NAME_LEN];
	uint64_t held_back;

	aside_name(spool, sink, &kept, aside);
	int err = keep_rejected(spool, sink, run, part, aside);
	if (err == 0) {
		keep_reason(spool, aside, reason);
		err = syncs(spool) ? spool->io->sync_folder(spool->io, spool->rejected) : 0;
		spool_yard_added(&spool->rejected_yard, part->len + SPOOL_FOOTER_LEN);
	}
	if (err < 0 && tl_log_allowed(&store->sides[sink].limit, &held_back)) {
		tl_log_warn("%s/rejected: cannot keep what %s refused: %s", spool_path(spool),
			    store->config.sinks[sink], strerror(-err));
	}
}

/* --- why it waits --------------------------------------------------------- */

/* One line, whatever the peer said. */
static void put_line(char *line, size_t room, const char *text)
{
	char *p = tl_text_put_time(line, tl_clock_wall_ns());
	const char *end = line + room - 2;

	*p++ = ' ';
	for (; *text && p < end; text++) {
		*p++ = (unsigned char)*text < ' ' || *text == 0x7f ? ' ' : *text;
	}
	*p++ = '\n';
	*p = 0;
}

int spool_note(struct store *store, unsigned int sink, const char *text)
{
	struct spool *spool = spool_of(store);
	char tmp_name[SPOOL_SINK_NAME_MAX + 16];
	char name[SPOOL_SINK_NAME_MAX + 16];
	char line[TL_TEXT_TIME_LEN + SINK_REASON_LEN + 16];

	if (spool->notes[sink] && strcmp(spool->notes[sink], text) == 0) {
		return 0;
	}
	char *copy = strdup(text);
	if (!copy) {
		return -ENOMEM;
	}
	free(spool->notes[sink]);
	spool->notes[sink] = copy;
	put_line(line, sizeof(line), text);
	snprintf(tmp_name, sizeof(tmp_name), "state-%s", store->config.sinks[sink]);
	snprintf(name, sizeof(name), "%s.state", store->config.sinks[sink]);
	struct iovec part = {.iov_base = line, .iov_len = strlen(line)};
	int err = spool_create(spool, spool->tmp, tmp_name, &part, 1, false);
	return err < 0 ? err
		       : spool->io->rename(spool->io, spool->tmp, tmp_name, spool->root, name);
}
