/* SPDX-License-Identifier: BSD-2-Clause */
/* common/file: what is read is what was written, in whatever parts the kernel does it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

/* A kernel that does a part of it at a time, interrupted now and then. */
static bool in_parts;

static bool is_interrupted(size_t *len)
{
	if (!in_parts) {
		return false;
	}
	*len = *len > 0 ? 1 + (size_t)random() % *len : 0;
	errno = EINTR;
	return random() % 3 == 0;
}

static ssize_t read_some(int fd, void *bytes, size_t len)
{
	return is_interrupted(&len) ? -1 : read(fd, bytes, len);
}

static ssize_t pwrite_some(int fd, const void *bytes, size_t len, off_t offset)
{
	return is_interrupted(&len) ? -1 : pwrite(fd, bytes, len, offset);
}

#define read   read_some
#define pwrite pwrite_some
#include "../../common/file.c"
#undef read
#undef pwrite

enum { ROOM = 5000 };

static uint8_t wrote[ROOM], got[ROOM];

static int new_file(void)
{
	int fd = memfd_create("file", MFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void what_is_written_is_read_again(void **state)
{
	(void)state;
	in_parts = true;
	for (unsigned int round = 0; round < 200; round++) {
		size_t len = (size_t)random() % ROOM;
		size_t first = len > 0 ? (size_t)random() % len : 0;
		uint64_t at = 0;
		int fd = new_file();

		for (size_t i = 0; i < len; i++) {
			wrote[i] = (uint8_t)random();
		}
		assert_int_equal(tl_file_write(fd, wrote, first, &at), 0);
		assert_int_equal(at, first);
		assert_int_equal(tl_file_write(fd, wrote + first, len - first, &at), 0);
		assert_int_equal(at, len);
		assert_int_equal(tl_file_read_exactly(fd, got, first), 0);
		assert_memory_equal(got, wrote, first);
		assert_int_equal(tl_file_read(fd, got, ROOM), len - first);
		assert_memory_equal(got, wrote + first, len - first);
		assert_int_equal(tl_file_read_exactly(fd, got, 1), -EBADMSG);
		assert_int_equal(tl_file_read(fd, got, 1), 0);
		close(fd);
	}
	in_parts = false;
}

static void no_more_is_read_than_there_is_room_for(void **state)
{
	(void)state;
	uint64_t at = 0;
	int fd = new_file();

	memset(got, 0, sizeof(got));
	assert_int_equal(tl_file_write(fd, "abcdef", 6, &at), 0);
	assert_int_equal(tl_file_read(fd, got, 4), 4);
	assert_memory_equal(got, "abcd\0", 5);
	close(fd);
}

static void failure_is_told(void **state)
{
	(void)state;
	uint64_t at = 7;

	assert_int_equal(tl_file_read(-1, got, 1), -EBADF);
	assert_int_equal(tl_file_read_exactly(-1, got, 1), -EBADF);
	assert_int_equal(tl_file_write(-1, wrote, 1, &at), -EBADF);
	assert_int_equal(at, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_again),
		cmocka_unit_test(no_more_is_read_than_there_is_room_for),
		cmocka_unit_test(failure_is_told),
	};

	return cmocka_run_group_tests(tests, 0, 0);
}
