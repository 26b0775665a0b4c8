/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Capture files of any bytes, through the source (gzip, zstd), the reader,
 * and the meter behind it: every frame is whole, and counted in one class.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../tools/pcap-flow/capture_file.h"

enum { FRAMES_MAX = 100000 }; /* what a small file may blow up to */

static struct tl_outbox *outbox;
static struct tl_stream *stream;

static void require(int holds)
{
	if (!holds) {
		abort();
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct tl_outbox_config config = {
		.places[0] = "/dev/null", .policy = TL_OUTBOX_WAIT, .window = TL_OUTBOX_WINDOW};

	(void)argc;
	(void)argv;
	require(tl_outbox_open(&outbox, &config) == 0);
	struct tl_stream_config to = {.outbox = outbox, .source = "fuzz", .iface = "file"};
	require(tl_stream_create(&stream, &to) == 0);
	return 0;
}

static void check_frames(const struct tl_frame *frames, int count)
{
	volatile uint8_t sum = 0;

	for (int i = 0; i < count; i++) {
		const struct tl_frame *f = &frames[i];
		require(f->len <= f->wire_len);
		require(f->ns / 1000000000u <= 0x3ffffffff); /* what a timestamp can say */
		for (uint32_t k = 0; k < f->len; k++) {
			sum = (uint8_t)(sum + f->data[k]);
		}
	}
}

static void read_all(struct tl_capture_file *file, struct tl_meter *meter)
{
	struct tl_frame frames[TL_METER_BURST];
	uint64_t total = 0;
	int count;

	while ((count = tl_capture_file_next(file, frames)) > 0 && total < FRAMES_MAX) {
		require(count <= TL_METER_BURST);
		check_frames(frames, count);
		tl_meter_add(meter, frames, (unsigned int)count);
		total += (uint64_t)count;
	}
	struct tl_meter_counts counts = tl_meter_counts(meter);
	uint64_t classes = 0;
	for (int class = 0; class < TL_CLASS_COUNT; class ++) {
		classes += counts.class_packets[class];
	}
	require(classes == total && counts.packets == total);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tl_meter_config config = {.stream = stream, .flows = tl_flowtab_defaults()};
	struct tl_capture_file *file;
	struct tl_source *source;
	struct tl_meter *meter;
	char path[32];
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	config.flows.max_flows = 64;
	config.features.packets = size % 4 == 0 ? 16 : 0; /* their memory takes longest to make */
	config.features.flows = 8;
	config.features.once = size % 8 == 0;
	require(tl_meter_create(&meter, &config) == 0);
	if (tl_source_open(&source, path, 0, 0) == 0) {
		if (tl_capture_file_open(&file, source, "fuzz") == 0) {
			read_all(file, meter);
			tl_capture_file_close(file);
		}
		tl_source_close(source);
	}
	tl_meter_end(meter, TL_END_EOF);
	tl_meter_flush(meter);
	tl_meter_destroy(meter);
	close(fd);
	return 0;
}
