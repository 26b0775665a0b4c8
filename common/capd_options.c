/* SPDX-License-Identifier: BSD-2-Clause */
#include "capd_options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../bpf/parse.h"
#include "clock.h"
#include "hop.h"
#include "log.h"
#include "outbox.h"

enum {
	SNAPLEN_FLOWS = 256, /* the headers; more only fills the ring sooner */
	SNAPLEN_HEADERS = TL_PARSE_MAX_OFFSET + 96, /* all that the parser may look at */
	SNAPLEN_MIN = 64,
	PAYLOAD_DEFAULT = 64,
	PAYLOAD_MAX = 65535,
	THREADS_MAX = 64,
	BLOCK_DEFAULT = 1 << 20,
	BLOCK_MIN = 64 << 10,
	BLOCK_MAX = 4 << 20,
	RING_DEFAULT = 64 << 20,
};

static const char *const directions[] = {"in", "out", "both", 0};

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
	 .kind = TL_OPT_STRING,
	 .metavar = "PLACE",
	 .offset = FIELD(output),
	 .help = "URL, file or - (the default: stdout)"},
	{.short_name = 'w',
	 .long_name = "write",
	 .kind = TL_OPT_STRING,
	 .metavar = "PLACE",
	 .offset = FIELD(output),
	 .help = "the same as -o"},
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
	{.long_name = "threads",
	 .kind = TL_OPT_NUMBER,
	 .metavar = "N",
	 .offset = FIELD(threads),
	 .help = "rings and threads for each interface (1)",
	 .min = 1,
	 .max = THREADS_MAX},
	{.short_name = 's',
	 .long_name = "snaplen",
	 .kind = TL_OPT_NUMBER,
	 .metavar = "BYTES",
	 .offset = FIELD(snaplen),
	 .help = "bytes kept of a packet (256 + --payload N; long headers 4096 + N)",
	 .min = SNAPLEN_MIN,
	 .max = 262144},
	{.long_name = "raw",
	 .kind = TL_OPT_FLAG,
	 .offset = FIELD(raw),
	 .help = "an event for each packet instead of flows"},
	{.long_name = "payload",
	 .kind = TL_OPT_NUMBER,
	 .metavar = "N",
	 .offset = FIELD(payload),
	 .help = "--raw: bytes of payload in an event (64)",
	 .max = PAYLOAD_MAX},
	{.long_name = "include-own",
	 .kind = TL_OPT_FLAG,
	 .offset = FIELD(include_own),
	 .help = "--raw: also the tool's own and the caller's ssh connection"},
	{.long_name = "flows",
	 .kind = TL_OPT_NUMBER,
	 .metavar = "N",
	 .offset = FIELD(flows),
	 .help = "flows held for each ring (262144)",
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
	{.long_name = "ring",
	 .kind = TL_OPT_SIZE,
	 .metavar = "SIZE",
	 .offset = FIELD(ring_size),
	 .help = "buffer for each thread (64M)",
	 .min = BLOCK_MIN,
	 .max = 1ull << 32},
	{.long_name = "block",
	 .kind = TL_OPT_SIZE,
	 .metavar = "SIZE",
	 .offset = FIELD(block_size),
	 .help = "block of the ring, a power of two (1M)",
	 .min = BLOCK_MIN,
	 .max = BLOCK_MAX},
	{.long_name = "window",
	 .kind = TL_OPT_SIZE,
	 .metavar = "SIZE",
	 .offset = FIELD(window),
	 .help = "bytes of events kept for a slow consumer (16M)",
	 .min = 1 << 20,
	 .max = 1ull << 32},
	{.long_name = "insecure",
	 .kind = TL_OPT_FLAG,
	 .offset = FIELD(insecure),
	 .help = "allow tcp:// to other hosts, without authentication"},
	{.long_name = "ready-fd",
	 .kind = TL_OPT_NUMBER,
	 .metavar = "FD",
	 .offset = FIELD(ready_fd),
	 .help = "write a newline to that descriptor when capturing",
	 .min = 3,
	 .max = 65535},
	{.long_name = "capabilities",
	 .kind = TL_OPT_FLAG,
	 .offset = FIELD(capabilities),
	 .help = "say what this engine can do, and exit"},
	{.long_name = "probe",
	 .kind = TL_OPT_FLAG,
	 .offset = FIELD(probe),
	 .help = "try it on -i without capturing; exit 0 usable, 3 not"},
	{.long_name = "plain",
	 .kind = TL_OPT_FLAG,
	 .offset = FIELD(plain),
	 .help = "those two as key=value lines instead of JSON"},
	{.kind = TL_OPT_FLAG},
};

static void set_defaults(struct tl_capd_options *options)
{
	struct tl_flowtab_config flows = tl_flowtab_defaults();

	*options = (struct tl_capd_options){
		.output = "-",
		.threads = 1,
		.payload = PAYLOAD_DEFAULT,
		.flows = flows.max_flows,
		.every = flows.every,
		.idle_ns = flows.idle_ns,
		.active_ns = flows.active_ns,
		.linger_ns = flows.linger_ns,
		.ring_size = RING_DEFAULT,
		.block_size = BLOCK_DEFAULT,
		.window = TL_OUTBOX_WINDOW,
		.ready_fd = UINT64_MAX,
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
	if (options->capabilities) {
		return 0;
	}
	if (options->interfaces.count == 0) {
		tl_log_err("no interface: name one by -i IFACE, or -i any ('ip link' lists them)");
		return -EINVAL;
	}
	if ((options->block_size & (options->block_size - 1)) != 0) {
		tl_log_err("--block: bad value '%llu': wants a power of two",
			   (unsigned long long)options->block_size);
		return -EINVAL;
	}
	return check_interfaces(&options->interfaces);
}

int tl_capd_options_parse(struct tl_capd_options *options, const struct tl_capd_engine *engine,
			  int argc, char **argv)
{
	struct tl_program program = {
		.name = engine->name,
		.summary = engine->summary,
		.operands = "[filter words]",
		.opts = opts,
	};

	set_defaults(options);
	int first = tl_opt_parse(&program, argc, argv, options);
	if (first <= 0) {
		return first;
	}
	int err = take_words(options, argv + first, argc - first);
	if (err == 0) {
		err = check(options);
	}
	if (err == 0 && !options->capabilities && !options->probe &&
	    tl_hop_refuse_terminal(options->output)) {
		err = -EINVAL;
	}
	return err < 0 ? err : 1;
}

void tl_capd_options_fini(struct tl_capd_options *options)
{
	free(options->joined_filter);
	options->joined_filter = 0;
}

int tl_capd_options_ready_fd(const struct tl_capd_options *options)
{
	return options->ready_fd == UINT64_MAX ? -1 : (int)options->ready_fd;
}

uint32_t tl_capd_options_snaplen(const struct tl_capd_options *options)
{
	if (options->snaplen != 0) {
		return (uint32_t)options->snaplen;
	}
	return SNAPLEN_FLOWS + (options->raw ? (uint32_t)options->payload : 0);
}

uint32_t tl_capd_options_long_snaplen(const struct tl_capd_options *options)
{
	if (options->snaplen != 0) {
		return (uint32_t)options->snaplen;
	}
	return SNAPLEN_HEADERS + (options->raw ? (uint32_t)options->payload : 0);
}

enum tl_filter_direction tl_capd_options_direction(const struct tl_capd_options *options)
{
	static const enum tl_filter_direction ways[] = {TL_FILTER_IN, TL_FILTER_OUT,
							TL_FILTER_BOTH};

	return ways[options->direction];
}
