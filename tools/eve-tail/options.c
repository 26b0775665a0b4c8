/* SPDX-License-Identifier: BSD-2-Clause */
#include "options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "clock.h"
#include "hop.h"
#include "log.h"
#include "outbox.h"
#include "tail.h"

#define FIELD(name) offsetof(struct options, name)

static const char *const starts[] = {"checkpoint", "start", "end", 0};
static const char *const probes[] = {"no", "attach", "load", 0};

_Static_assert(TAIL_FROM_CHECKPOINT == 0 && TAIL_FROM_START == 1 && TAIL_FROM_END == 2, "starts");

static const struct tl_opt opts[] = {
	{'r', "read", TL_OPT_LIST, FIELD(files), "PLACE",
	 "file, pattern, FIFO, unix:PATH, - (default: -, stdin); repeatable", 0, 0, 0, 0},
	{0, "from", TL_OPT_CHOICE, FIELD(from), "WHERE",
	 "checkpoint (the default), start or end: see the man page", 0, 0, starts, 0},
	{0, "once", TL_OPT_FLAG, FIELD(once), 0, "stop when all is read", 0, 0, 0, 0},
	{0, "checkpoint", TL_OPT_STRING, FIELD(checkpoint), "FILE",
	 "where to note what is safe, and to go on from", 0, 0, 0, 0},
	{0, "no-checkpoint", TL_OPT_FLAG, FIELD(no_checkpoint), 0,
	 "keep no note, also when sending to a URL", 0, 0, 0, 0},
	{0, "max-line", TL_OPT_SIZE, FIELD(max_line), "SIZE",
	 "of a longer line the first bytes only (1M)", TAIL_MAX_LINE_LEAST, TAIL_MAX_LINE, 0, 0},
	{0, "types", TL_OPT_STRING, FIELD(types), "TYPE,...", "event types to keep (all)", 0, 0, 0,
	 0},
	{0, "drop-stats", TL_OPT_FLAG, FIELD(drop_stats), 0, "leave out Suricata's stats events", 0,
	 0, 0, 0},
	{0, "raw", TL_OPT_FLAG, FIELD(raw), 0, "keep the line, as entity raw", 0, 0, 0, 0},
	{0, "community-id", TL_OPT_FLAG, FIELD(community_id), 0,
	 "compute community_id where a line has none", 0, 0, 0, 0},
	{'o', "output", TL_OPT_LIST, FIELD(outputs), "PLACE",
	 "URL, file or - (the default: stdout); repeatable: each gets all", 0, 0, 0, 0},
	TL_OPT_ROW_WRITE(TL_OPT_LIST, FIELD(outputs)),
	{'c', "count", TL_OPT_NUMBER, FIELD(count), "N", "stop after N lines", 1, 0, 0, 0},
	{0, "duration", TL_OPT_DURATION, FIELD(duration_ns), "TIME", "stop after that time",
	 TL_MS_NS, 0, 0, 0},
	{0, "window", TL_OPT_SIZE, FIELD(window), "SIZE",
	 "bytes of events kept until they are safe (16M)", 1 << 20, 1ull << 32, 0, 0},
	TL_OPT_ROW_NO_ACKS(FIELD(no_acks)),
	TL_OPT_ROW_ACK_URL(FIELD(ack_url)),
	TL_OPT_ROW_INSECURE(FIELD(insecure)),
	TL_OPT_ROW_STATS(FIELD(stats_url)),
	TL_OPT_ROW_LIST_METRICS(FIELD(list_metrics)),
	TL_OPT_ROW_READY_FD(FIELD(ready_fd)),
	{0, "capabilities", TL_OPT_FLAG, FIELD(capabilities), 0,
	 "say what this engine can do, and exit", 0, 0, 0, 0},
	{0, "probe", TL_OPT_CHOICE, FIELD(probe), "HOW",
	 "say whether one of the places can be read; exit 0 yes, 3 no", 0, 0, probes, "attach"},
	{0, "plain", TL_OPT_FLAG, FIELD(plain), 0, "those two as key=value lines instead of JSON",
	 0, 0, 0, 0},
	{0},
};

static const struct tl_program program = {
	.name = "eve-tail",
	.summary =
		"Turns the lines of Suricata's eve.json into a stream of events, and follows it.",
	.operands = "[file ...]",
	.opts = opts,
	.mixed = true,
};

static int compare_types(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted: the order on the command line does not make another selection. */
static int cut_types(struct options *o)
{
	size_t count = 0, room = strlen(o->types) / 2 + 2;
	char *rest;

	o->type_text = strdup(o->types);
	o->kept = calloc(room, sizeof(*o->kept));
	if (!o->type_text || !o->kept) {
		return -ENOMEM;
	}
	for (char *type = strtok_r(o->type_text, ",", &rest); type;
	     type = strtok_r(0, ",", &rest)) {
		o->kept[count++] = type;
	}
	if (count == 0) {
		tl_log_err("--types '%s': name at least one, as in --types alert,dns", o->types);
		return -EINVAL;
	}
	qsort(o->kept, count, sizeof(*o->kept), compare_types);
	return 0;
}

uint64_t options_select_hash(const struct options *o)
{
	uint64_t hash = o->drop_stats;

	for (const char *const *type = (const char *const *)o->kept; type && *type; type++) {
		hash = XXH3_64bits_withSeed(*type, strlen(*type) + 1, hash);
	}
	return hash;
}

static int take_operands(struct options *o, char *const *operands, int count)
{
	for (int i = 0; i < count; i++) {
		if (o->files.count == TL_OPT_LIST_MAX) {
			tl_log_err("'%s': at most %d places to read", operands[i], TL_OPT_LIST_MAX);
			return -EINVAL;
		}
		o->files.items[o->files.count++] = operands[i];
	}
	if (o->files.count == 0) {
		o->files = (struct tl_opt_list){.count = 1, .items = {"-"}};
	}
	return 0;
}

static bool sends_to_url(const struct options *o)
{
	for (unsigned int i = 0; i < o->outputs.count; i++) {
		if (tl_hop_is_url(o->outputs.items[i])) {
			return true;
		}
	}
	return false;
}

static bool reads_files(const struct options *o)
{
	return o->files.count != 1 || strcmp(o->files.items[0], "-") != 0;
}

static int check(const struct options *o)
{
	if (o->checkpoint && o->no_checkpoint) {
		tl_log_err("--checkpoint %s and --no-checkpoint: give one", o->checkpoint);
		return -EINVAL;
	}
	if (!o->checkpoint && !o->no_checkpoint && sends_to_url(o) && reads_files(o)) {
		tl_log_err("%s: give --checkpoint FILE, so that a restart goes on behind what is "
			   "safe, or --no-checkpoint",
			   o->files.items[0]);
		return -EINVAL;
	}
	if (!reads_files(o) && isatty(STDIN_FILENO)) {
		tl_log_err("nothing to read: name a file by -r FILE, or give the lines on stdin");
		return -EINVAL;
	}
	return 0;
}

int options_parse(struct options *o, int argc, char **argv)
{
	*o = (struct options){
		.max_line = TAIL_MAX_LINE,
		.window = TL_OUTBOX_WINDOW,
	};
	int first = tl_opt_parse(&program, argc, argv, o);
	if (first <= 0) {
		return first;
	}
	int err = take_operands(o, argv + first, argc - first);
	if (err == 0 && o->types) {
		err = cut_types(o);
	}
	if (err == 0 && !o->capabilities && !o->list_metrics && o->probe == OPTIONS_PROBE_NO) {
		err = check(o);
	}
	return err < 0 ? err : 1;
}

void options_fini(struct options *o)
{
	free(o->kept);
	free(o->type_text);
}
