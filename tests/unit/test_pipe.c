/* SPDX-License-Identifier: BSD-2-Clause */
/* common/pipe: what is written arrives, and nobody is held up by a reader who does not read. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../common/clock.h"
#include "../../common/pipe.h"

enum { TOTAL = 3 << 20 };

static uint8_t sent[TOTAL], got[TOTAL];

/* Reads some of it, as it comes; never waits. */
static size_t drain(int fd, size_t at)
{
	size_t room = 1 + (size_t)random() % (512 << 10);
	ssize_t len = read(fd, got + at, room < TOTAL - at ? room : TOTAL - at);

	return at + (len > 0 ? (size_t)len : 0);
}

/* It has no room at times, and is never waited for: a write that blocks is a failure. */
static void send_through(const int ends[2], bool whole)
{
	size_t done = 0, arrived = 0;
	unsigned int full = 0;

	memset(got, 0, sizeof(got));
	assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	while (arrived < TOTAL) {
		size_t portion = whole ? TL_PIPE_PORTION : 1 + (size_t)random() % TL_PIPE_PORTION;
		ssize_t wrote = tl_pipe_write(ends[1], sent + done, TOTAL - done, portion, 0);
		assert_in_range(wrote, 0, portion);
		done += (size_t)wrote;
		full += wrote == 0;
		if (wrote == 0 || done == TOTAL) {
			arrived = drain(ends[0], arrived);
		}
	}
	assert_true(full > 0);
	assert_memory_equal(sent, got, TOTAL);
	close(ends[0]);
	assert_int_equal(tl_pipe_write(ends[1], sent, 1, 1, UINT64_MAX), -EPIPE);
	close(ends[1]);
}

static void all_of_it_arrives_whatever_the_room(void **state)
{
	(void)state;
	int ends[2];

	for (unsigned int i = 0; i < TOTAL; i++) {
		sent[i] = (uint8_t)random();
	}
	for (unsigned int i = 0; i < 4; i++) {
		assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
		assert_true(i % 2 || tl_pipe_prepare(ends[1]));
		send_through(ends, i < 2);
	}
}

static void full_pipe_is_waited_for_until_the_deadline(void **state)
{
	(void)state;
	int ends[2];
	uint64_t deadline = 0;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	while (tl_pipe_write(ends[1], sent, TOTAL, TL_PIPE_PORTION, 0) > 0) {
	}
	deadline = tl_clock_deadline_ns(30 * TL_MS_NS);
	assert_int_equal(tl_pipe_write(ends[1], sent, 1, 1, deadline), 0);
	assert_true(tl_clock_mono_ns() >= deadline);
	close(ends[0]);
	close(ends[1]);
}

static void file_takes_it_all_at_once(void **state)
{
	(void)state;
	int fd = memfd_create("file", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_false(tl_pipe_prepare(fd));
	assert_int_equal(tl_pipe_write(fd, sent, TOTAL, TOTAL, 0), TOTAL);
	assert_int_equal(pread(fd, got, TOTAL, 0), TOTAL);
	assert_memory_equal(sent, got, TOTAL);
	close(fd);
	assert_int_equal(tl_pipe_write(fd, sent, 1, 1, 0), -EBADF);
	assert_false(tl_pipe_prepare(fd));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_of_it_arrives_whatever_the_room),
		cmocka_unit_test(full_pipe_is_waited_for_until_the_deadline),
		cmocka_unit_test(file_takes_it_all_at_once),
	};

	signal(SIGPIPE, SIG_IGN);
	alarm(60); /* for a write that blocks */
	return cmocka_run_group_tests(tests, 0, 0);
}
