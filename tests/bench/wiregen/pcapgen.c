/* SPDX-License-Identifier: BSD-2-Clause */
/* pcapgen: writes the frames that wiregen would send to a pcap file. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "exit.h"
#include "log.h"
#include "opt.h"
#include "plan.h"

enum {
	PCAP_MAGIC = 0xa1b2c3d4, /* microseconds: all peers read it */
	PCAP_ETHERNET = 1,
	FRAME_MAX = 1514,
	BASE_S = 1700000000,
};

struct options {
	struct plan_options plan;
	const char *file;
	uint64_t count;
	uint64_t rate;
};

static const struct tl_opt opts[] = {
	{.short_name = 'w',
	 .long_name = "write",
	 .kind = TL_OPT_STRING,
	 .offset = offsetof(struct options, file),
	 .metavar = "FILE",
	 .help = "pcap file to write"},
	PLAN_OPTS(struct options, plan),
	{.long_name = "count",
	 .kind = TL_OPT_NUMBER,
	 .offset = offsetof(struct options, count),
	 .metavar = "N",
	 .min = 1,
	 .help = "frames (2000000)"},
	{.long_name = "rate",
	 .kind = TL_OPT_NUMBER,
	 .offset = offsetof(struct options, rate),
	 .metavar = "PPS",
	 .min = 1,
	 .max = 1000000,
	 .help = "frames a second of the time stamps (1000000)"},
	{0},
};

static const struct tl_program program = {
	.name = "pcapgen",
	.summary = "write generated frames to a pcap file",
	.opts = opts,
};

struct pcap_header {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t zone, accuracy, snaplen, link;
};

struct pcap_record {
	uint32_t seconds, micros, caplen, len;
};

static int write_frames(FILE *file, const struct options *o, const struct gen_plan *plan,
			uint32_t size)
{
	uint8_t frame[FRAME_MAX] = {0};
	struct pcap_header header = {.magic = PCAP_MAGIC,
				     .major = 2,
				     .minor = 4,
				     .snaplen = 65535,
				     .link = PCAP_ETHERNET};

	fwrite(&header, sizeof(header), 1, file);
	for (uint64_t n = 0; n < o->count; n++) {
		uint64_t micros = n * 1000000 / o->rate;
		struct pcap_record record = {.seconds = (uint32_t)(BASE_S + micros / 1000000),
					     .micros = (uint32_t)(micros % 1000000),
					     .caplen = size,
					     .len = size};
		plan_frame(plan, n, size, frame);
		fwrite(&record, sizeof(record), 1, file);
		fwrite(frame, size, 1, file);
	}
	return ferror(file) ? -EIO : 0;
}

static int pcapgen(const struct options *o)
{
	struct gen_plan plan;
	uint32_t size;

	if (plan_make(&o->plan, &plan, &size) < 0) {
		return TL_EXIT_USAGE;
	}
	FILE *file = fopen(o->file, "we");
	if (!file) {
		tl_log_err("open %s: %s", o->file, strerror(errno));
		return TL_EXIT_FAILED;
	}
	int err = write_frames(file, o, &plan, size);
	if (fclose(file) != 0 || err < 0) {
		tl_log_err("write %s: %s", o->file, strerror(errno));
		return TL_EXIT_FAILED;
	}
	return TL_EXIT_OK;
}

int main(int argc, char **argv)
{
	struct options options = {.plan = plan_defaults(), .count = 2000000, .rate = 1000000};

	int first = tl_opt_parse(&program, argc, argv, &options);
	if (first <= 0) {
		return first == 0 ? TL_EXIT_OK : TL_EXIT_USAGE;
	}
	if (first < argc || !options.file) {
		tl_log_err("%s", first < argc ? "takes no operands" : "-w FILE is needed");
		return TL_EXIT_USAGE;
	}
	return pcapgen(&options);
}
