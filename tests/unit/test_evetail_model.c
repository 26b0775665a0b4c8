/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tools/eve-tail, the following of files: a writer that does at random what is
 * done to log files, a reader that is killed at random, and the lines compared
 * one by one. Nothing is lost but what nobody could have read, nothing comes
 * twice under two numbers, and a number always carries the same line.
 *
 * TL_MODEL_CASES=N runs N cases, TL_MODEL_SEED=S begins with that one and prints
 * what is done.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <cmocka.h>

#include "../../common/clock.h"
#include "../../common/log.h"
#include "../../tools/eve-tail/tail.h"

enum {
	CASES = 200,
	LIFE_MAX = 64, /* incarnations in a case */
	KEEP = 9,      /* rotated files */
	STREAMS_MAX = 256,
	LINE_LIMIT = 2048,
	DEADLINE_MS = 20000,
};

/* --- random ------------------------------------------------------------------ */

static uint64_t dice_state;

static uint32_t dice(uint32_t sides)
{
	dice_state ^= dice_state << 13;
	dice_state ^= dice_state >> 7;
	dice_state ^= dice_state << 17;
	return (uint32_t)((dice_state * 0x2545F4914F6CDD1Dull) >> 33) % sides;
}

static bool chance(uint32_t percent)
{
	return dice(100) < percent;
}

static bool telling;

#define TELL(...)                                                                                  \
	do {                                                                                       \
		if (telling) {                                                                     \
			fprintf(stderr, __VA_ARGS__);                                              \
		}                                                                                  \
	} while (0)

/* --- what the reader tells ------------------------------------------------------ */

struct report {
	uint32_t len; /* of the data that follows */
	uint32_t flags;
	uint64_t number;
	uint64_t line_len;
	uint8_t stream[TL_WIRE_STREAM_LEN];
};

enum { REPORT_DONE = 0x100 }; /* a command was carried out; number: what tail_next said last */

struct order {
	char what; /* N: lines, T: the time, A: how many are safe, X: end */
	uint64_t count;
};

struct setup {
	char place[300];
	char checkpoint[300];
	unsigned int open_max;
	bool no_inotify;
};

/* --- the reader: a process of its own ---------------------------------------------- */

enum { PENDING_MAX = 65536 };

struct pending {
	struct tail_file *file;
	struct mark behind;
	uint64_t number;
	bool end;
};

struct reader_self {
	struct tail *tail;
	int in, out;
	uint64_t now_ns;
	struct pending *pending;
	size_t first, count;
};

static uint64_t reader_now(void *context)
{
	return ((struct reader_self *)context)->now_ns;
}

static void say(int fd, const void *bytes, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t put = write(fd, (const char *)bytes + done, len - done);
		if (put <= 0) {
			_exit(3);
		}
		done += (size_t)put;
	}
}

/* The number at hand is kept where `user` points. */
static void report_line(struct reader_self *r, const struct tail_line *line)
{
	struct tail_file *file = line->file;
	bool end = line->flags & TAIL_LINE_END;

	if (!file->user) {
		uint64_t *at = malloc(sizeof(*at));
		*at = file->next_number;
		file->user = at;
	}
	uint64_t *number = file->user;
	char bytes[sizeof(struct report) + LINE_LIMIT];
	struct report head = {
		.len = (uint32_t)line->len,
		.flags = line->flags,
		.number = *number,
		.line_len = line->line_len,
	};
	memcpy(head.stream, file->stream, sizeof(head.stream));
	memcpy(bytes, &head, sizeof(head));
	if (line->len > 0) {
		memcpy(bytes + sizeof(head), line->data, line->len);
	}
	say(r->out, bytes, sizeof(head) + line->len);
	*number += end ? 0 : 1;
	if (r->count == PENDING_MAX) {
		_exit(4);
	}
	r->pending[r->count++] = (struct pending){file, line->behind, *number, end};
}

static int64_t read_lines(struct reader_self *r, uint64_t count)
{
	struct tail_line line;
	int got = 0;

	for (int idle = 0; count > 0 && idle < 4;) {
		got = tail_next(r->tail, &line, 0);
		if (got < 0) {
			return got;
		}
		if (got > 0) {
			report_line(r, &line);
			count--;
		}
		idle = got > 0 ? 0 : idle + 1;
	}
	return got;
}

static void acknowledge(struct reader_self *r, uint64_t count)
{
	for (; count > 0 && r->first < r->count; count--) {
		struct pending *p = &r->pending[r->first++];
		if (p->end) {
			free(p->file->user);
			p->file->user = 0;
			tail_finish(r->tail, p->file);
		} else {
			tail_safe(r->tail, p->file, p->behind, p->number);
		}
	}
}

static void reader_main(const struct setup *setup, uint64_t now_ns, int in, int out)
{
	struct reader_self r = {.in = in, .out = out, .now_ns = now_ns};
	struct tail_config config = {
		.places = {setup->place},
		.place_count = 1,
		.checkpoint = setup->checkpoint,
		.max_line = LINE_LIMIT,
		.rotate_wait_ns = TAIL_ROTATE_WAIT_NS,
		.open_max = setup->open_max,
		.no_inotify = setup->no_inotify,
		.machine_id = "model",
		.now_ns = reader_now,
		.now_context = &r,
	};
	struct order order;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* Losses that cannot be avoided are said: many, here. */
	if (telling) {
		tl_log_set_level(TL_LOG_DEBUG);
	} else if (!freopen("/dev/null", "w", stderr)) {
		_exit(2);
	}
	r.pending = calloc(PENDING_MAX, sizeof(*r.pending));
	if (!r.pending || tail_open(&r.tail, &config) < 0) {
		_exit(2);
	}
	while (read(in, &order, sizeof(order)) == sizeof(order)) {
		struct report done = {.flags = REPORT_DONE};
		if (order.what == 'N') {
			done.number = (uint64_t)read_lines(&r, order.count);
		} else if (order.what == 'T') {
			r.now_ns = order.count;
		} else if (order.what == 'A') {
			acknowledge(&r, order.count);
		} else {
			done.number = (uint64_t)(int64_t)tail_close(r.tail);
			for (size_t i = r.first; i < r.count; i++) {
				r.pending[i].file = 0;
			}
			say(out, &done, sizeof(done));
			_exit(0);
		}
		say(out, &done, sizeof(done));
	}
	_exit(0);
}

/* --- one case -------------------------------------------------------------------- */

struct text {
	char *data;
	size_t len, room;
};

static void text_add(struct text *t, const void *data, size_t len)
{
	if (t->len + len > t->room) {
		t->room = 2 * (t->len + len) + 64;
		t->data = realloc(t->data, t->room);
	}
	memcpy(t->data + t->len, data, len);
	t->len += len;
}

/* An incarnation of the log: from its first byte to its end, wherever it lies. */
struct life {
	struct text content;
	size_t nul_head;
	char path[300]; /* "" = gone */
	bool packed;
	bool deleted; /* only a reader that holds it open can read it */
	bool excused; /* what was not read may be lost */
	bool over;    /* nobody writes to it */
};

struct seen_line {
	char *data;
	uint32_t len, flags;
	uint64_t line_len;
	bool there;
};

struct stream {
	uint8_t id[TL_WIRE_STREAM_LEN];
	struct seen_line *lines;
	uint64_t count, room;
	bool ended;
	uint64_t end;
};

struct run {
	uint64_t seed;
	char folder[256], state_folder[256], path[280];
	struct setup setup;
	uint64_t now_ns;
	uint64_t serial;
	bool equal; /* all files begin with the same line */
	char common[400];

	struct life lives[LIFE_MAX];
	int life_count;
	int current;	       /* at `path`; -1 = none */
	int rotated[KEEP + 2]; /* life of NAME.k; -1 = none */
	bool partial;	       /* the current one ends in the middle of a line */

	pid_t reader; /* 0 = none */
	int to, from;
	uint64_t unacked;

	struct stream streams[STREAMS_MAX];
	int stream_count;
};

_Noreturn static void fail_case(const struct run *c, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void fail_case(const struct run *c, const char *format, ...)
{
	char text[600];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (c->reader > 0) {
		kill(c->reader, SIGKILL);
	}
	fail_msg("seed %" PRIu64 ": %s (in %s; TL_MODEL_SEED=%" PRIu64
		 " TL_MODEL_CASES=1 shows it)",
		 c->seed, text, c->folder, c->seed);
	abort();
}

/* --- talking to the reader ---------------------------------------------------------- */

static struct stream *stream_of(struct run *c, const uint8_t id[TL_WIRE_STREAM_LEN])
{
	for (int i = 0; i < c->stream_count; i++) {
		if (memcmp(c->streams[i].id, id, TL_WIRE_STREAM_LEN) == 0) {
			return &c->streams[i];
		}
	}
	if (c->stream_count == STREAMS_MAX) {
		fail_case(c, "too many streams");
	}
	struct stream *s = &c->streams[c->stream_count++];
	memcpy(s->id, id, TL_WIRE_STREAM_LEN);
	return s;
}

static void same_again(const struct run *c, const struct seen_line *old, const struct report *head,
		       const char *data)
{
	if (old->len != head->len || old->line_len != head->line_len ||
	    memcmp(old->data, data, head->len) != 0) {
		fail_case(c, "number %" PRIu64 " carried '%.60s', now '%.60s'", head->number,
			  old->data, data);
	}
}

static void take_line(struct run *c, const struct report *head, const char *data)
{
	struct stream *s = stream_of(c, head->stream);

	if (head->flags & TAIL_LINE_LOST) {
		return;
	}
	if (head->flags & TAIL_LINE_END) {
		if (s->ended && s->end != head->number) {
			fail_case(c, "a stream ended at %" PRIu64 " and at %" PRIu64, s->end,
				  head->number);
		}
		s->ended = true;
		s->end = head->number;
		return;
	}
	if (head->number >= s->room) {
		uint64_t room = 2 * head->number + 16;
		s->lines = realloc(s->lines, room * sizeof(*s->lines));
		memset(s->lines + s->room, 0, (room - s->room) * sizeof(*s->lines));
		s->room = room;
	}
	struct seen_line *line = &s->lines[head->number];
	if (line->there) {
		same_again(c, line, head, data);
		return;
	}
	*line = (struct seen_line){malloc(head->len + 1), head->len, head->flags, head->line_len,
				   true};
	memcpy(line->data, data, head->len);
	line->data[head->len] = '\0';
	s->count = head->number >= s->count ? head->number + 1 : s->count;
}

/* 1; 0 the reader is gone. */
static int hear(struct run *c, void *bytes, size_t len)
{
	for (size_t done = 0; done < len;) {
		struct pollfd pfd = {.fd = c->from, .events = POLLIN};
		if (poll(&pfd, 1, DEADLINE_MS) <= 0) {
			fail_case(c, "the reader says nothing");
		}
		ssize_t got = read(c->from, (char *)bytes + done, len - done);
		if (got <= 0) {
			return 0;
		}
		done += (size_t)got;
	}
	return 1;
}

/* Until the order is carried out: 1, or the reader is gone: 0. */
static int listen_to(struct run *c, int64_t *result)
{
	struct report head;
	char data[LINE_LIMIT + 1];

	while (hear(c, &head, sizeof(head))) {
		if (head.flags & REPORT_DONE) {
			*result = (int64_t)head.number;
			return 1;
		}
		if (head.len > LINE_LIMIT) {
			fail_case(c, "a line of %u bytes", head.len);
		}
		if (!hear(c, data, head.len)) {
			return 0;
		}
		data[head.len] = '\0';
		c->unacked++;
		TELL("    %02x%02x %" PRIu64 " %.30s\n", head.stream[0], head.stream[1],
		     head.number, data);
		take_line(c, &head, data);
	}
	return 0;
}

static void send_order(struct run *c, char what, uint64_t count)
{
	struct order order = {what, count};

	if (write(c->to, &order, sizeof(order)) != sizeof(order)) {
		fail_case(c, "the reader has gone");
	}
}

static void command(struct run *c, char what, uint64_t count)
{
	int64_t result;

	TELL("  %c %" PRIu64 "\n", what, count);
	send_order(c, what, count);
	if (!listen_to(c, &result)) {
		int status = 0;
		waitpid(c->reader, &status, 0);
		c->reader = 0;
		fail_case(c, "the reader died: status %x", status);
	}
	if (result < 0) {
		fail_case(c, "'%c' said %d", what, (int)result);
	}
}

static void start_reader(struct run *c)
{
	int orders[2], reports[2];

	if (pipe2(orders, O_CLOEXEC) < 0 || pipe2(reports, O_CLOEXEC) < 0) {
		fail_case(c, "no pipe");
	}
	fflush(stdout);
	c->reader = fork();
	if (c->reader == 0) {
		close(orders[1]);
		close(reports[0]);
		reader_main(&c->setup, c->now_ns, orders[0], reports[1]);
	}
	close(orders[0]);
	close(reports[1]);
	c->to = orders[1];
	c->from = reports[0];
	c->unacked = 0;
	TELL("start reader\n");
}

/* What only the reader could still read is lost with it. */
static void reader_gone(struct run *c)
{
	int status;

	close(c->to);
	close(c->from);
	waitpid(c->reader, &status, 0);
	c->reader = 0;
	for (int i = 0; i < c->life_count; i++) {
		c->lives[i].excused |= c->lives[i].deleted;
	}
}

static void stop_reader(struct run *c)
{
	command(c, 'X', 0);
	TELL("stop reader\n");
	reader_gone(c);
}

/* In the middle of what it does, at no point in particular. */
static void kill_reader(struct run *c)
{
	int64_t result;

	if (chance(70)) {
		send_order(c, chance(80) ? 'N' : 'A', 1 + dice(30));
		for (volatile uint32_t spin = dice(4) == 0 ? dice(1000000) : dice(30000); spin > 0;
		     spin--) {
		}
	}
	kill(c->reader, SIGKILL);
	while (listen_to(c, &result)) {
	}
	TELL("kill reader\n");
	reader_gone(c);
}

static void advance(struct run *c, uint64_t ns)
{
	c->now_ns += ns;
	if (c->reader) {
		command(c, 'T', c->now_ns);
	}
}

static void read_some(struct run *c, uint64_t lines)
{
	if (c->reader) {
		command(c, 'N', lines);
	}
}

/* Everything that has a name is open after it, but what has nothing in it. */
static void let_it_look(struct run *c)
{
	if (c->reader) {
		advance(c, 300 * TL_MS_NS);
		command(c, 'N', 1);
	}
}

/* --- the writer ------------------------------------------------------------------------ */

static int new_life(struct run *c, const char *path)
{
	if (c->life_count == LIFE_MAX) {
		return -1;
	}
	struct life *l = &c->lives[c->life_count];
	*l = (struct life){0};
	snprintf(l->path, sizeof(l->path), "%s", path);
	return c->life_count++;
}

static void write_at(struct run *c, const char *path, uint64_t offset, const char *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0 || pwrite(fd, data, len, (off_t)offset) != (ssize_t)len) {
		fail_case(c, "cannot write %s: %s", path, strerror(errno));
	}
	close(fd);
}

/* `life` has a plain file. */
static void append(struct run *c, int life, const char *data, size_t len)
{
	struct life *l = &c->lives[life];

	write_at(c, l->path, l->content.len, data, len);
	text_add(&l->content, data, len);
}

static void make_line(struct run *c, int life, struct text *out)
{
	char start[100];
	size_t pad = chance(3)	  ? LINE_LIMIT + dice(6000)
		     : chance(2)  ? LINE_LIMIT - 60 + dice(80)
		     : chance(30) ? dice(12)
				  : dice(300);
	int len = snprintf(start, sizeof(start), "{\"i\":%d,\"k\":%" PRIu64 ",\"p\":\"", life,
			   c->serial++);

	if (chance(2)) {
		return; /* an empty line */
	}
	text_add(out, start, (size_t)len);
	for (size_t i = 0; i < pad; i++) {
		char byte = chance(1) && chance(10) ? '\0' : (char)('a' + dice(26));
		text_add(out, &byte, 1);
	}
	text_add(out, "\"}", 2);
}

static void append_lines(struct run *c, int life, int count)
{
	struct text out = {0};

	if (c->lives[life].content.len == c->lives[life].nul_head && c->equal) {
		text_add(&out, c->common, strlen(c->common));
		count += count == 0;
	}
	for (int i = 0; i < count; i++) {
		make_line(c, life, &out);
		text_add(&out, "\n", 1);
	}
	append(c, life, out.data, out.len);
	free(out.data);
}

static void append_partial(struct run *c)
{
	struct text out = {0};

	if (c->lives[c->current].content.len == c->lives[c->current].nul_head && c->equal) {
		return;
	}
	make_line(c, c->current, &out);
	text_add(&out, "", 1); /* for strstr */
	if (--out.len > 1) {
		/* Less than the first of its line tells no file from another. */
		uint32_t least = (uint32_t)(strstr(out.data, "\"p\"") - out.data);
		append(c, c->current, out.data, least + dice((uint32_t)out.len - least));
		c->partial = true;
	}
	free(out.data);
}

static void create_current(struct run *c)
{
	c->current = new_life(c, c->path);
	c->partial = false;
	if (c->current >= 0) {
		write_at(c, c->path, 0, "", 0);
	}
}

static void delete_life(struct run *c, int life)
{
	struct life *l = &c->lives[life];
	/* With few files open, one that is not may be deleted without being noticed. */
	bool looked = c->reader && c->setup.open_max == 0 && chance(80);

	if (looked) {
		let_it_look(c);
	}
	TELL("delete %d (%s)%s\n", life, l->path, looked ? "" : " unseen");
	unlink(l->path);
	l->deleted = true;
	l->over = true;
	l->excused |= !looked;
	l->path[0] = '\0';
}

static void rename_life(struct run *c, int life, const char *path)
{
	if (rename(c->lives[life].path, path) < 0) {
		fail_case(c, "cannot rename to %s", path);
	}
	snprintf(c->lives[life].path, sizeof(c->lives[life].path), "%s", path);
}

/* NAME.k becomes NAME.(k + 1). */
static void shift(struct run *c)
{
	char path[300];

	if (c->rotated[KEEP] >= 0) {
		delete_life(c, c->rotated[KEEP]);
		c->rotated[KEEP] = -1;
	}
	for (int k = KEEP - 1; k >= 1; k--) {
		int life = c->rotated[k];
		if (life >= 0) {
			const char *suffix = strrchr(c->lives[life].path, '.');
			snprintf(path, sizeof(path), "%s.%d%s", c->path, k + 1,
				 c->lives[life].packed ? suffix : "");
			rename_life(c, life, path);
		}
		c->rotated[k + 1] = life;
	}
	c->rotated[1] = -1;
}

/* Suricata writes to the file it has until it is told that there is another. */
static void write_on(struct run *c, int life, bool partial)
{
	if (chance(50)) {
		let_it_look(c);
	}
	if (partial) {
		append(c, life, "\n", 1);
	}
	append_lines(c, life, 1 + (int)dice(3));
	TELL("written on to %d\n", life);
}

static void rotate(struct run *c)
{
	char path[300];

	shift(c);
	snprintf(path, sizeof(path), "%s.1", c->path);
	TELL("rotate %d\n", c->current);
	rename_life(c, c->current, path);
	c->rotated[1] = c->current;
	c->current = -1;
	bool partial = c->partial;
	if (chance(60)) {
		create_current(c); /* logrotate makes it, before it tells the writer */
	}
	if (chance(50)) {
		write_on(c, c->rotated[1], partial);
	}
	if (c->current >= 0) {
		c->lives[c->rotated[1]].over = true;
	}
}

static void copy_to(struct run *c, int life, const char *path)
{
	const struct life *l = &c->lives[life];
	size_t half = l->content.len > 0 ? dice((uint32_t)l->content.len) : 0;

	write_at(c, path, 0, l->content.data, half);
	if (chance(30)) {
		let_it_look(c);
	}
	write_at(c, path, half, l->content.data + half, l->content.len - half);
}

static void copytruncate(struct run *c)
{
	struct life *old = &c->lives[c->current];
	size_t size = old->content.len;
	char path[300];
	bool copy = chance(85);

	if (size == 0) {
		return;
	}
	TELL("copytruncate %d%s\n", c->current, copy ? "" : " without a copy");
	if (copy) {
		shift(c);
		snprintf(path, sizeof(path), "%s.1", c->path);
		copy_to(c, c->current, path);
		snprintf(old->path, sizeof(old->path), "%s", path);
		c->rotated[1] = c->current;
	} else {
		old->excused = old->deleted = true;
		old->path[0] = '\0';
	}
	old->over = true;
	if (truncate(c->path, 0) < 0) {
		fail_case(c, "cannot truncate");
	}
	c->current = new_life(c, c->path);
	c->partial = false;
	if (c->current >= 0 && chance(25)) {
		/* The writer does not append: it goes on where it was. */
		struct life *l = &c->lives[c->current];
		l->nul_head = size;
		char *zeros = calloc(1, size);
		text_add(&l->content, zeros, size);
		free(zeros);
		append_lines(c, c->current, 1);
	} else if (c->current >= 0 && chance(50)) {
		append_lines(c, c->current, 1 + (int)dice(10));
	}
}

static size_t pack(const struct life *l, bool zstd, uint8_t **out)
{
	size_t room = 1024 + 2 * l->content.len;

	*out = malloc(room);
	if (zstd) {
		return ZSTD_compress(*out, room, l->content.data, l->content.len, 1);
	}
	z_stream z = {0};
	deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
	z.next_in = (uint8_t *)l->content.data;
	z.avail_in = (unsigned int)l->content.len;
	z.next_out = *out;
	z.avail_out = (unsigned int)room;
	deflate(&z, Z_FINISH);
	deflateEnd(&z);
	return room - z.avail_out;
}

static void compress_rotated(struct run *c, int k)
{
	int life = c->rotated[k];
	struct life *l = &c->lives[life];
	bool zstd = chance(30);
	char path[310];
	uint8_t *bytes;

	if (l->packed || !l->over || l->content.len == 0) {
		return;
	}
	size_t len = pack(l, zstd, &bytes);
	TELL("compress %d (%s) %s\n", life, l->path, zstd ? "zst" : "gz");
	snprintf(path, sizeof(path), "%s%s", l->path, zstd ? ".zst" : ".gz");
	size_t half = chance(40) ? dice((uint32_t)len) : len;
	write_at(c, path, 0, (char *)bytes, half);
	if (half < len) {
		let_it_look(c);
		write_at(c, path, half, (char *)bytes + half, len - half);
	}
	if (chance(40)) {
		let_it_look(c);
	}
	unlink(l->path);
	snprintf(l->path, sizeof(l->path), "%.299s", path);
	l->packed = true;
	free(bytes);
}

/* What is written to a rotated file when nobody expects it any more. */
static void append_late(struct run *c)
{
	int k = 1 + (int)dice(2), life = c->rotated[k];
	struct life *l = life >= 0 ? &c->lives[life] : 0;

	if (!l || l->packed || !l->over || l->content.len == 0 ||
	    l->content.data[l->content.len - 1] != '\n') {
		return;
	}
	TELL("append late to %d\n", life);
	append_lines(c, life, 1 + (int)dice(3));
}

static ino_t inode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_ino : 0;
}

static uint64_t born_ns(const char *path)
{
	struct statx sx = {0};

	statx(AT_FDCWD, path, 0, STATX_BTIME, &sx);
	return (uint64_t)sx.stx_btime.tv_sec * TL_SECOND_NS + (uint64_t)sx.stx_btime.tv_nsec;
}

/* Another file with the inode of the one that was deleted, if the file system gives it. */
static void delete_and_reuse(struct run *c)
{
	ino_t ino = inode_of(c->path);
	uint64_t born = born_ns(c->path);
	char spare[32][300];
	int spares = 0;

	delete_life(c, c->current);
	create_current(c);
	while (c->current >= 0 && spares < 32 &&
	       (inode_of(c->path) != ino || (c->equal && born_ns(c->path) == born))) {
		snprintf(spare[spares], sizeof(spare[spares]), "%s/spare%d", c->folder, spares);
		rename(c->path, spare[spares++]);
		write_at(c, c->path, 0, "", 0);
	}
	TELL("inode %s\n", inode_of(c->path) == ino ? "reused" : "not reused");
	for (int i = 0; i < spares; i++) {
		unlink(spare[i]);
	}
}

/* --- a step ---------------------------------------------------------------------------- */

static void write_step(struct run *c)
{
	if (c->current < 0) {
		/* Its writer may not have been told yet; then the old one is still its file. */
		if (c->rotated[1] >= 0) {
			c->lives[c->rotated[1]].over = true;
		}
		create_current(c);
		return;
	}
	uint32_t roll = dice(100);
	if (roll < 45) {
		if (c->partial && chance(90)) {
			append(c, c->current, "\n", 1);
			c->partial = false;
		}
		int count = 1 + (int)dice(chance(10) ? 200 : 12);
		TELL("append %d to %d\n", count, c->current);
		append_lines(c, c->current, count);
		c->partial = false;
	} else if (roll < 55) {
		TELL("append part\n");
		append_partial(c);
	} else if (roll < 68) {
		rotate(c);
	} else if (roll < 78) {
		copytruncate(c);
	} else if (roll < 88) {
		int k = 1 + (int)dice(KEEP);
		if (c->rotated[k] >= 0) {
			compress_rotated(c, k);
		}
	} else if (roll < 91) {
		append_late(c);
	} else if (roll < 94) {
		delete_and_reuse(c);
	} else if (roll < 96) {
		int k = 1 + (int)dice(KEEP);
		if (c->rotated[k] >= 0) {
			delete_life(c, c->rotated[k]);
			c->rotated[k] = -1;
		}
	}
}

static void read_step(struct run *c)
{
	if (!c->reader) {
		if (chance(50)) {
			start_reader(c);
		}
		return;
	}
	uint32_t roll = dice(100);
	if (roll < 40) {
		read_some(c, 1 + dice(chance(50) ? 5 : 300));
	} else if (roll < 60) {
		command(c, 'A', dice((uint32_t)c->unacked + 1));
	} else if (roll < 75) {
		advance(c, chance(50) ? 300 * TL_MS_NS : 1100 * TL_MS_NS);
	} else if (roll < 80) {
		advance(c, 6 * TL_SECOND_NS);
	} else if (roll < 90) {
		kill_reader(c);
	} else if (roll < 93) {
		stop_reader(c);
	}
}

/* --- in the end ------------------------------------------------------------------------- */

static void drain(struct run *c)
{
	enum { QUIET = 30, ROUNDS = 2000 };
	int quiet = 0;

	if (c->current >= 0 && c->partial) {
		append(c, c->current, "\n", 1);
	}
	if (c->current < 0) {
		write_at(c, c->path, 0, "", 0); /* so that the rotated ones are over */
	}
	if (!c->reader) {
		start_reader(c);
	}
	for (int round = 0; quiet < QUIET; round++) {
		uint64_t before = c->unacked;
		if (round == ROUNDS) {
			fail_case(c, "there is no end of lines");
		}
		advance(c, 500 * TL_MS_NS);
		read_some(c, 1000);
		quiet = c->unacked == before ? quiet + 1 : 0;
		command(c, 'A', 1000);
	}
	stop_reader(c);
}

struct want {
	const char *data;
	uint32_t len;
	uint64_t line_len;
	int least, most, got;
};

static int compare_want(const void *x, const void *y)
{
	const struct want *a = x, *b = y;
	uint32_t len = a->len < b->len ? a->len : b->len;
	int order = len > 0 ? memcmp(a->data, b->data, len) : 0;

	order = order ? order : (a->len > b->len) - (a->len < b->len);
	return order ? order : (a->line_len > b->line_len) - (a->line_len < b->line_len);
}

struct wants {
	struct want *items;
	size_t count, room;
};

static struct want *want_add(struct wants *w, const char *data, size_t len)
{
	if (w->count == w->room) {
		w->room = 2 * w->room + 64;
		w->items = realloc(w->items, w->room * sizeof(*w->items));
	}
	struct want *item = &w->items[w->count++];
	*item = (struct want){.data = data, .len = (uint32_t)len, .line_len = len};
	if (len > LINE_LIMIT) {
		item->len = 256;
	}
	return item;
}

static void want_life(struct wants *w, const struct life *l)
{
	const char *at = l->content.data + l->nul_head, *end = l->content.data + l->content.len;

	if (l->content.len == 0) {
		return;
	}
	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		const char *stop = newline ? newline : end;
		struct want *item = want_add(w, at, (size_t)(stop - at));
		item->most = 1;
		item->least = l->excused ? 0 : 1;
		at = newline ? newline + 1 : end;
	}
	/* A file that was lost while its last line was being written may end anywhere. */
}

static void merge_wants(struct wants *w)
{
	size_t kept = 0;

	qsort(w->items, w->count, sizeof(*w->items), compare_want);
	for (size_t i = 0; i < w->count; i++) {
		if (kept > 0 && compare_want(&w->items[kept - 1], &w->items[i]) == 0) {
			w->items[kept - 1].least += w->items[i].least;
			w->items[kept - 1].most += w->items[i].most;
		} else {
			w->items[kept++] = w->items[i];
		}
	}
	w->count = kept;
}

/* The `i` and `k` of a line; false when it has none (the common one, an empty one). */
static bool parse_line(const char *data, long *life, unsigned long long *serial)
{
	int end = 0;

	return sscanf(data, "{\"i\":%ld,\"k\":%llu,\"p\":%n", life, serial, &end) == 2 && end > 0;
}

/* The rest of the last line that was read may be what was lost. */
static bool is_lost_part(const struct seen_line *line, const struct wants *w)
{
	for (size_t i = 0; line->flags & TAIL_LINE_CUT && i < w->count; i++) {
		const struct want *whole = &w->items[i];
		if (whole->least == 0 && whole->len > line->len &&
		    memcmp(whole->data, line->data, line->len) == 0) {
			return true;
		}
	}
	return false;
}

static void check_stream(struct run *c, const struct stream *s, struct wants *w)
{
	long life = -1;
	unsigned long long last = 0;

	for (uint64_t i = 0; i < s->count; i++) {
		const struct seen_line *line = &s->lines[i];
		long its;
		unsigned long long serial;
		if (!line->there) {
			fail_case(c, "number %" PRIu64 " of a stream was never seen", i);
		}
		if (!(line->flags & TAIL_LINE_CUT) && parse_line(line->data, &its, &serial)) {
			if (life >= 0 && (its != life || serial <= last)) {
				fail_case(c, "a stream has %ld/%llu behind %ld/%llu", its, serial,
					  life, last);
			}
			life = its;
			last = serial;
		}
		struct want key = {
			.data = line->data, .len = line->len, .line_len = line->line_len};
		struct want *want = bsearch(&key, w->items, w->count, sizeof(key), compare_want);
		if (!want && is_lost_part(line, w)) {
			continue;
		}
		if (!want) {
			fail_case(c, "a line that nobody wrote: '%.80s' (%u)", line->data,
				  line->len);
		}
		want->got++;
	}
	if (s->ended && s->end != s->count) {
		fail_case(c, "a stream ended at %" PRIu64 " of %" PRIu64, s->end, s->count);
	}
}

static void check(struct run *c)
{
	struct wants w = {0};

	for (int i = 0; i < c->life_count; i++) {
		want_life(&w, &c->lives[i]);
	}
	merge_wants(&w);
	for (int i = 0; i < c->stream_count; i++) {
		check_stream(c, &c->streams[i], &w);
	}
	for (size_t i = 0; i < w.count; i++) {
		const struct want *want = &w.items[i];
		if (want->got < want->least || want->got > want->most) {
			fail_case(c, "'%.*s' (%u) came %d times, not %d to %d",
				  want->len < 60 ? (int)want->len : 60, want->data, want->len,
				  want->got, want->least, want->most);
		}
	}
	free(w.items);
}

/* --- a case -------------------------------------------------------------------------------- */

static void set_up(struct run *c, uint64_t seed)
{
	const char *tmp = getenv("TMPDIR");
	bool shm = access("/dev/shm", W_OK) == 0;

	*c = (struct run){.seed = seed, .current = -1, .now_ns = TL_SECOND_NS};
	dice_state = seed * 0x9E3779B97F4A7C15ull + 1;
	for (int i = 0; i < 20; i++) {
		dice(2);
	}
	for (int k = 0; k <= KEEP + 1; k++) {
		c->rotated[k] = -1;
	}
	snprintf(c->folder, sizeof(c->folder), "%s/tl-model-XXXXXX", tmp ? tmp : "/tmp");
	/* What is killed is a process: what it wrote is there, on a disk or not. */
	snprintf(c->state_folder, sizeof(c->state_folder), "%s/tl-model-XXXXXX",
		 shm ? "/dev/shm" : "/tmp");
	if (!mkdtemp(c->folder) || !mkdtemp(c->state_folder)) {
		fail_case(c, "no folder");
	}
	snprintf(c->path, sizeof(c->path), "%s/eve.json", c->folder);
	snprintf(c->setup.place, sizeof(c->setup.place), "%s/%s", c->folder,
		 chance(25) ? "eve*.json" : "eve.json");
	snprintf(c->setup.checkpoint, sizeof(c->setup.checkpoint), "%s/point", c->state_folder);
	c->setup.no_inotify = chance(50);
	c->setup.open_max = chance(15) ? 2 : 0;
	c->equal = chance(15);
	memset(c->common, 'c', sizeof(c->common) - 2);
	c->common[sizeof(c->common) - 2] = '\n';
}

static void remove_folder(const char *path)
{
	char command_line[300];

	snprintf(command_line, sizeof(command_line), "rm -rf '%s'", path);
	if (system(command_line) != 0) {
		print_message("cannot remove %s\n", path);
	}
}

static void tear_down(struct run *c)
{
	for (int i = 0; i < c->stream_count; i++) {
		for (uint64_t k = 0; k < c->streams[i].room; k++) {
			free(c->streams[i].lines[k].data);
		}
		free(c->streams[i].lines);
	}
	for (int i = 0; i < c->life_count; i++) {
		free(c->lives[i].content.data);
	}
	remove_folder(c->folder);
	remove_folder(c->state_folder);
}

/* The place is there before the first file is, so that all of them are to be read. */
static void run_case(struct run *c, uint64_t seed)
{
	set_up(c, seed);
	TELL("case %" PRIu64 "%s%s\n", seed, c->equal ? ", equal heads" : "",
	     c->setup.open_max ? ", few open" : "");
	start_reader(c);
	let_it_look(c);
	for (int step = 0, steps = 20 + (int)dice(60); step < steps && c->life_count < LIFE_MAX - 2;
	     step++) {
		if (chance(55)) {
			write_step(c);
		} else {
			read_step(c);
		}
	}
	drain(c);
	check(c);
	tear_down(c);
}

static uint64_t number_of(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, 0, 10) : otherwise;
}

static void rotation_random_nothing_lost_nothing_twice(void **state)
{
	static struct run c;
	uint64_t seed = number_of("TL_MODEL_SEED", 1), cases = number_of("TL_MODEL_CASES", CASES);
	uint64_t lines = 0, streams = 0, lives = 0, excused = 0;

	(void)state;
	telling = getenv("TL_MODEL_SEED") && cases == 1;
	for (uint64_t i = 0; i < cases; i++) {
		run_case(&c, seed + i);
		for (int k = 0; k < c.stream_count; k++) {
			lines += c.streams[k].count;
		}
		streams += (uint64_t)c.stream_count;
		for (int k = 0; k < c.life_count; k++) {
			lives += c.lives[k].content.len > 0;
			excused += c.lives[k].content.len > 0 && c.lives[k].excused;
		}
	}
	print_message("%" PRIu64 " cases, %" PRIu64 " files (of %" PRIu64
		      " nobody could read all), %" PRIu64 " streams, %" PRIu64 " lines\n",
		      cases, lives, excused, streams, lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rotation_random_nothing_lost_nothing_twice),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, 0, 0);
}
