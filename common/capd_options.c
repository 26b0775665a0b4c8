/* SPDX-License-Identifier: BSD-2-Clause */
#include "capd_options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capd.h"
#include "clock.h"
#include "hop.h"
#include "log.h"

static const char *const directions[] = {"in", "out", "both", 0};
static const char *const probes[] = {"no", "attach", "load", 0};

#define FIELD(name) offsetof(struct tl_capd_options, name)

static const struct tl_opt opts[] = {
	{.short_name = 'i',
	 .long_name = "interface",
	 .kind = TL_OPT_LIST,
	 .metavar = "IFACE",
	 .offset = FIELD(interfaces),
	 .help = "interface to listen on, or any; repeatable"},
	{.short_name = 'f',
	 .long_name = "filter",
	 .kind = TL_OPT_STRING,
	 .metavar = "FILTER",
	 .offset = FIELD(filter),
	 .help = "pcap filter; also the words after the options"},
	{.short_name = 'o',
	 .long_name = "output",
	 .kind = TL_OPT_LIST,
	 .metavar = "PLACE",
	 .offset = FIELD(outputs),
	 .help = "URL, file or - (the default: stdout); repeatable: each gets all"},
	TL_OPT_ROW_WRITE(TL_OPT_LIST, FIELD(outputs)),
	{.short_name = 'c',
	 .long_name = "count",
	 .kind = TL_OPT_NUMBER,
	 .metavar = "COUNT",
	 .offset = FIELD(count),
	 .help = "stop after so many packets",
	 .min = 1},
	{.long_name = "duration",
	 .kind = TL_OPT_DURATION,
	 .metavar = "TIME",
	 .offset = FIELD(duration_ns),
	 .help = "stop after that time",
	 .min = TL_MS_NS},
	{.long_name = "direction",
	 .kind = TL_OPT_CHOICE,
	 .metavar = "WAY",
	 .offset = FIELD(direction),
	 .help = "in (the default), out or both",
	 .choices = directions},
	{.short_name = 'p',
	 .long_name = "no-promisc",
	 .kind = TL_OPT_FLAG,
	 .offset = FIELD(no_promisc),
	 .help = "leave the interface out of promiscuous mode"},
	{.long_name = "flows",
	 .kind = TL_OPT_NUMBER,
	 .metavar = "N",
	 .offset = FIELD(flows),
	 .help = "flows held for each thread (262144)",
	 .min = 1,
	 .max = 1 << 24},
	{.long_name = "every",
	 .kind = TL_OPT_NUMBER,
	 .metavar = "N",
	 .offset = FIELD(every),
	 .help = "packets between flow_updates (1024), 0: none",
	 .max = UINT32_MAX},
	{.long_name = "idle",
	 .kind = TL_OPT_DURATION,
	 .metavar = "TIME",
	 .offset = FIELD(idle_ns),
	 .help = "a flow ends after that silence (15s)",
	 .min = TL_MS_NS,
	 .max = 86400 * TL_SECOND_NS},
	{.long_name = "active",
	 .kind = TL_OPT_DURATION,
	 .metavar = "TIME",
	 .offset = FIELD(active_ns),
	 .help = "flow_update after that time (60s), 0: none",
	 .max = 86400 * TL_SECOND_NS},
	{.long_name = "linger",
	 .kind = TL_OPT_DURATION,
	 .metavar = "TIME",
	 .offset = FIELD(linger_ns),
	 .help = "a flow ends so long after FIN or RST (2s)",
	 .max = 86400 * TL_SECOND_NS},
	{.long_name = "community-id",
	 .kind = TL_OPT_FLAG,
	 .offset = FIELD(community_id),
	 .help = "give flow events a community_id (v1), to join them with others'"},
	{.long_name = "window",
	 .kind = TL_OPT_SIZE,
	 .metavar = "SIZE",
	 .offset = FIELD(window),
	 .help = "bytes of events kept until they are safe (16M)",
	 .min = 1 << 20,
	 .max = 1ull << 32},
	TL_OPT_ROW_NO_ACKS(FIELD(no_acks)),
	TL_OPT_ROW_ACK_URL(FIELD(ack_url)),
	TL_OPT_ROW_STATS(FIELD(stats_url)),
	TL_OPT_ROW_LIST_METRICS(FIELD(list_metrics)),
	TL_OPT_ROW_INSECURE(FIELD(insecure)),
	TL_OPT_ROW_READY_FD(FIELD(ready_fd)),
	{.long_name = "state",
	 .kind = TL_OPT_STRING,
	 .metavar = "FILE",
	 .offset = FIELD(state),
	 .help = "keep first and last time and number of packets counted there"},
	{.long_name = "cut",
	 .kind = TL_OPT_STRING,
	 .metavar = "FILE",
	 .offset = FIELD(cut),
	 .help = "on SIGUSR2: a time in ns since the epoch at which to end, or to begin"},
	{.long_name = "standby",
	 .kind = TL_OPT_FLAG,
	 .offset = FIELD(standby),
	 .help = "open everything, and count nothing before the first --cut"},
	{.long_name = "capabilities",
	 .kind = TL_OPT_FLAG,
	 .offset = FIELD(capabilities),
	 .help = "say what this engine can do, and exit"},
	{.long_name = "probe",
	 .kind = TL_OPT_CHOICE,
	 .metavar = "HOW",
	 .offset = FIELD(probe),
	 .help = "try it on -i without capturing; exit 0 usable, 3 not; load: not attaching",
	 .choices = probes,
	 .implied = "attach"},
	{.long_name = "plain",
	 .kind = TL_OPT_FLAG,
	 .offset = FIELD(plain),
	 .help = "those two as key=value lines instead of JSON"},
	{.kind = TL_OPT_FLAG},
};

static void set_defaults(struct tl_capd_options *options)
{
	struct tl_flowtab_config flows = tl_flowtab_defaults();

	options->flows = flows.max_flows;
	options->every = flows.every;
	options->idle_ns = flows.idle_ns;
	options->active_ns = flows.active_ns;
	options->linger_ns = flows.linger_ns;
	options->window = TL_OUTBOX_WINDOW;
}

struct tl_flowtab_config tl_capd_flows(const struct tl_capd_options *options)
{
	return (struct tl_flowtab_config){
		.max_flows = (uint32_t)options->flows,
		.every = (uint32_t)options->every,
		.idle_ns = options->idle_ns,
		.active_ns = options->active_ns,
		.linger_ns = options->linger_ns,
	};
}

static int take_words(struct tl_capd_options *options, char *const *words, int count)
{
	if (count == 0) {
		return 0;
	}
	if (options->filter) {
		tl_log_err("a filter by -f, or as words after the options ('%s'), not both",
			   words[0]);
		return -EINVAL;
	}
	options->joined_filter = tl_filter_join(words, count);
	options->filter = options->joined_filter;
	return options->filter ? 0 : -ENOMEM;
}

static int check_interfaces(const struct tl_opt_list *list)
{
	for (unsigned int i = 0; i < list->count; i++) {
		for (unsigned int k = 0; k < i; k++) {
			bool any = strcmp(list->items[k], "any") == 0 ||
				   strcmp(list->items[i], "any") == 0;
			if (any || strcmp(list->items[i], list->items[k]) == 0) {
				tl_log_err("-i %s and -i %s: packets would count twice",
					   list->items[k], list->items[i]);
				return -EINVAL;
			}
		}
	}
	return 0;
}

static int check(const struct tl_capd_options *options)
{
	if (options->capabilities || options->list_metrics) {
		return 0;
	}
	if (options->interfaces.count == 0) {
		tl_log_err("no interface: name one by -i IFACE, or -i any ('ip link' lists them)");
		return -EINVAL;
	}
	if (options->standby && !options->cut) {
		tl_log_err("--standby: nothing would end it: wants --cut FILE");
		return -EINVAL;
	}
	return check_interfaces(&options->interfaces);
}

static int take(struct tl_capd_options *options, const struct tl_capd_engine *engine, int argc,
		char **argv)
{
	struct tl_program program = {
		.name = engine->name,
		.summary = engine->summary,
		.operands = "[filter words]",
		.opts = opts,
		.more = engine->opts,
	};

	set_defaults(options);
	engine->set_defaults(options);
	int first = tl_opt_parse(&program, argc, argv, options);
	if (first <= 0) {
		return first;
	}
	int err = take_words(options, argv + first, argc - first);
	if (err == 0) {
		err = check(options);
	}
	if (err == 0) {
		err = engine->check(options);
	}
	return err < 0 ? err : 1;
}

int tl_capd_options_parse(struct tl_capd_options **out, const struct tl_capd_engine *engine,
			  int argc, char **argv)
{
	*out = calloc(1, engine->options_size);
	return *out ? take(*out, engine, argc, argv) : -ENOMEM;
}

void tl_capd_options_free(struct tl_capd_options *options)
{
	if (options) {
		free(options->joined_filter);
		free(options);
	}
}

enum tl_filter_direction tl_capd_options_direction(const struct tl_capd_options *options)
{
	static const enum tl_filter_direction ways[] = {TL_FILTER_IN, TL_FILTER_OUT,
							TL_FILTER_BOTH};

	return ways[options->direction];
}
