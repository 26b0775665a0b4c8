/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tools/shipper's spool on a disk that loses what was not synced: random sessions are
 * recorded, and after every single operation the power fails, or the process is killed;
 * the spool that is left must hold, for each sink, all that was told safe.
 */
#include <dirent.h>

#include "spool_disk.h"

enum { SINKS = 2, STEPS = 70, NUMBERS = 1200, HELD = 3 };

static const struct store_config plain = {
	.sinks = {"a", "b", "c"},
	.sink_count = SINKS,
	/* A declaration for each stream, what is held, and some more. */
	.quota = 12 * 4096,
	.policy = STORE_DROP_OLDEST,
};

struct book {
	uint8_t known[SINKS][KIT_STREAMS][NUMBERS]; /* to the sink: delivered, or declared lost */
	uint64_t safe[KIT_STREAMS];
};

/* Something that is true once the operations before it were done. */
struct mark {
	size_t at;
	bool is_safe; /* `to` of the stream is safe, else [from, to) is known to the sink */
	unsigned int sink;
	unsigned int stream;
	uint64_t from;
	uint64_t to;
};

struct session {
	struct disk disk;
	struct store_config config;
	struct store *store;
	struct mark *marks;
	size_t mark_count;
	uint64_t next[KIT_STREAMS];
	struct parcel *held[SINKS][HELD];
	unsigned int held_count[SINKS];
	uint64_t dropped;
};

static void add_mark(struct session *s, struct mark mark)
{
	s->marks = realloc(s->marks, (s->mark_count + 1) * sizeof(mark));
	assert_non_null(s->marks);
	mark.at = s->disk.op_count;
	s->marks[s->mark_count++] = mark;
}

static void on_safe(void *context, const uint8_t *id, uint64_t safe)
{
	add_mark(context, (struct mark){.is_safe = true, .stream = kit_stream(id), .to = safe});
}

/* --- a session ------------------------------------------------------------------------------ */

static void session_open(struct session *s)
{
	assert_int_equal(spool_open_with(&s->store, &s->config, &s->disk.io), 0);
	/* Commits do not wait. */
	store_stop(s->store);
}

static void session_close(struct session *s)
{
	for (unsigned int sink = 0; sink < SINKS; sink++) {
		while (s->held_count[sink] > 0) {
			store_back(s->store, sink, s->held[sink][--s->held_count[sink]]);
		}
		s->dropped += store_counts(s->store, sink).dropped_events;
	}
	store_close(s->store);
}

static void step_put(struct session *s)
{
	unsigned int stream = kit_random(KIT_STREAMS);
	uint64_t after = s->next[stream];
	uint64_t first = after + (kit_random(4) == 0);
	uint32_t count = 1 + kit_random(6);
	int err = kit_put(s->store, stream, after, first, count, false);

	assert_true(err == 0 || err == -ENOSPC);
	s->next[stream] = err == 0 ? first + count : after;
	assert_true(s->next[stream] < NUMBERS);
}

static void step_take(struct session *s, unsigned int sink)
{
	if (s->held_count[sink] < HELD) {
		struct parcel *parcel = kit_take(s->store, sink);
		if (parcel) {
			s->held[sink][s->held_count[sink]++] = parcel;
		}
	}
}

static void step_answer(struct session *s, unsigned int sink)
{
	if (s->held_count[sink] == 0) {
		return;
	}
	unsigned int i = kit_random(s->held_count[sink]);
	struct parcel *parcel = s->held[sink][i];
	unsigned int what = kit_random(8);
	s->held[sink][i] = s->held[sink][--s->held_count[sink]];
	if (what == 0) {
		store_back(s->store, sink, parcel);
	} else if (what == 1 && parcel->count > 0) {
		store_reject(s->store, sink, parcel, 0, "no");
	} else {
		add_mark(s, (struct mark){.sink = sink,
					  .stream = kit_stream(parcel->stream),
					  .from = parcel->after,
					  .to = parcel->first + parcel->count});
		store_done(s->store, sink, parcel);
	}
}

static void step(struct session *s)
{
	unsigned int what = kit_random(100);
	unsigned int sink = kit_random(SINKS);

	if (what < 40) {
		step_put(s);
	} else if (what < 58) {
		uint64_t again_ns;
		assert_int_equal(store_commit(s->store, &again_ns), 0);
	} else if (what < 76) {
		step_take(s, sink);
	} else if (what < 96) {
		step_answer(s, sink);
	} else {
		session_close(s);
		session_open(s);
	}
}

static void session_run(struct session *s, unsigned int seed, enum store_sync sync, bool no_files,
			bool no_folders)
{
	char *root = kit_folder();

	srandom(seed);
	memset(s, 0, sizeof(*s));
	disk_init(&s->disk, root, "one");
	s->disk.forget_file_syncs = no_files;
	s->disk.forget_folder_syncs = no_folders;
	s->config = plain;
	s->config.folder = root;
	s->config.sync = sync;
	s->config.safe = on_safe;
	s->config.found = on_safe; /* what is found is acknowledged */
	s->config.context = s;
	session_open(s);
	for (unsigned int i = 0; i < STEPS; i++) {
		step(s);
	}
	session_close(s);
	kit_remove(root);
	free(root);
}

static void session_free(struct session *s)
{
	disk_fini(&s->disk);
	free(s->marks);
}

/* --- what is left of it ---------------------------------------------------------------------- */

struct verdict {
	unsigned int cuts;
	unsigned int lost; /* cuts after which a safe number is unknown to a sink */
	unsigned int altered;
	unsigned int bad;
};

static void on_found(void *context, const uint8_t *id, uint64_t next)
{
	struct book *book = context;
	unsigned int stream = kit_stream(id);

	/* From here on it is acknowledged. */
	book->safe[stream] = next > book->safe[stream] ? next : book->safe[stream];
}

static void know(struct book *book, unsigned int sink, unsigned int stream, uint64_t from,
		 uint64_t to)
{
	for (uint64_t n = from; n < to && n < NUMBERS; n++) {
		book->known[sink][stream][n] = 1;
	}
}

static void deliver_all(struct store *store, struct book *book, struct verdict *verdict)
{
	bool altered = false;
	bool bad = false;

	for (unsigned int sink = 0; sink < SINKS; sink++) {
		struct parcel *parcel;
		int got;
		while ((got = store_take(store, sink, &parcel, 0)) != 0) {
			if (got < 0) {
				bad = true;
				continue;
			}
			altered = altered || !kit_is_intact(parcel);
			know(book, sink, kit_stream(parcel->stream), parcel->after,
			     parcel->first + parcel->count);
			store_done(store, sink, parcel);
		}
	}
	verdict->altered += altered;
	verdict->bad += bad;
}

static bool is_whole(const struct book *book)
{
	for (unsigned int stream = 0; stream < KIT_STREAMS; stream++) {
		for (uint64_t n = 0; n < book->safe[stream]; n++) {
			for (unsigned int sink = 0; sink < SINKS; sink++) {
				if (!book->known[sink][stream][n]) {
					return false;
				}
			}
		}
	}
	return true;
}

/* The files in the folders, but not these: opening makes them, and it is slow. */
static void empty(const char *root)
{
	for (unsigned int i = 0; i < DISK_FOLDERS; i++) {
		char path[600];
		snprintf(path, sizeof(path), "%s/%s", root, disk_folders[i]);
		DIR *dir = opendir(path);
		const struct dirent *entry;
		while (dir && (entry = readdir(dir))) {
			if (entry->d_type == DT_REG) {
				unlinkat(dirfd(dir), entry->d_name, 0);
			}
		}
		if (dir) {
			closedir(dir);
		}
	}
}

struct replay {
	const struct session *s;
	struct model *model;
	struct book *book; /* of the marks so far */
	struct book *after;
	char *root;
	bool killed;
	const char *boot;
	struct verdict verdict;
};

static void look(struct replay *r, size_t at)
{
	uint64_t rng = at * 0x9e3779b97f4a7c15ull + 88172645463325252ull;
	struct store_config config = r->s->config;
	struct disk disk;
	struct store *store;

	empty(r->root);
	model_put(r->model, r->root, r->killed, &rng);
	*r->after = *r->book;
	disk_init(&disk, r->root, r->boot);
	config.folder = r->root;
	config.safe = 0;
	config.found = on_found;
	config.context = r->after;
	assert_int_equal(spool_open_with(&store, &config, &disk.io), 0);
	deliver_all(store, r->after, &r->verdict);
	store_close(store);
	disk_fini(&disk);
	r->verdict.cuts++;
	r->verdict.lost += !is_whole(r->after);
}

static void apply(struct book *book, const struct mark *mark)
{
	if (!mark->is_safe) {
		know(book, mark->sink, mark->stream, mark->from, mark->to);
	} else if (mark->to > book->safe[mark->stream]) {
		book->safe[mark->stream] = mark->to;
	}
}

/* After each operation, and what was said by then. */
static struct verdict replay(const struct session *s, bool killed, const char *boot, size_t stride)
{
	struct replay r = {.s = s,
			   .model = calloc(1, sizeof(*r.model)),
			   .book = calloc(1, sizeof(*r.book)),
			   .after = calloc(1, sizeof(*r.after)),
			   .root = kit_folder(),
			   .killed = killed,
			   .boot = boot};
	size_t mark = 0;

	assert_true(r.model && r.book && r.after);
	for (unsigned int i = 1; i < DISK_FOLDERS; i++) {
		char path[600];
		snprintf(path, sizeof(path), "%s/%s", r.root, disk_folders[i]);
		assert_int_equal(mkdir(path, 0750), 0);
	}
	for (size_t at = 0; at <= s->disk.op_count; at++) {
		for (; mark < s->mark_count && s->marks[mark].at <= at; mark++) {
			apply(r.book, &s->marks[mark]);
		}
		if (at % stride == 0) {
			look(&r, at);
		}
		if (at < s->disk.op_count) {
			model_step(r.model, &s->disk.ops[at]);
		}
	}
	kit_remove(r.root);
	free(r.root);
	free(r.book);
	free(r.after);
	model_free(r.model);
	return r.verdict;
}

/* --- tests --------------------------------------------------------------------------------------
 */

static void say(const char *what, const struct verdict *v)
{
	print_message("%s: %u cuts, %u lost, %u altered, %u bad\n", what, v->cuts, v->lost,
		      v->altered, v->bad);
}

enum control { NONE, NO_FILE_SYNC, NO_FOLDER_SYNC };

/* Which cuts of a session are looked at: for what must hold all, for what must be found some. */
enum { ALL = 1, SOME = 5 };

static struct verdict run(const char *what, unsigned int seed, enum store_sync sync,
			  enum control control, bool killed, const char *boot, size_t stride)
{
	struct session *s = malloc(sizeof(*s));

	assert_non_null(s);
	session_run(s, seed, sync, control == NO_FILE_SYNC, control == NO_FOLDER_SYNC);
	/* A session in which nothing happens proves nothing. */
	assert_true(s->disk.op_count > 200 && s->mark_count > 10);
	struct verdict verdict = replay(s, killed, boot, stride);
	say(what, &verdict);
	session_free(s);
	free(s);
	return verdict;
}

static void power_failure_anywhere_loses_nothing_safe(void **state)
{
	(void)state;
	for (unsigned int seed = 1; seed <= 3; seed++) {
		struct verdict v =
			run("power, batch", seed, STORE_SYNC_BATCH, NONE, false, "two", ALL);
		assert_int_equal(v.lost, 0);
		assert_int_equal(v.altered, 0);
		/* Each file was synced before it had a name in a sink's folder. */
		assert_int_equal(v.bad, 0);
	}
}

static void power_failure_between_intervals_loses_nothing_safe(void **state)
{
	(void)state;
	struct verdict v = run("power, interval", 11, STORE_SYNC_INTERVAL, NONE, false, "two", ALL);
	assert_int_equal(v.lost, 0);
	assert_int_equal(v.altered, 0);
	/* What is torn is met, and put aside. */
	assert_true(v.bad > 0);
}

static void kill_anywhere_loses_nothing_safe_or_found(void **state)
{
	static const enum store_sync syncs[] = {STORE_SYNC_BATCH, STORE_SYNC_INTERVAL,
						STORE_SYNC_NONE};

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		struct verdict v = run("kill", 21 + i, syncs[i], NONE, true, "one", ALL);
		assert_int_equal(v.lost, 0);
		assert_int_equal(v.altered, 0);
		assert_int_equal(v.bad, 0);
	}
}

/* The model can fail: these must be found. */
static void missing_file_sync_is_noticed(void **state)
{
	(void)state;
	struct verdict v =
		run("no fdatasync", 1, STORE_SYNC_BATCH, NO_FILE_SYNC, false, "two", SOME);
	assert_true(v.bad > 0);
}

static void missing_folder_sync_is_noticed(void **state)
{
	(void)state;
	struct verdict v =
		run("no fsync of folders", 1, STORE_SYNC_BATCH, NO_FOLDER_SYNC, false, "two", SOME);
	assert_true(v.lost > 0);
}

static void no_sync_loses_what_was_told_safe(void **state)
{
	(void)state;
	struct verdict v = run("power, none", 1, STORE_SYNC_NONE, NONE, false, "two", SOME);
	assert_true(v.lost > 0);
}

/* Why nothing is told found after a start of the machine. */
static void names_found_after_power_failure_would_promise_too_much(void **state)
{
	(void)state;
	struct verdict v =
		run("found after power failure", 1, STORE_SYNC_BATCH, NONE, false, "one", SOME);
	assert_true(v.lost > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(power_failure_anywhere_loses_nothing_safe),
		cmocka_unit_test(power_failure_between_intervals_loses_nothing_safe),
		cmocka_unit_test(kill_anywhere_loses_nothing_safe_or_found),
		cmocka_unit_test(missing_file_sync_is_noticed),
		cmocka_unit_test(missing_folder_sync_is_noticed),
		cmocka_unit_test(no_sync_loses_what_was_told_safe),
		cmocka_unit_test(names_found_after_power_failure_would_promise_too_much),
	};

	kit_hush();
	return cmocka_run_group_tests(tests, 0, 0);
}
