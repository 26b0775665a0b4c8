/* SPDX-License-Identifier: BSD-2-Clause */
/* common/hop: batches through files, pipes and ipc, and what is between them that is none. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../common/batch.h"
#include "../../common/clock.h"
#include "../../common/hop.h"

#define DEADLINE_NS (20 * TL_SECOND_NS)

enum { HEAD_LEN = 14 }; /* map, "v", "size": what a batch is found by */

static char folder[256];
static struct tl_shapes *shapes;
static struct tl_wire_reader *reader;

static int setup(void **state)
{
	(void)state;
	const char *tmp = getenv("TMPDIR");

	signal(SIGPIPE, SIG_IGN);
	snprintf(folder, sizeof(folder), "%s/tl-hop-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(folder) || tl_shapes_create(&shapes) < 0 ||
	    tl_wire_reader_create(&reader) < 0) {
		return -1;
	}
	return tl_shapes_intern(shapes, TL_STR("t"), 0, 0, 0, 0) == 1 ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	char path[300];

	snprintf(path, sizeof(path), "%s/file", folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/socket", folder);
	unlink(path);
	tl_shapes_destroy(shapes);
	tl_wire_reader_destroy(reader);
	return rmdir(folder);
}

static const char *place(const char *scheme, const char *name)
{
	static char text[300];
	snprintf(text, sizeof(text), "%s%s/%s", scheme, folder, name);
	return text;
}

/* A batch numbered `first`, of `count` events. */
static struct tl_msg *batch_of(uint64_t first, uint32_t count)
{
	struct tl_batch_head head = {
		.first = first,
		.after = first,
		.source = TL_STR("s"),
		.host = TL_STR("h"),
		.iface = TL_STR("i"),
	};
	struct tl_batch_writer w;
	struct tl_msg *msg;

	tl_batch_init(&w, shapes);
	for (uint32_t i = 0; i < count; i++) {
		uint8_t *start = tl_batch_reserve(&w, 32);
		uint8_t *p = tl_mp_put_uint(tl_mp_put_array(start, 2), 1);
		p = tl_mp_put_time(p, i);
		tl_batch_commit(&w, 1, (uint32_t)(p - start));
	}
	assert_int_equal(tl_batch_finish(&w, &head, &msg), 0);
	return msg;
}

/* Checks a received message and frees it; the number of its first event. */
static uint64_t take(struct tl_msg *msg)
{
	struct tl_batch batch;

	assert_int_equal(tl_wire_read(reader, msg->data, msg->len, &batch, 0), 0);
	tl_msg_free(msg);
	return batch.head.first;
}

static struct tl_hop_in *open_in(const char *name)
{
	static const struct tl_hop_config config = {0};
	struct tl_hop_in *in = 0;
	assert_int_equal(tl_hop_open_in(&in, name, &config), 0);
	return in;
}

static struct tl_hop_out *open_out(const char *name)
{
	static const struct tl_hop_config config = {0};
	struct tl_hop_out *out = 0;
	assert_int_equal(tl_hop_open_out(&out, name, &config), 0);
	return out;
}

static void expect_numbers(struct tl_hop_in *in, const uint64_t *firsts, unsigned int count)
{
	struct tl_msg *msg;

	for (unsigned int i = 0; i < count; i++) {
		assert_int_equal(tl_hop_recv(in, &msg, DEADLINE_NS), 1);
		assert_true(take(msg) == firsts[i]);
	}
}

static void expect_end(struct tl_hop_in *in)
{
	struct tl_msg *msg;
	assert_int_equal(tl_hop_recv(in, &msg, DEADLINE_NS), 0);
	assert_int_equal(tl_hop_recv(in, &msg, DEADLINE_NS), 0);
}

/* --- files ------------------------------------------------------------------------- */

static FILE *create_file(void)
{
	FILE *file = fopen(place("", "file"), "wb");
	assert_non_null(file);
	return file;
}

static uint32_t write_batch(FILE *file, uint64_t first, uint32_t count)
{
	struct tl_msg *msg = batch_of(first, count);
	uint32_t len = (uint32_t)msg->len;
	fwrite(msg->data, 1, len, file);
	tl_msg_free(msg);
	return len;
}

static void batches_through_a_file_come_back(void **state)
{
	(void)state;
	struct tl_hop_out *out = open_out(place("", "file"));
	uint64_t firsts[100];
	uint64_t bytes = 0;

	for (uint64_t i = 0; i < 100; i++) {
		struct tl_msg *msg = batch_of(i, (uint32_t)i * 200);
		bytes += msg->len;
		firsts[i] = i;
		assert_int_equal(tl_hop_send(out, msg, DEADLINE_NS), 0);
	}
	tl_hop_drain(out, DEADLINE_NS);
	tl_hop_close_out(out);
	struct tl_hop_in *in = open_in(place("", "file"));
	assert_false(tl_hop_in_is_url(in));
	expect_numbers(in, firsts, 100);
	expect_end(in);
	struct tl_hop_counts counts = tl_hop_in_counts(in);
	assert_int_equal(counts.messages, 100);
	assert_int_equal(counts.bytes, bytes);
	assert_int_equal(counts.skipped_bytes, 0);
	assert_int_equal(counts.truncated_batches, 0);
	tl_hop_close_in(in);
}

static uint32_t write_garbage(FILE *file)
{
	/* what looks like a beginning: a map, the first keys, too big a size */
	static const uint8_t almost[] = {0x8c, 0xa1, 'v',  1,	 0xa4, 's',  'i',
					 'z',  'e',  0xce, 0xff, 0xff, 0xff, 0xff};
	uint32_t len = (uint32_t)random() % 500;

	for (uint32_t i = 0; i < len; i++) {
		fputc((int)(random() & 0xff), file);
	}
	fwrite(almost, 1, sizeof(almost), file);
	fwrite(almost, 1, 9, file);
	return len + sizeof(almost) + 9;
}

static void garbage_between_batches_is_skipped_and_counted(void **state)
{
	(void)state;
	FILE *file = create_file();
	uint64_t firsts[50];
	uint64_t garbage = 0;

	for (uint64_t i = 0; i < 50; i++) {
		garbage += write_garbage(file);
		firsts[i] = i;
		write_batch(file, i, 20);
	}
	garbage += write_garbage(file);
	fclose(file);
	struct tl_hop_in *in = open_in(place("", "file"));
	expect_numbers(in, firsts, 50);
	expect_end(in);
	assert_int_equal(tl_hop_in_counts(in).messages, 50);
	assert_int_equal(tl_hop_in_counts(in).skipped_bytes, garbage);
	assert_int_equal(tl_hop_in_counts(in).truncated_batches, 0);
	tl_hop_close_in(in);
}

static void file_cut_at_every_byte_gives_the_whole_batches(void **state)
{
	(void)state;
	FILE *file = create_file();
	uint32_t one = write_batch(file, 0, 2);
	uint32_t both = one + write_batch(file, 1, 3);
	static const uint64_t firsts[] = {0, 1};
	fclose(file);

	for (uint32_t len = both; len-- > 0;) {
		assert_int_equal(truncate(place("", "file"), len), 0);
		struct tl_hop_in *in = open_in(place("", "file"));
		expect_numbers(in, firsts, len >= one);
		expect_end(in);
		uint32_t rest = len >= one ? len - one : len;
		assert_int_equal(tl_hop_in_counts(in).skipped_bytes, rest);
		assert_int_equal(tl_hop_in_counts(in).truncated_batches, rest >= HEAD_LEN);
		tl_hop_close_in(in);
	}
}

/* A recording gone on with after a kill: `>>` behind a batch that was cut. */
static void batches_after_one_that_was_cut_are_found(void **state)
{
	(void)state;
	static const uint64_t firsts[] = {1, 2, 3};
	FILE *file = create_file();
	uint32_t cut = write_batch(file, 0, 500) - 40;

	fflush(file);
	assert_int_equal(ftruncate(fileno(file), cut), 0);
	fseek(file, 0, SEEK_END);
	write_batch(file, 1, 1);
	write_batch(file, 2, 20000);
	write_batch(file, 3, 1);
	fclose(file);
	struct tl_hop_in *in = open_in(place("", "file"));
	struct tl_msg *msg;
	struct tl_batch batch;
	/* By its size the cut one takes the next ones' bytes with it: the reader refuses it. */
	assert_int_equal(tl_hop_recv(in, &msg, DEADLINE_NS), 1);
	assert_int_equal(tl_wire_read(reader, msg->data, msg->len, &batch, 0), -EBADMSG);
	tl_msg_free(msg);
	assert_int_equal(tl_hop_recv(in, &msg, DEADLINE_NS), 1);
	assert_true(take(msg) >= firsts[1]);
	tl_hop_close_in(in);

	/* And when the file ends before that size is there, what it holds is searched. */
	file = create_file();
	cut = write_batch(file, 0, 20000) / 2;
	fflush(file);
	assert_int_equal(ftruncate(fileno(file), cut), 0);
	fseek(file, 0, SEEK_END);
	write_batch(file, 1, 1);
	write_batch(file, 2, 10);
	write_batch(file, 3, 1);
	fclose(file);
	in = open_in(place("", "file"));
	expect_numbers(in, firsts, 3);
	expect_end(in);
	assert_int_equal(tl_hop_in_counts(in).truncated_batches, 1);
	assert_int_equal(tl_hop_in_counts(in).skipped_bytes, cut);
	tl_hop_close_in(in);
}

static void empty_file_is_an_end(void **state)
{
	(void)state;
	fclose(create_file());
	struct tl_hop_in *in = open_in(place("", "file"));
	expect_end(in);
	tl_hop_close_in(in);
}

/* --- pipes ------------------------------------------------------------------------- */

struct pipe_ends {
	int fds[2];
	char in[32], out[32]; /* as places */
};

static struct pipe_ends open_pipe(void)
{
	struct pipe_ends p;
	assert_int_equal(pipe2(p.fds, O_CLOEXEC), 0);
	snprintf(p.in, sizeof(p.in), "/dev/fd/%d", p.fds[0]);
	snprintf(p.out, sizeof(p.out), "/dev/fd/%d", p.fds[1]);
	return p;
}

static void pipe_that_trickles_gives_a_batch_when_it_is_whole(void **state)
{
	(void)state;
	struct pipe_ends p = open_pipe();
	struct tl_hop_in *in = open_in(p.in);
	struct tl_msg *sent = batch_of(7, 3);
	struct tl_msg *msg;

	for (size_t i = 0; i < sent->len; i++) {
		assert_int_equal(tl_hop_recv(in, &msg, 0), -ETIMEDOUT);
		assert_int_equal(write(p.fds[1], sent->data + i, 1), 1);
	}
	expect_numbers(in, &(uint64_t){7}, 1);
	assert_int_equal(tl_hop_recv(in, &msg, TL_MS_NS), -ETIMEDOUT);
	close(p.fds[1]);
	expect_end(in);
	tl_msg_free(sent);
	tl_hop_close_in(in);
	close(p.fds[0]);
}

static void *send_many(void *arg)
{
	struct tl_hop_out *out = open_out(arg);

	for (uint64_t i = 0; i < 200; i++) {
		struct tl_msg *msg = batch_of(i, (uint32_t)(i * 7919 % 20000));
		assert_int_equal(tl_hop_send(out, msg, DEADLINE_NS), 0);
	}
	tl_hop_drain(out, DEADLINE_NS);
	tl_hop_close_out(out);
	return 0;
}

static void check_many(struct tl_hop_in *in, const char *out)
{
	pthread_t thread;
	uint64_t firsts[200];

	for (uint64_t i = 0; i < 200; i++) {
		firsts[i] = i;
	}
	assert_int_equal(pthread_create(&thread, 0, send_many, (void *)out), 0);
	expect_numbers(in, firsts, 200);
	pthread_join(thread, 0);
	assert_int_equal(tl_hop_in_counts(in).skipped_bytes, 0);
}

static void batches_of_any_size_through_a_pipe_come_back(void **state)
{
	(void)state;
	struct pipe_ends p = open_pipe();
	struct tl_hop_in *in = open_in(p.in);

	check_many(in, p.out);
	close(p.fds[1]);
	expect_end(in);
	tl_hop_close_in(in);
	close(p.fds[0]);
}

static void send_to_a_full_pipe_times_out_and_goes_on_where_it_was(void **state)
{
	(void)state;
	struct pipe_ends p = open_pipe();
	struct tl_hop_out *out = open_out(p.out);
	struct tl_hop_in *in = open_in(p.in);
	struct tl_msg *big = batch_of(1, 20000);
	struct tl_msg *got;
	int sent = 0;

	fcntl(p.fds[1], F_SETPIPE_SZ, 4096);
	assert_int_equal(tl_hop_send(out, big, 0), -ETIMEDOUT);
	for (int i = 0; i < 100000 && sent == 0; i++) {
		int err = tl_hop_send(out, big, 0);
		assert_true(err == 0 || err == -ETIMEDOUT);
		if (err == 0) {
			sent = 1;
			break;
		}
		assert_int_equal(tl_hop_recv(in, &got, 0), -ETIMEDOUT);
	}
	assert_int_equal(sent, 1);
	expect_numbers(in, &(uint64_t){1}, 1);
	tl_hop_close_out(out);
	tl_hop_close_in(in);
	close(p.fds[0]);
	close(p.fds[1]);
}

static void send_to_a_reader_that_has_gone_says_epipe(void **state)
{
	(void)state;
	struct pipe_ends p = open_pipe();
	struct tl_hop_out *out = open_out(p.out);
	struct tl_msg *msg = batch_of(1, 10);

	close(p.fds[0]);
	assert_int_equal(tl_hop_send(out, msg, DEADLINE_NS), -EPIPE);
	tl_msg_free(msg);
	tl_hop_close_out(out);
	close(p.fds[1]);
}

/* --- ipc ------------------------------------------------------------------------------ */

static void batches_through_ipc_come_back_in_order(void **state)
{
	(void)state;
	struct tl_hop_in *in = open_in(place("ipc://", "socket"));
	struct stat st;
	char url[300];

	assert_true(tl_hop_in_is_url(in));
	assert_int_equal(stat(place("", "socket"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	snprintf(url, sizeof(url), "%s", place("ipc://", "socket"));
	check_many(in, url);
	tl_hop_close_in(in);
}

static struct tl_msg *garbage_message(size_t len)
{
	struct tl_msg *msg = tl_msg_new(len);
	memset(msg->memory, 0x8c, len);
	msg->len = len;
	return msg;
}

static void message_that_is_no_batch_is_skipped_and_counted(void **state)
{
	(void)state;
	struct tl_hop_in *in = open_in(place("ipc://", "socket"));
	struct tl_hop_out *out = open_out(place("ipc://", "socket"));
	struct tl_msg *longer = batch_of(5, 3);

	assert_int_equal(tl_hop_send(out, garbage_message(100), DEADLINE_NS), 0);
	assert_int_equal(tl_hop_send(out, garbage_message(0), DEADLINE_NS), 0);
	longer->len--;
	assert_int_equal(tl_hop_send(out, longer, DEADLINE_NS), 0);
	assert_int_equal(tl_hop_send(out, batch_of(6, 3), DEADLINE_NS), 0);
	expect_numbers(in, &(uint64_t){6}, 1);
	assert_true(tl_hop_in_counts(in).skipped_bytes > 100);
	assert_int_equal(tl_hop_in_counts(in).messages, 1);
	tl_hop_close_out(out);
	tl_hop_close_in(in);
}

static void producer_may_come_before_the_consumer(void **state)
{
	(void)state;
	struct tl_hop_out *out = open_out(place("ipc://", "socket"));
	struct tl_msg *msg = batch_of(1, 3);

	assert_int_equal(tl_hop_send(out, msg, TL_MS_NS), -ETIMEDOUT);
	struct tl_hop_in *in = open_in(place("ipc://", "socket"));
	assert_int_equal(tl_hop_send(out, msg, DEADLINE_NS), 0);
	expect_numbers(in, &(uint64_t){1}, 1);
	tl_hop_close_out(out);
	tl_hop_close_in(in);
}

/* Somebody removed the socket, or the listener stopped: it comes back by itself. */
static void consumer_can_be_found_again(void **state)
{
	(void)state;
	struct tl_hop_in *in = open_in(place("ipc://", "socket"));
	const char *path = place("", "socket");
	uint64_t start = tl_clock_mono_ns();
	struct tl_msg *none;

	assert_int_equal(unlink(path), 0);
	while (access(path, F_OK) != 0 && tl_clock_mono_ns() - start < DEADLINE_NS) {
		assert_int_equal(tl_hop_recv(in, &none, 50 * TL_MS_NS), -ETIMEDOUT);
	}
	struct tl_hop_out *out = open_out(place("ipc://", "socket"));
	assert_int_equal(tl_hop_send(out, batch_of(1, 3), DEADLINE_NS), 0);
	expect_numbers(in, &(uint64_t){1}, 1);
	tl_hop_close_out(out);
	tl_hop_close_in(in);
}

/* --- places ------------------------------------------------------------------------- */

static void place_that_cannot_be_opened_is_refused(void **state)
{
	(void)state;
	static const struct tl_hop_config safe = {0};
	struct tl_hop_in *in = 0;
	struct tl_hop_out *out = 0;

	assert_int_equal(tl_hop_open_in(&in, "http://127.0.0.1/", &safe), -EINVAL);
	assert_int_equal(tl_hop_open_in(&in, "tcp://0.0.0.0:9", &safe), -EINVAL);
	assert_int_equal(tl_hop_open_in(&in, "tcp://127.0.0.1", &safe), -EINVAL);
	assert_int_equal(tl_hop_open_in(&in, "tcp://localhost", &safe), -EINVAL);
	assert_int_equal(tl_hop_open_in(&in, "tcp://[::1]", &safe), -EINVAL);
	assert_int_equal(tl_hop_open_out(&out, "tcp://localhost:", &safe), -EINVAL);
	assert_int_equal(tl_hop_open_out(&out, "tcp://192.0.2.1:9", &safe), -EINVAL);
	assert_int_equal(tl_hop_open_in(&in, place("", "missing"), &safe), -ENOENT);
	assert_int_equal(tl_hop_open_in(&in, folder, &safe), -EISDIR);
	assert_int_equal(tl_hop_open_out(&out, folder, &safe), -EISDIR);
	assert_int_equal(tl_hop_open_out(&out, place("", "no/such/folder"), &safe), -ENOENT);
	assert_null(in);
	assert_null(out);
	tl_hop_close_in(0);
	tl_hop_close_out(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(batches_through_a_file_come_back),
		cmocka_unit_test(garbage_between_batches_is_skipped_and_counted),
		cmocka_unit_test(file_cut_at_every_byte_gives_the_whole_batches),
		cmocka_unit_test(batches_after_one_that_was_cut_are_found),
		cmocka_unit_test(empty_file_is_an_end),
		cmocka_unit_test(pipe_that_trickles_gives_a_batch_when_it_is_whole),
		cmocka_unit_test(batches_of_any_size_through_a_pipe_come_back),
		cmocka_unit_test(send_to_a_full_pipe_times_out_and_goes_on_where_it_was),
		cmocka_unit_test(send_to_a_reader_that_has_gone_says_epipe),
		cmocka_unit_test(batches_through_ipc_come_back_in_order),
		cmocka_unit_test(message_that_is_no_batch_is_skipped_and_counted),
		cmocka_unit_test(producer_may_come_before_the_consumer),
		cmocka_unit_test(consumer_can_be_found_again),
		cmocka_unit_test(place_that_cannot_be_opened_is_refused),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
