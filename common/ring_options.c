/* SPDX-License-Identifier: BSD-2-Clause */
#include "ring_options.h"

#include <errno.h>

#include "../bpf/parse.h"
#include "log.h"

enum {
	SNAPLEN_FLOWS = 256, /* the headers; more only fills the ring sooner */
	SNAPLEN_HEADERS = TL_PARSE_MAX_OFFSET + 96, /* all that the parser may look at */
	SNAPLEN_FEATURES = SNAPLEN_HEADERS,	    /* and a hello behind usual headers */
	SNAPLEN_MIN = 64,
	PAYLOAD_DEFAULT = 64,
	PAYLOAD_MAX = 65535,
	THREADS_MAX = 64,
	BLOCK_DEFAULT = 1 << 20,
	BLOCK_MIN = 64 << 10,
	BLOCK_MAX = 4 << 20,
	RING_DEFAULT = 64 << 20,
};

#define FIELD(name) offsetof(struct tl_ring_options, name)

const struct tl_opt tl_ring_opts[] = {
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
	 .help = "bytes kept of a packet (256 + --payload N; long headers, --features 4096 + N)",
	 .min = SNAPLEN_MIN,
	 .max = 262144},
	TL_FEATURE_OPT_ROWS(FIELD(features)),
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
	{.kind = TL_OPT_FLAG},
};

void tl_ring_options_set_defaults(struct tl_capd_options *capd)
{
	struct tl_ring_options *options = (struct tl_ring_options *)capd;

	options->threads = 1;
	options->payload = PAYLOAD_DEFAULT;
	options->ring_size = RING_DEFAULT;
	options->block_size = BLOCK_DEFAULT;
	options->features = (struct tl_feature_options)TL_FEATURE_OPTIONS_DEFAULT;
}

int tl_ring_options_check(struct tl_capd_options *capd)
{
	const struct tl_ring_options *options = (const struct tl_ring_options *)capd;

	if ((options->block_size & (options->block_size - 1)) != 0) {
		tl_log_err("--block: bad value '%llu': wants a power of two",
			   (unsigned long long)options->block_size);
		return -EINVAL;
	}
	if (tl_feature_options_refuse(&options->features)) {
		return -EINVAL;
	}
	if (options->raw && options->features.on) {
		tl_log_err("--features with --raw: features are of flows, and --raw makes none");
		return -EINVAL;
	}
	return 0;
}

uint32_t tl_ring_options_snaplen(const struct tl_ring_options *options)
{
	if (options->snaplen != 0) {
		return (uint32_t)options->snaplen;
	}
	return (options->features.on ? SNAPLEN_FEATURES : SNAPLEN_FLOWS) +
	       (options->raw ? (uint32_t)options->payload : 0);
}

uint32_t tl_ring_options_long_snaplen(const struct tl_ring_options *options)
{
	if (options->snaplen != 0) {
		return (uint32_t)options->snaplen;
	}
	return SNAPLEN_HEADERS + (options->raw ? (uint32_t)options->payload : 0);
}
