/* SPDX-License-Identifier: BSD-2-Clause */
/* common/segment: what was appended is in the files, whatever a crash or a full disk does. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../common/batch.h"
#include "../../common/clock.h"
#include "../../common/log.h"

/* The disk that fails when it is told to. */
static int sync_failures;

static int sync_or_fail(int fd)
{
	if (sync_failures > 0) {
		sync_failures--;
		errno = EIO;
		return -1;
	}
	return fsync(fd);
}

#define fdatasync sync_or_fail
#include "../../common/segment.c"
#undef fdatasync

enum { FILES_MAX = 64, BATCH_ROOM = 4096 };

struct fixture {
	char folder[64];
	uint64_t next; /* number of the next batch's event */
};

static struct tl_msg *batch_of(uint64_t first, uint32_t payload)
{
	static const char zeros[BATCH_ROOM];
	struct tl_batch_head head = {
		.stream = {7},
		.after = first,
		.first = first,
		.source = TL_STR("s"),
		.host = TL_STR("h"),
		.iface = TL_STR("i"),
	};
	struct tl_batch_writer w;
	struct tl_msg *msg;

	tl_batch_init(&w, 0);
	uint8_t *start = tl_batch_reserve(&w, payload + 64);
	uint8_t *p = tl_mp_put_uint(tl_mp_put_array(start, 5), 0);
	p = tl_mp_put_str(tl_mp_put_time(p, first), TL_STR("open"));
	p = tl_mp_put_bin(tl_mp_put_str(tl_mp_put_map(p, 1), TL_STR("x")), zeros, payload);
	p = tl_mp_put_array(p, 0);
	tl_batch_commit(&w, 0, (uint32_t)(p - start));
	assert_int_equal(tl_batch_finish(&w, &head, &msg), 0);
	return msg;
}

static int set_up_folder(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	srandom(3);
	tl_log_set_level(TL_LOG_ERR); /* what is found wrong is expected here */
	snprintf(f->folder, sizeof(f->folder), "/tmp/test_segment.XXXXXX");
	*state = f;
	return mkdtemp(f->folder) ? 0 : -1;
}

static int list(const char *folder, char names[FILES_MAX][300])
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int count = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] != '.') {
			assert_true(count < FILES_MAX);
			snprintf(names[count++], 300, "%s", entry->d_name);
		}
	}
	closedir(dir);
	qsort(names, (size_t)count, 300, (int (*)(const void *, const void *))strcmp);
	return count;
}

static void empty_folder(const char *folder)
{
	char names[FILES_MAX][300];
	int fd = open(folder, O_RDONLY | O_DIRECTORY);
	int count = list(folder, names);

	for (int i = 0; i < count; i++) {
		unlinkat(fd, names[i], 0);
	}
	close(fd);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	empty_folder(f->folder);
	rmdir(f->folder);
	free(f);
	return 0;
}

static struct tl_segment *open_segment(const struct fixture *f, struct tl_segment_config config)
{
	struct tl_segment *segment;

	config.folder = f->folder;
	assert_int_equal(tl_segment_open(&segment, &config), 0);
	return segment;
}

/* One event more; what append says. */
static int append(struct fixture *f, struct tl_segment *segment, uint32_t payload)
{
	struct tl_msg *msg = batch_of(f->next, payload);
	int err = tl_segment_append(segment, msg->data, msg->len);

	f->next += err == 0;
	tl_msg_free(msg);
	return err;
}

static int in_order(void *context, const struct tl_batch *batch)
{
	uint64_t *next = context;

	assert_true(batch->head.first == *next);
	*next += batch->event_count;
	return 0;
}

/* Reads all complete files: their events are next, next + 1...; what follows the last. */
static uint64_t read_all_from(const struct fixture *f, uint64_t next, int *file_count)
{
	int fd = open(f->folder, O_RDONLY | O_DIRECTORY);
	char **names;

	*file_count = tl_segment_list(fd, "", &names);
	for (int i = 0; i < *file_count; i++) {
		uint64_t whole;
		struct stat st;
		assert_int_equal(tl_segment_scan(fd, names[i], in_order, &next, &whole), 0);
		assert_int_equal(fstatat(fd, names[i], &st, 0), 0);
		assert_int_equal(whole, st.st_size);
	}
	tl_segment_free_list(names, *file_count);
	close(fd);
	return next;
}

static uint64_t read_all(const struct fixture *f, int *file_count)
{
	return read_all_from(f, 0, file_count);
}

static void check_sizes(struct fixture *f, bool zstd)
{
	struct tl_segment *segment =
		open_segment(f, (struct tl_segment_config){.max_bytes = 20000, .zstd = zstd});
	int files;

	f->next = 0;
	for (int i = 0; i < 200; i++) {
		assert_int_equal(append(f, segment, (uint32_t)random() % BATCH_ROOM), 0);
		assert_int_equal(random() % 3 ? tl_segment_sync(segment) : 0, 0);
	}
	assert_int_equal(tl_segment_close(segment), 0);
	assert_int_equal(read_all(f, &files), 200);
	assert_in_range(files, 10, 60);
	empty_folder(f->folder);
}

static void segments_of_a_size_hold_all_in_order(void **state)
{
	check_sizes(*state, false);
	check_sizes(*state, true);
}

static void segment_is_open_until_complete(void **state)
{
	struct fixture *f = *state;
	struct tl_segment *segment = open_segment(f, (struct tl_segment_config){.zstd = false});
	char names[FILES_MAX][300];

	assert_int_equal(list(f->folder, names), 0);
	assert_string_equal(tl_segment_last(segment), "");
	assert_int_equal(append(f, segment, 10), 0);
	assert_int_equal(tl_segment_sync(segment), 0);
	assert_int_equal(list(f->folder, names), 1);
	assert_non_null(strstr(names[0], ".tap.open"));
	assert_int_equal(tl_segment_rotate(segment), 0);
	assert_int_equal(list(f->folder, names), 1);
	assert_null(strstr(names[0], ".open"));
	assert_string_equal(tl_segment_last(segment), names[0]);
	assert_int_equal(tl_segment_rotate(segment), 0);
	assert_int_equal(tl_segment_close(segment), 0);
	assert_int_equal(list(f->folder, names), 1);
}

static void segment_of_an_age_is_closed(void **state)
{
	struct fixture *f = *state;
	struct tl_segment *segment =
		open_segment(f, (struct tl_segment_config){.max_age_ns = 3600 * TL_SECOND_NS});
	uint64_t now_ns = tl_clock_mono_ns();
	int files;

	assert_int_equal(tl_segment_rotate_due(segment, now_ns + 7200 * TL_SECOND_NS), 0);
	assert_int_equal(append(f, segment, 10), 0);
	assert_int_equal(tl_segment_rotate_due(segment, now_ns + 1800 * TL_SECOND_NS), 0);
	assert_int_equal(read_all(f, &files), 0);
	assert_int_equal(tl_segment_rotate_due(segment, now_ns + 7200 * TL_SECOND_NS), 0);
	assert_int_equal(read_all(f, &files), 1);
	assert_int_equal(append(f, segment, 10), 0);
	assert_int_equal(tl_segment_close(segment), 0);
	assert_int_equal(read_all(f, &files), 2);
	assert_int_equal(files, 2);
}

static void names_sort_also_when_the_clock_went_back(void **state)
{
	struct fixture *f = *state;
	char path[200];

	snprintf(path, sizeof(path), "%s/29991231T235959.999999999Z-000009.tap", f->folder);
	close(open(path, O_WRONLY | O_CREAT, 0600));
	for (int i = 0; i < 3; i++) {
		struct tl_segment *segment =
			open_segment(f, (struct tl_segment_config){.zstd = false});
		assert_int_equal(append(f, segment, 10), 0);
		assert_int_equal(tl_segment_close(segment), 0);
	}
	int files;
	assert_int_equal(read_all(f, &files), 3);
	assert_int_equal(files, 4);
}

/* --- after a crash --------------------------------------------------------- */

struct bytes {
	uint8_t *data;
	size_t len;
	size_t ends[FILES_MAX]; /* where whole appends end */
	int count;
};

static const char *only_file(const struct fixture *f, char path[512])
{
	char names[FILES_MAX][300];

	assert_int_equal(list(f->folder, names), 1);
	snprintf(path, 512, "%s/%s", f->folder, names[0]);
	return path;
}

/* A few appends as they lie in the file. */
static struct bytes some_bytes(struct fixture *f, bool zstd)
{
	struct tl_segment *segment = open_segment(f, (struct tl_segment_config){.zstd = zstd});
	struct bytes bytes = {0};
	char path[512];

	for (bytes.count = 0; bytes.count < 4; bytes.count++) {
		assert_int_equal(append(f, segment, (uint32_t)(40 * bytes.count)), 0);
		bytes.ends[bytes.count] = tl_segment_counts(segment).bytes;
	}
	assert_int_equal(tl_segment_close(segment), 0);
	bytes.len = bytes.ends[bytes.count - 1];
	bytes.data = malloc(bytes.len);
	int fd = open(only_file(f, path), O_RDONLY);
	assert_int_equal(read(fd, bytes.data, bytes.len), bytes.len);
	close(fd);
	empty_folder(f->folder);
	return bytes;
}

static void leave_open(const struct fixture *f, bool zstd, const struct bytes *bytes, size_t len,
		       size_t zeros)
{
	static const uint8_t nothing[64];
	char path[200];

	snprintf(path, sizeof(path), "%s/20200101T000000.000000000Z-000001.tap%s.open", f->folder,
		 zstd ? ".zst" : "");
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_int_equal(write(fd, bytes->data, len), len);
	assert_int_equal(write(fd, nothing, zeros), zeros);
	close(fd);
}

/* Opens and closes; the events that are there then, in one file or none. */
static uint64_t recovered(const struct fixture *f)
{
	char names[FILES_MAX][300];
	int files;

	tl_segment_close(open_segment(f, (struct tl_segment_config){.zstd = false}));
	uint64_t events = read_all(f, &files);
	assert_int_equal(files, events > 0);
	assert_int_equal(list(f->folder, names), files);
	empty_folder(f->folder);
	return events;
}

static void check_torn(struct fixture *f, bool zstd)
{
	f->next = 0;
	struct bytes bytes = some_bytes(f, zstd);

	for (size_t len = 0; len <= bytes.len; len++) {
		uint64_t whole = 0;
		while (whole < (uint64_t)bytes.count && bytes.ends[whole] <= len) {
			whole++;
		}
		leave_open(f, zstd, &bytes, len, 0);
		assert_int_equal(recovered(f), whole);
		leave_open(f, zstd, &bytes, len, 64);
		assert_true(recovered(f) == whole);
	}
	free(bytes.data);
}

static void torn_anywhere_is_closed_after_the_last_whole_append(void **state)
{
	check_torn(*state, false);
	check_torn(*state, true);
}

/* Pages that never reached the disk are zeros, within the length. */
static void lost_page_is_found(void **state)
{
	struct fixture *f = *state;

	for (int zstd = 0; zstd < 2; zstd++) {
		f->next = 0;
		struct bytes bytes = some_bytes(f, zstd);
		size_t from = bytes.ends[1];
		memset(bytes.data + from + 5, 0, bytes.ends[2] - from - 5);
		leave_open(f, zstd, &bytes, bytes.len, 0);
		assert_int_equal(recovered(f), 2);
		free(bytes.data);
	}
}

static void what_is_not_ours_stays(void **state)
{
	struct fixture *f = *state;
	static const char *const others[] = {
		"notes.tap.open",
		"20200101T000000.000000000Z-000001.txt.open",
		"20200101T000000.000000000-000001.tap",
		"checkpoint",
	};
	char path[200];
	char names[FILES_MAX][300];
	int files;

	for (unsigned int i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%s", f->folder, others[i]);
		close(open(path, O_WRONLY | O_CREAT, 0600));
	}
	/* Not a file, and nothing to wait for. */
	snprintf(path, sizeof(path), "%s/20200101T000000.000000000Z-000001.tap.open", f->folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	tl_segment_close(open_segment(f, (struct tl_segment_config){.zstd = false}));
	assert_int_equal(list(f->folder, names), 5);
	assert_int_equal(read_all(f, &files), 0);
	assert_int_equal(files, 0);
}

/* --- a disk that is full or fails ------------------------------------------ */

static void set_file_limit(rlim_t bytes)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void check_full(struct fixture *f, bool zstd)
{
	struct tl_segment *segment = open_segment(f, (struct tl_segment_config){.zstd = zstd});
	char path[512];
	struct stat st;
	int refused = 0;
	int files;

	f->next = 0;
	set_file_limit(zstd ? 1000 : 9000);
	for (int i = 0; i < 40; i++) {
		int err = append(f, segment, (uint32_t)random() % BATCH_ROOM);
		refused += err < 0;
		assert_true(err == 0 || err == -EFBIG);
		assert_int_equal(tl_segment_sync(segment), 0);
		assert_int_equal(stat(only_file(f, path), &st), 0);
		assert_int_equal(st.st_size, tl_segment_counts(segment).bytes);
	}
	assert_true(refused > 0 && f->next > 0);
	set_file_limit(RLIM_INFINITY);
	assert_int_equal(append(f, segment, 100), 0);
	assert_int_equal(tl_segment_close(segment), 0);
	assert_int_equal(read_all(f, &files), f->next);
	assert_int_equal(files, 1);
	empty_folder(f->folder);
}

static void append_to_a_full_disk_leaves_nothing(void **state)
{
	check_full(*state, false);
	check_full(*state, true);
}

static void first_append_to_a_full_disk_leaves_no_file(void **state)
{
	struct fixture *f = *state;
	struct tl_segment *segment = open_segment(f, (struct tl_segment_config){.zstd = false});
	char names[FILES_MAX][300];

	set_file_limit(10);
	assert_int_equal(append(f, segment, 1000), -EFBIG);
	set_file_limit(RLIM_INFINITY);
	assert_int_equal(tl_segment_close(segment), 0);
	assert_int_equal(list(f->folder, names), 0);
}

static void failed_sync_takes_back_what_was_not_synced(void **state)
{
	struct fixture *f = *state;
	struct tl_segment *segment = open_segment(f, (struct tl_segment_config){.zstd = false});
	int files;

	for (int round = 0; round < 5; round++) {
		assert_int_equal(append(f, segment, 100), 0);
		assert_int_equal(tl_segment_sync(segment), 0);
		uint64_t before = f->next;
		assert_int_equal(append(f, segment, 300), 0);
		assert_int_equal(append(f, segment, 200), 0);
		sync_failures = 1;
		assert_int_equal(tl_segment_sync(segment), -EIO);
		assert_int_equal(tl_segment_sync(segment), 0);
		f->next = before; /* they come again */
		assert_int_equal(append(f, segment, 300), 0);
		assert_int_equal(tl_segment_sync(segment), 0);
	}
	assert_int_equal(tl_segment_close(segment), 0);
	assert_int_equal(read_all(f, &files), f->next);
	assert_int_equal(files, 6);
}

static void failed_sync_of_all_leaves_the_file_to_the_next_start(void **state)
{
	struct fixture *f = *state;
	struct tl_segment *segment = open_segment(f, (struct tl_segment_config){.zstd = false});
	int files;

	assert_int_equal(append(f, segment, 100), 0);
	assert_int_equal(tl_segment_sync(segment), 0);
	assert_int_equal(append(f, segment, 300), 0);
	sync_failures = 2; /* that of completing it too */
	assert_int_equal(tl_segment_sync(segment), -EIO);
	f->next = 1;
	assert_int_equal(append(f, segment, 300), 0);
	assert_int_equal(tl_segment_close(segment), 0);
	/* The second file was complete first. */
	assert_int_equal(read_all_from(f, 1, &files), 2);
	assert_int_equal(files, 1);
	tl_segment_close(open_segment(f, (struct tl_segment_config){.zstd = false}));
	assert_int_equal(read_all(f, &files), 2);
	assert_int_equal(files, 2);
}

/* --- opening ---------------------------------------------------------------- */

static void folder_has_one_writer(void **state)
{
	struct fixture *f = *state;
	struct tl_segment *segment = open_segment(f, (struct tl_segment_config){.zstd = false});
	struct tl_segment *second = 0;
	struct tl_segment_config config = {.folder = f->folder};

	assert_int_equal(tl_segment_open(&second, &config), -EBUSY);
	assert_null(second);
	assert_int_equal(tl_segment_close(segment), 0);
	assert_int_equal(tl_segment_open(&second, &config), 0);
	assert_int_equal(tl_segment_close(second), 0);
	assert_int_equal(tl_segment_close(0), 0);
}

static void folder_is_made_or_refused(void **state)
{
	struct fixture *f = *state;
	struct tl_segment *segment = 0;
	char path[200];
	struct tl_segment_config config = {.folder = path};

	snprintf(path, sizeof(path), "%s/no/such", f->folder);
	assert_int_equal(tl_segment_open(&segment, &config), -EINVAL);
	snprintf(path, sizeof(path), "%s/file", f->folder);
	close(open(path, O_WRONLY | O_CREAT, 0600));
	assert_int_equal(tl_segment_open(&segment, &config), -EINVAL);
	snprintf(path, sizeof(path), "%s/new", f->folder);
	assert_int_equal(tl_segment_open(&segment, &config), 0);
	assert_int_equal(tl_segment_close(segment), 0);
	assert_int_equal(rmdir(path), 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up_folder, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(segments_of_a_size_hold_all_in_order),
		CASE(segment_is_open_until_complete),
		CASE(segment_of_an_age_is_closed),
		CASE(names_sort_also_when_the_clock_went_back),
		CASE(torn_anywhere_is_closed_after_the_last_whole_append),
		CASE(lost_page_is_found),
		CASE(what_is_not_ours_stays),
		CASE(append_to_a_full_disk_leaves_nothing),
		CASE(first_append_to_a_full_disk_leaves_no_file),
		CASE(failed_sync_takes_back_what_was_not_synced),
		CASE(failed_sync_of_all_leaves_the_file_to_the_next_start),
		CASE(folder_has_one_writer),
		CASE(folder_is_made_or_refused),
	};

	return cmocka_run_group_tests(tests, 0, 0);
}
