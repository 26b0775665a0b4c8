/* SPDX-License-Identifier: BSD-2-Clause */
/* tools/eve-tail/tail: places of every kind, where it begins, and what the checkpoint decides. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <zstd.h>

#include <cmocka.h>

#include "../../common/clock.h"
#include "../../common/log.h"
#include "../../tools/eve-tail/tail.h"

enum { SEEN_MAX = 4096 };

static char folder[256];
static uint64_t now_ns;

/* What was handed out: "text" of a line, "text!" when it was cut, "$" for an end. */
static char *seen[SEEN_MAX];
static struct tail_line seen_lines[SEEN_MAX];
static size_t seen_count;

static uint64_t test_now(void *context)
{
	(void)context;
	return now_ns;
}

static const char *in(const char *name)
{
	static char paths[8][400];
	static int at;

	at = (at + 1) % 8;
	snprintf(paths[at], sizeof(paths[at]), "%s/%s", folder, name);
	return paths[at];
}

/* As long as the test. */
static const char *point(void)
{
	static char name[300];

	snprintf(name, sizeof(name), "%s/point", folder);
	return name;
}

static void add_to(const char *name, const char *text)
{
	int fd = open(in(name), O_WRONLY | O_CREAT | O_APPEND, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static struct tail_config config_of(const char *place)
{
	static char places[8][460];
	static int at;

	at = (at + 1) % 8;
	snprintf(places[at], sizeof(places[at]), "%s", place);
	return (struct tail_config){
		.places = {places[at]},
		.place_count = 1,
		.rotate_wait_ns = TAIL_ROTATE_WAIT_NS,
		.now_ns = test_now,
		.machine_id = "here",
	};
}

static void forget_seen(void)
{
	for (size_t i = 0; i < seen_count; i++) {
		free(seen[i]);
	}
	seen_count = 0;
}

static void note(const struct tail_line *line)
{
	bool end = line->flags & TAIL_LINE_END;

	assert_true(seen_count < SEEN_MAX);
	int len =
		asprintf(&seen[seen_count], "%.*s%s", (int)line->len, line->data ? line->data : "",
			 end			       ? "$"
			 : line->flags & TAIL_LINE_CUT ? "!"
						       : "");
	assert_true(len >= 0);
	seen_lines[seen_count++] = *line;
}

/* All there is for now, as time goes on for `ns`. What tail_next said at last. */
static int read_for(struct tail *tail, uint64_t ns)
{
	struct tail_line line;
	int got = 0;

	for (uint64_t end_ns = now_ns + ns; got >= 0 && now_ns <= end_ns;
	     now_ns += 250 * TL_MS_NS) {
		for (int idle = 0; idle < 4 && got >= 0;) {
			got = tail_next(tail, &line, 0);
			idle = got > 0 ? 0 : idle + 1;
			if (got > 0) {
				note(&line);
			}
		}
	}
	return got;
}

static void expect(const char *const *texts)
{
	for (size_t i = 0; texts[i] || i < seen_count; i++) {
		if (!texts[i] || i >= seen_count || strcmp(texts[i], seen[i]) != 0) {
			fail_msg("line %zu is '%s', not '%s'", i, i < seen_count ? seen[i] : "",
				 texts[i] ? texts[i] : "none");
		}
	}
}

#define EXPECT(...) expect((const char *const[]){__VA_ARGS__, 0})

static void acknowledge_all(struct tail *tail)
{
	for (size_t i = 0; i < seen_count; i++) {
		struct tail_file *file = seen_lines[i].file;
		uint64_t *number = file->user;
		if (!number) {
			number = malloc(sizeof(*number));
			*number = file->next_number;
			file->user = number;
		}
		if (seen_lines[i].flags & TAIL_LINE_END) {
			free(number);
			tail_finish(tail, file);
		} else {
			tail_safe(tail, file, seen_lines[i].behind, ++*number);
		}
	}
}

static void free_numbers(void)
{
	for (size_t i = 0; i < seen_count; i++) {
		if (!(seen_lines[i].flags & TAIL_LINE_END)) {
			free(seen_lines[i].file->user);
			seen_lines[i].file->user = 0;
		}
	}
}

static struct tail *open_tail(const struct tail_config *config)
{
	struct tail *tail = 0;

	assert_int_equal(tail_open(&tail, config), 0);
	return tail;
}

/* A run that reads what there is, acknowledges it if told to, and stops. */
static void run(const struct tail_config *config, bool acknowledge)
{
	struct tail *tail = open_tail(config);

	forget_seen();
	read_for(tail, TL_SECOND_NS);
	if (acknowledge) {
		acknowledge_all(tail);
		free_numbers();
	}
	assert_int_equal(tail_close(tail), 0);
}

/* --- once -------------------------------------------------------------------- */

static void once_without_checkpoint_all_and_ends(void **state)
{
	struct tail_config config = config_of(in("a*.json"));

	(void)state;
	config.once = true;
	add_to("a1.json", "one\ntwo\nthr");
	add_to("a2.json", "four\n");
	struct tail *tail = open_tail(&config);
	forget_seen();
	assert_int_equal(read_for(tail, TL_SECOND_NS), -ENOENT);
	EXPECT("one", "two", "four", "thr!", "$", "$");
	assert_true(seen_lines[0].file != seen_lines[2].file);
	assert_int_equal(tail_counts(tail).lines, 4);
	assert_int_equal(tail_counts(tail).cut, 1);
	tail_close(tail);
}

static void once_with_checkpoint_goes_on_next_time(void **state)
{
	struct tail_config config = config_of(in("a.json"));

	(void)state;
	config.once = true;
	config.checkpoint = point();
	add_to("a.json", "one\ntw");
	run(&config, true);
	EXPECT("one");
	run(&config, true);
	assert_int_equal(seen_count, 0);
	add_to("a.json", "o\nthree\n");
	run(&config, true);
	EXPECT("two", "three");
}

static void once_compressed_inflated_to_its_end(void **state)
{
	uint8_t packed[200];
	struct tail_config config = config_of(in("old.zst"));

	(void)state;
	config.once = true;
	size_t len = ZSTD_compress(packed, sizeof(packed), "one\ntwo\nrest", 12, 1);
	int fd = open(in("old.zst"), O_WRONLY | O_CREAT, 0644);
	assert_int_equal(write(fd, packed, len), len);
	close(fd);
	struct tail *tail = open_tail(&config);
	forget_seen();
	assert_int_equal(read_for(tail, TL_SECOND_NS), -ENOENT);
	EXPECT("one", "two", "rest!", "$");
	tail_close(tail);
}

static void once_nothing_there_ends(void **state)
{
	struct tail_config config = config_of(in("none.json"));

	(void)state;
	config.once = true;
	struct tail *tail = open_tail(&config);
	forget_seen();
	assert_int_equal(read_for(tail, TL_SECOND_NS), -ENOENT);
	tail_close(tail);
}

/* --- where it begins ------------------------------------------------------------ */

static void from_end_new_lines_only_then_all_of_new_files(void **state)
{
	struct tail_config config = config_of(in("a*.json"));

	(void)state;
	config.from = TAIL_FROM_END;
	config.checkpoint = point();
	add_to("a1.json", "old\nold\nbeg");
	add_to("a0.json", "");
	struct tail *tail = open_tail(&config);
	forget_seen();
	read_for(tail, TL_SECOND_NS);
	assert_int_equal(seen_count, 0);
	add_to("a1.json", "un\nnew\n");
	add_to("a0.json", "first\n");
	read_for(tail, TL_SECOND_NS);
	EXPECT("begun", "new", "first");
	tail_close(tail);
	/* Now there is a checkpoint: nothing is skipped any more. */
	add_to("a2.json", "while down\n");
	run(&config, false);
	EXPECT("begun", "new", "first", "while down");
}

static void from_checkpoint_same_numbers(void **state)
{
	struct tail_config config = config_of(in("a.json"));
	uint8_t stream[TL_WIRE_STREAM_LEN];

	(void)state;
	config.checkpoint = point();
	add_to("a.json", "one\ntwo\nthree\n");
	struct tail *tail = open_tail(&config);
	forget_seen();
	read_for(tail, TL_SECOND_NS);
	memcpy(stream, seen_lines[0].file->stream, sizeof(stream));
	tail_safe(tail, seen_lines[0].file, seen_lines[1].behind, 2);
	tail_safe(tail, seen_lines[0].file, seen_lines[0].behind, 1); /* late: ignored */
	assert_int_equal(tail_close(tail), 0);
	tail = open_tail(&config);
	forget_seen();
	read_for(tail, TL_SECOND_NS);
	EXPECT("three");
	assert_int_equal(seen_lines[0].file->next_number, 2);
	assert_memory_equal(seen_lines[0].file->stream, stream, sizeof(stream));
	tail_close(tail);
}

static void from_start_all_again_as_new_streams(void **state)
{
	struct tail_config config = config_of(in("a.json"));

	(void)state;
	config.checkpoint = point();
	add_to("a.json.1", "older\n");
	add_to("a.json", "one\n");
	run(&config, true);
	EXPECT("one");
	config.from = TAIL_FROM_START;
	run(&config, true);
	EXPECT("one");
}

static void select_or_machine_changed_new_stream_where_safe(void **state)
{
	struct tail_config config = config_of(in("a.json"));
	uint8_t streams[3][TL_WIRE_STREAM_LEN];

	(void)state;
	config.checkpoint = point();
	add_to("a.json", "one\n");
	for (int i = 0; i < 3; i++) {
		struct tail *tail = open_tail(&config);
		forget_seen();
		read_for(tail, TL_SECOND_NS);
		assert_int_equal(seen_count, 1);
		assert_string_equal(seen[0], i == 0 ? "one" : "more");
		assert_int_equal(seen_lines[0].file->next_number, 0);
		memcpy(streams[i], seen_lines[0].file->stream, sizeof(streams[i]));
		acknowledge_all(tail);
		free_numbers();
		assert_int_equal(tail_close(tail), 0);
		config.select_hash = 7;
		config.machine_id = i == 0 ? "here" : "a clone";
		add_to("a.json", "more\n");
	}
	assert_memory_not_equal(streams[0], streams[1], sizeof(streams[0]));
	assert_memory_not_equal(streams[1], streams[2], sizeof(streams[0]));
}

/* --- the checkpoint ---------------------------------------------------------------- */

static void checkpoint_in_use_busy(void **state)
{
	struct tail_config config = config_of(in("a.json"));
	struct tail *other = 0;

	(void)state;
	config.checkpoint = point();
	struct tail *tail = open_tail(&config);
	assert_int_equal(tail_open(&other, &config), -EBUSY);
	assert_null(other);
	tail_close(tail);
}

static void checkpoint_damaged_begins_anew(void **state)
{
	struct tail_config config = config_of(in("a.json"));

	(void)state;
	config.checkpoint = point();
	add_to("a.json", "one\n");
	run(&config, true);
	add_to("point", "x");
	run(&config, true);
	EXPECT("one");
	assert_int_equal(access(in("point.bad"), F_OK), 0);
}

static void checkpoint_cannot_be_written_lines_wait(void **state)
{
	struct tail_config config = config_of(in("a.json"));

	(void)state;
	config.checkpoint = point();
	add_to("a.json", "one\n");
	assert_int_equal(mkdir(in("point.tmp"), 0755), 0);
	struct tail *tail = open_tail(&config);
	forget_seen();
	read_for(tail, 3 * TL_SECOND_NS);
	assert_int_equal(seen_count, 0);
	assert_true(tail_counts(tail).failed_writes >= 2);
	assert_true(tail_counts(tail).failed_writes <= 5); /* once a second */
	rmdir(in("point.tmp"));
	read_for(tail, 2 * TL_SECOND_NS);
	EXPECT("one");
	tail_close(tail);
}

/* --- files that come and go ----------------------------------------------------------- */

static void files_more_than_may_be_open_all_read(void **state)
{
	struct tail_config config = config_of(in("many*.json"));
	char name[32], text[64];

	(void)state;
	config.open_max = 3;
	struct tail *tail = open_tail(&config);
	forget_seen();
	for (int round = 0; round < 4; round++) {
		for (int i = 0; i < 20; i++) {
			snprintf(name, sizeof(name), "many%d.json", i);
			snprintf(text, sizeof(text), "%d of %d\nand%s", round, i,
				 i % 2 ? "\n" : "");
			add_to(name, text);
		}
		read_for(tail, 20 * TL_SECOND_NS);
		assert_true(tail_counts(tail).open <= 3);
		assert_int_equal(tail_counts(tail).waiting, 0);
	}
	/* 4 x 20, as many in the odd ones; in the even ones each "and" begins the next line. */
	assert_int_equal(seen_count, 4 * 20 + 4 * 10);
	assert_int_equal(tail_counts(tail).files, 20);
	tail_close(tail);
}

static void rotated_before_first_start_left_alone(void **state)
{
	struct tail_config config = config_of(in("a.json"));

	(void)state;
	config.checkpoint = point();
	add_to("a.json.1", "older\n");
	add_to("a.json-20200101", "much older\n");
	add_to("a.json", "one\n");
	run(&config, true);
	EXPECT("one");
	assert_int_equal(rename(in("a.json.1"), in("a.json.2")), 0);
	assert_int_equal(rename(in("a.json"), in("a.json.1")), 0);
	add_to("a.json", "two\n");
	run(&config, true);
	EXPECT("two");
}

static void gone_while_down_counted(void **state)
{
	struct tail_config config = config_of(in("a.json"));

	(void)state;
	config.checkpoint = point();
	add_to("a.json", "one\ntwo\n");
	run(&config, false);
	unlink(in("a.json"));
	struct tail *tail = open_tail(&config);
	forget_seen();
	read_for(tail, TL_SECOND_NS);
	assert_int_equal(tail_counts(tail).lost_files, 1);
	assert_int_equal(tail_counts(tail).lost_bytes, 8);
	assert_int_equal(tail_close(tail), 0);
	tail = open_tail(&config);
	read_for(tail, TL_SECOND_NS);
	assert_int_equal(tail_counts(tail).lost_files, 0); /* said once */
	assert_int_equal(tail_close(tail), 0);
}

/* --- flows ------------------------------------------------------------------------------ */

static void fifo_writers_come_and_go(void **state)
{
	struct tail_config config = config_of(in("fifo"));

	(void)state;
	assert_int_equal(mkfifo(in("fifo"), 0600), 0);
	struct tail *tail = open_tail(&config);
	forget_seen();
	read_for(tail, TL_SECOND_NS);
	for (int i = 0; i < 3; i++) {
		int fd = open(in("fifo"), O_WRONLY | O_NONBLOCK);
		assert_true(fd >= 0);
		assert_int_equal(write(fd, "a\nb", 3), 3);
		read_for(tail, TL_SECOND_NS);
		assert_int_equal(write(fd, "b\nc", 3), 3);
		close(fd);
		read_for(tail, TL_SECOND_NS);
	}
	EXPECT("a", "bb", "c!", "a", "bb", "c!", "a", "bb", "c!");
	assert_int_equal(tail_counts(tail).files, 1);
	tail_close(tail);
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%.100s", path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void socket_each_connection_a_stream(void **state)
{
	char place[450];

	(void)state;
	snprintf(place, sizeof(place), "unix:%s", in("sock"));
	struct tail_config config = config_of(place);
	struct tail *tail = open_tail(&config);
	forget_seen();
	int a = connect_to(in("sock")), b = connect_to(in("sock"));
	assert_int_equal(write(a, "a1\na2\n", 6), 6);
	assert_int_equal(write(b, "b1\n", 3), 3);
	close(a);
	read_for(tail, TL_SECOND_NS);
	EXPECT("a1", "a2", "b1", "$");
	assert_int_equal(seen_lines[3].file == seen_lines[0].file, 1);
	tail_finish(tail, seen_lines[0].file);
	read_for(tail, TL_SECOND_NS);
	close(b);
	tail_close(tail);
	assert_int_equal(access(in("sock"), F_OK), -1);
}

static void socket_left_by_a_killed_one_taken_over(void **state)
{
	char place[450];
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct tail *second = 0;

	(void)state;
	snprintf(place, sizeof(place), "unix:%s", in("sock"));
	snprintf(address.sun_path, sizeof(address.sun_path), "%.100s", in("sock"));
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	struct tail_config config = config_of(place);
	struct tail *tail = open_tail(&config);
	assert_int_equal(tail_open(&second, &config), -EADDRINUSE);
	tail_close(tail);
}

/* --- ------------------------------------------------------------------------------------ */

static void remove_all(void)
{
	char command[300];

	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	assert_int_equal(system(command), 0);
}

static int set_up(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	now_ns = TL_SECOND_NS;
	snprintf(folder, sizeof(folder), "%s/tl-tail-XXXXXX", tmp ? tmp : "/tmp");
	return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	forget_seen();
	remove_all();
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(once_without_checkpoint_all_and_ends),
		TEST(once_with_checkpoint_goes_on_next_time),
		TEST(once_compressed_inflated_to_its_end),
		TEST(once_nothing_there_ends),
		TEST(from_end_new_lines_only_then_all_of_new_files),
		TEST(from_checkpoint_same_numbers),
		TEST(from_start_all_again_as_new_streams),
		TEST(select_or_machine_changed_new_stream_where_safe),
		TEST(checkpoint_in_use_busy),
		TEST(checkpoint_damaged_begins_anew),
		TEST(checkpoint_cannot_be_written_lines_wait),
		TEST(files_more_than_may_be_open_all_read),
		TEST(rotated_before_first_start_left_alone),
		TEST(gone_while_down_counted),
		TEST(fifo_writers_come_and_go),
		TEST(socket_each_connection_a_stream),
		TEST(socket_left_by_a_killed_one_taken_over),
	};

	return cmocka_run_group_tests(tests, 0, 0);
}
