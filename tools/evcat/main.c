/* SPDX-License-Identifier: BSD-2-Clause */
/* evcat: shows, converts, selects, replays and checks streams of events. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "evcat.h"
#include "hop.h"
#include "log.h"
#include "modes.h"
#include "service.h"
#include "tell.h"

static const char *const sorts[] = {"bytes", "packets", "rate", 0};

#define FIELD(name) offsetof(struct evcat_config, name)

static const struct tl_opt opts[] = {
	{.short_name = 'I',
	 .long_name = "input",
	 .kind = TL_OPT_LIST,
	 .offset = FIELD(inputs),
	 .metavar = "PLACE",
	 .help = "URL to listen at, file, or - (the default); repeatable"},
	{.short_name = 'o',
	 .long_name = "output",
	 .kind = TL_OPT_STRING,
	 .offset = FIELD(out),
	 .metavar = "PLACE",
	 .help = "file, URL to dial, or -; without --json writes msgpack"},
	TL_OPT_ROW_WRITE(TL_OPT_STRING, FIELD(out)),
	{.long_name = "json", .offset = FIELD(json), .help = "JSON lines instead of a table"},
	{.long_name = "msgpack", .offset = FIELD(msgpack), .help = "batches instead of a table"},
	{.short_name = 't',
	 .long_name = "type",
	 .kind = TL_OPT_LIST,
	 .offset = FIELD(types),
	 .metavar = "TYPE[,TYPE]",
	 .help = "only events of these types; repeatable"},
	{.long_name = "where",
	 .kind = TL_OPT_LIST,
	 .offset = FIELD(wheres),
	 .metavar = "KEY=VALUE",
	 .help = "only events for which it holds, or KEY!=VALUE; repeatable"},
	{.short_name = 'c',
	 .long_name = "count",
	 .kind = TL_OPT_NUMBER,
	 .offset = FIELD(count),
	 .metavar = "COUNT",
	 .min = 1,
	 .help = "stop after so many events"},
	{.long_name = "top", .offset = FIELD(top), .help = "live table of flows and rates"},
	{.long_name = "sort",
	 .kind = TL_OPT_CHOICE,
	 .offset = FIELD(sort),
	 .metavar = "KEY",
	 .choices = sorts,
	 .help = "--top: flows by bytes (the default), packets or rate"},
	{.long_name = "check", .offset = FIELD(check), .help = "do numbers and totals agree?"},
	{.long_name = "replay",
	 .offset = FIELD(replay),
	 .help = "write the events again, as far apart as they were"},
	{.long_name = "speed",
	 .kind = TL_OPT_FACTOR,
	 .offset = FIELD(speed),
	 .metavar = "FACTOR",
	 .help = "--replay: so many times as fast (1)"},
	{.long_name = "fast", .offset = FIELD(fast), .help = "--replay: without waiting"},
	{.long_name = "same-stream",
	 .offset = FIELD(same_stream),
	 .help = "--replay: the batches as they are, not a new stream"},
	{.long_name = "from-json", .offset = FIELD(from_json), .help = "input is JSON lines"},
	{.long_name = "no-acks",
	 .offset = FIELD(no_acks),
	 .help = "neither tell producers what arrived, nor wait to be told"},
	TL_OPT_ROW_ACK_URL_IN(FIELD(ack_url)),
	TL_OPT_ROW_ALLOW_UID(FIELD(allow_uid)),
	TL_OPT_ROW_INSECURE(FIELD(insecure)),
	TL_OPT_ROW_STATS(FIELD(stats_url)),
	TL_OPT_ROW_LIST_METRICS(FIELD(list_metrics)),
	TL_OPT_ROW_READY_FD(FIELD(ready_fd)),
	{0},
};

static const struct tl_program program = {
	.name = "evcat",
	.summary = "Shows, converts, selects, replays and checks streams of events.",
	.operands = "[FILE | URL | -]...",
	.mixed = true,
	.opts = opts,
};

static int refuse(const char *text)
{
	tl_log_err("%s", text);
	return -EINVAL;
}

static int check_modes(const struct evcat_config *c)
{
	bool selects = c->types.count > 0 || c->wheres.count > 0 || c->count > 0;
	bool watches = c->top || c->check;

	if (c->json && (c->msgpack || c->replay || c->from_json)) {
		return refuse("--json does not go with --msgpack, --replay or --from-json");
	}
	if (watches && (c->json || c->msgpack || c->replay || c->from_json || c->out)) {
		return refuse("--top and --check write no events: no --json, --msgpack, --replay, "
			      "--from-json, -o");
	}
	if (c->check && selects) {
		return refuse("--check needs all events: no --type, --where, -c");
	}
	if (c->from_json && c->replay) {
		return refuse("--from-json and --replay: one after the other, through a pipe");
	}
	if (c->same_stream && selects) {
		return refuse("--same-stream: a selection is a new stream");
	}
	if (!c->replay && (c->same_stream || c->fast || c->speed != 1)) {
		return refuse("--speed, --fast and --same-stream are for --replay");
	}
	if (c->fast && c->speed != 1) {
		return refuse("--fast and --speed: one of them");
	}
	return 0;
}

/* What comes after a listening URL would never be read. */
static int check_places(const char *const *places, unsigned int count, bool from_json)
{
	for (unsigned int i = 0; i < count; i++) {
		if (tl_hop_is_url(places[i]) && from_json) {
			return refuse("--from-json reads files and pipes");
		}
		if (tl_hop_is_url(places[i]) && i + 1 < count) {
			return refuse("a URL has no end: it must be the last input");
		}
	}
	return 0;
}

/* -I and operands, in that order; stdin when there are none. */
static unsigned int collect_places(const struct evcat_config *c, int argc, char **argv, int first,
				   const char **places)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < c->inputs.count; i++) {
		places[count++] = c->inputs.items[i];
	}
	for (int i = first; i < argc; i++) {
		places[count++] = argv[i];
	}
	if (count == 0) {
		places[count++] = "-";
	}
	return count;
}

/* Opened for writing, an input would be empty. */
static bool is_overwritten(const struct evcat_config *c, const char **places, unsigned int count)
{
	const struct tl_opt_list out = {.count = c->out != 0, .items = {c->out}};

	for (unsigned int i = 0; i < count; i++) {
		if (tl_hop_refuse_same(&(struct tl_opt_list){1, {places[i]}}, &out)) {
			return true;
		}
	}
	return false;
}

static enum tl_exit run(struct evcat_config *c, const struct input_config *input)
{
	bool relays = c->msgpack || c->replay || c->from_json || (c->out && !c->json);

	if (c->top || c->check) {
		return mode_watch(c, input);
	}
	if (!relays) {
		return mode_print(c, input);
	}
	c->out = c->out ? c->out : "-";
	if (tl_hop_refuse_terminal(&(struct tl_opt_list){1, {c->out}})) {
		return TL_EXIT_USAGE;
	}
	return c->from_json ? mode_from_json(c, input) : mode_relay(c, input);
}

int main(int argc, char **argv)
{
	struct evcat_config config = {.speed = 1};
	int first = tl_opt_parse(&program, argc, argv, &config);

	if (first <= 0) {
		return first < 0 ? TL_EXIT_USAGE : TL_EXIT_OK;
	}
	if (config.list_metrics) {
		return tell_print_table() == 0 ? TL_EXIT_OK : TL_EXIT_FAILED;
	}
	const char **places = calloc((size_t)argc + TL_OPT_LIST_MAX, sizeof(*places));
	if (!places || tl_service_open() < 0) {
		return TL_EXIT_FAILED;
	}
	unsigned int count = collect_places(&config, argc, argv, first, places);
	if (check_modes(&config) < 0 || check_places(places, count, config.from_json) < 0 ||
	    is_overwritten(&config, places, count)) {
		free(places);
		return TL_EXIT_USAGE;
	}
	/* Of the two sides that may be a URL the input is the one whose acks have another place. */
	bool listens = count > 0 && tl_hop_is_url(places[count - 1]);
	const struct input_config input = {
		.out_hop = {.insecure = config.insecure,
			    .no_acks = config.no_acks,
			    .ack_url = listens ? 0 : config.ack_url},
		.places = places,
		.place_count = count,
		.hop = {.insecure = config.insecure,
			.no_acks = config.no_acks,
			.ack_url = config.ack_url,
			.allow_uid = &config.allow_uid},
		.stats_url = config.stats_url,
		.ready_fd = (int)config.ready_fd,
	};
	enum tl_exit code = run(&config, &input);
	free(places);
	return (int)code;
}
