/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an earlier run left: unfinished and finished files in tmp/, and what waits for
 * each sink. Names are enough; a file is read when its turn comes.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "spool_private.h"

struct scan_file {
	struct backlog_run run;
	uint8_t stream[TL_WIRE_STREAM_LEN];
	uint32_t size;
	uint64_t since_ns;
};

struct seen {
	uint8_t stream[TL_WIRE_STREAM_LEN];
	uint64_t next;
};

/* Of `each` bytes an element. */
struct growing {
	void *data;
	size_t count;
	size_t capacity;
	size_t each;
};

struct scan {
	struct spool *spool;
	struct growing seen;
	struct growing files; /* of one sink */
	uint64_t foreign;     /* in the same folder: not ours */
	bool incomplete;      /* something could not be found out: nothing is told */
};

static void *grow(struct growing *array)
{
	if (array->count == array->capacity) {
		size_t capacity = array->capacity ? 2 * array->capacity : 256;
		void *data = realloc(array->data, capacity * array->each);
		if (!data) {
			return 0;
		}
		array->data = data;
		array->capacity = capacity;
	}
	return (uint8_t *)array->data + array->each * array->count++;
}

/* `visit` gets each name but dots; 0 goes on, < 0 ends. */
static int walk(struct scan *scan, int folder, const char *name,
		int (*visit)(struct scan *scan, int folder, const char *entry))
{
	int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? 0 : fdopendir(fd);
	const struct dirent *entry;
	int err = 0;

	if (!dir) {
		err = -errno;
		if (fd >= 0) {
			close(fd);
		}
		return err;
	}
	errno = 0;
	while (err == 0 && (entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
			err = visit(scan, fd, entry->d_name);
		}
		errno = 0;
	}
	err = err == 0 ? -errno : err;
	closedir(dir);
	return err;
}

static int see(struct scan *scan, const struct backlog_run *run)
{
	struct seen *seen = grow(&scan->seen);

	if (!seen) {
		return -ENOMEM;
	}
	memcpy(seen->stream, run->stream, TL_WIRE_STREAM_LEN);
	seen->next = backlog_next(run);
	struct store *store = &scan->spool->store;
	store->order = run->order >= store->order ? run->order + 1 : store->order;
	return 0;
}

/* --- tmp ------------------------------------------------------------------ */

static bool is_complete(const struct spool *spool, const char *name, const struct backlog_run *run)
{
	struct tl_wire_reader *reader = 0;
	struct tl_msg *msg;

	if (spool_file_read(spool->tmp, name, &msg) < 0) {
		return false;
	}
	bool complete = tl_wire_reader_create(&reader) == 0 && spool_file_is(reader, msg, run);
	tl_wire_reader_destroy(reader);
	tl_msg_free(msg);
	return complete;
}

static int link_again(struct spool *spool, const char *name)
{
	for (unsigned int i = 0; i < spool->store.config.sink_count; i++) {
		int err = spool->io->link(spool->io, spool->tmp, name, spool->folders[i], name);
		if (err < 0 && err != -EEXIST) {
			tl_log_warn("%s/tmp: cannot give a batch to %s: %s", spool_path(spool),
				    spool->store.config.sinks[i], strerror(-err));
			return err;
		}
	}
	return 0;
}

static int visit_tmp(struct scan *scan, int folder, const char *name)
{
	struct spool *spool = scan->spool;
	uint8_t stream[TL_WIRE_STREAM_LEN];
	struct backlog_run run;

	(void)folder;
	unsigned int len = spool_name_get(name, &run, stream);
	if (len == 0 || name[len] || !is_complete(spool, name, &run)) {
		spool->io->unlink(spool->io, spool->tmp, name);
		return 0;
	}
	if (link_again(spool, name) < 0) {
		scan->incomplete = true;
	}
	return see(scan, &run);
}

static int visit_tmp_again(struct scan *scan, int folder, const char *name)
{
	(void)folder;
	scan->spool->io->unlink(scan->spool->io, scan->spool->tmp, name);
	return 0;
}

/*
 * What a kill left there was perhaps never synced, nor were its names: it is before
 * anything is told of it. Without such files the last commit was complete.
 */
static int recover_tmp(struct scan *scan)
{
	struct spool *spool = scan->spool;
	int err = walk(scan, spool->tmp, ".", visit_tmp);

	if (err < 0 || scan->seen.count == 0) {
		return err;
	}
	err = spool->io->sync_all(spool->io, spool->root);
	if (err == 0 && !scan->incomplete) {
		err = walk(scan, spool->tmp, ".", visit_tmp_again);
	}
	return err;
}

/* --- sinks ---------------------------------------------------------------- */

static int visit_sink(struct scan *scan, int folder, const char *name)
{
	uint8_t stream[TL_WIRE_STREAM_LEN];
	struct backlog_run run;
	struct stat st;
	unsigned int len = spool_name_get(name, &run, stream);

	if (len == 0 || name[len] || fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISREG(st.st_mode)) {
		scan->foreign++;
		return 0;
	}
	struct scan_file *file = grow(&scan->files);
	if (!file) {
		return -ENOMEM;
	}
	*file = (struct scan_file){.run = run};
	memcpy(file->stream, stream, sizeof(stream));
	int64_t size = st.st_size - SPOOL_FOOTER_LEN;
	file->size = size < 0 ? 0 : size > TL_WIRE_MAX_BATCH ? TL_WIRE_MAX_BATCH : (uint32_t)size;
	file->since_ns = (uint64_t)st.st_mtim.tv_sec * TL_SECOND_NS + (uint64_t)st.st_mtim.tv_nsec;
	return see(scan, &run);
}

static int by_order(const void *a, const void *b)
{
	const struct scan_file *x = a;
	const struct scan_file *y = b;

	if (x->run.order != y->run.order) {
		return x->run.order < y->run.order ? -1 : 1;
	}
	return x->run.first < y->run.first ? -1 : x->run.first > y->run.first;
}

static int append(struct spool *spool, unsigned int sink, const struct scan_file *file)
{
	struct backlog *backlog = &spool->store.backlog;
	struct backlog_item *item = calloc(1, sizeof(*item));
	struct backlog_stream *stream = item ? backlog_stream_get(backlog, file->stream) : 0;

	if (!stream) {
		free(item);
		return -ENOMEM;
	}
	item->run = file->run;
	item->size = file->size;
	item->since_ns = file->since_ns;
	item->unsure = spool->unsure;
	uint64_t next = backlog_next(&file->run);
	stream->next = next > stream->next ? next : stream->next;
	backlog_append(&spool->store.sides[sink].line, sink, item, stream);
	return 0;
}

static int scan_sink(struct scan *scan, unsigned int sink)
{
	struct spool *spool = scan->spool;
	const char *name = spool->store.config.sinks[sink];

	scan->files.count = 0;
	scan->foreign = 0;
	int err = walk(scan, spool->folders[sink], ".", visit_sink);
	if (err == 0 && scan->files.count > 0) {
		qsort(scan->files.data, scan->files.count, scan->files.each, by_order);
	}
	for (size_t i = 0; i < scan->files.count && err == 0; i++) {
		err = append(spool, sink, (const struct scan_file *)scan->files.data + i);
	}
	if (scan->foreign > 0) {
		tl_log_warn("%s/%s holds %" PRIu64 " files that are not ours: left alone",
			    spool_path(spool), name, scan->foreign);
	}
	if (scan->files.count > 0) {
		tl_log_note("%s: %zu batches of an earlier run wait for %s", spool_path(spool),
			    scan->files.count, name);
	}
	return err;
}

/* --- other folders -------------------------------------------------------- */

/* bad/ and rejected/: names with more behind them. */
static int visit_aside(struct scan *scan, int folder, const char *name)
{
	uint8_t stream[TL_WIRE_STREAM_LEN];
	struct backlog_run run;

	(void)folder;
	return spool_name_get(name, &run, stream) > 0 ? see(scan, &run) : 0;
}

static bool is_known(const struct spool *spool, const char *name)
{
	static const char *const ours[] = {"tmp", "bad", "rejected"};

	for (unsigned int i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		if (strcmp(name, ours[i]) == 0) {
			return true;
		}
	}
	for (unsigned int i = 0; i < spool->store.config.sink_count; i++) {
		if (strcmp(name, spool->store.config.sinks[i]) == 0) {
			return true;
		}
	}
	return false;
}

/* Sinks that are no longer there, with what still waits for them. */
static int visit_root(struct scan *scan, int folder, const char *name)
{
	size_t before = scan->seen.count;

	if (is_known(scan->spool, name)) {
		return 0;
	}
	int err = walk(scan, folder, name, visit_aside);
	if (scan->seen.count > before) {
		tl_log_warn("%s/%s holds %zu batches, but no sink is called that: they wait",
			    spool_path(scan->spool), name, scan->seen.count - before);
	}
	return err == -ENOMEM ? err : 0;
}

static int by_stream(const void *a, const void *b)
{
	const struct seen *x = a;
	const struct seen *y = b;
	int order = memcmp(x->stream, y->stream, TL_WIRE_STREAM_LEN);

	return order ? order : x->next > y->next ? -1 : x->next < y->next;
}

/*
 * Not after the machine started anew: of what was written and not yet synced any part
 * may be missing, even where later batches are there.
 */
static void tell_found(const struct scan *scan)
{
	const struct store_config *config = &scan->spool->store.config;
	struct seen *seen = scan->seen.data;

	if (!config->found || !scan->spool->same_boot || scan->incomplete ||
	    scan->seen.count == 0) {
		return;
	}
	qsort(seen, scan->seen.count, sizeof(*seen), by_stream);
	for (size_t i = 0; i < scan->seen.count; i++) {
		if (i == 0 || memcmp(seen[i - 1].stream, seen[i].stream, TL_WIRE_STREAM_LEN) != 0) {
			config->found(config->context, seen[i].stream, seen[i].next);
		}
	}
}

int spool_scan(struct spool *spool)
{
	struct scan scan = {.spool = spool,
			    .seen.each = sizeof(struct seen),
			    .files.each = sizeof(struct scan_file)};
	int err = recover_tmp(&scan);

	for (unsigned int i = 0; i < spool->store.config.sink_count && err == 0; i++) {
		err = scan_sink(&scan, i);
	}
	err = err < 0 ? err : walk(&scan, spool->bad, ".", visit_aside);
	err = err < 0 ? err : walk(&scan, spool->rejected, ".", visit_aside);
	err = err < 0 ? err : walk(&scan, spool->root, ".", visit_root);
	if (err == 0) {
		tell_found(&scan);
	} else {
		tl_log_err("cannot read the spool %s: %s", spool_path(spool), strerror(-err));
	}
	free(scan.seen.data);
	free(scan.files.data);
	return err;
}
