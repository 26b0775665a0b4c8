/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parser compiled for the kernel, run by the kernel on each golden row and
 * on mutations of them, must fill struct tl_packet as user space does, byte
 * for byte. argv[1] is the BPF object. Needs root.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>

#include "../../bpf/parse.h"
#include "../../common/exit.h"
#include "../golden/packets.h"
#include "probe.h"

enum {
	FRAME_MIN = 14,	  /* the kernel refuses shorter test frames */
	FRAME_MAX = 3400, /* and, without xdp.frags, those over a page less head and tail room */
	MUTATIONS = 20000,
	MUTATIONS_LEAST = 1000, /* where scaled down */
};

static struct kernel_side {
	struct bpf_object *object;
	int program;
	int result;
} kernel = {.program = -1, .result = -1};

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, format, args) : 0;
}

static int load(const char *path)
{
	libbpf_set_print(quiet);
	kernel.object = bpf_object__open_file(path, 0);
	if (!kernel.object) {
		return -errno;
	}
	int err = bpf_object__load(kernel.object);
	if (err < 0) {
		return err;
	}
	struct bpf_program *program = bpf_object__find_program_by_name(kernel.object, "parse");
	kernel.program = bpf_program__fd(program);
	kernel.result = bpf_object__find_map_fd_by_name(kernel.object, "result");
	return kernel.program < 0 || kernel.result < 0 ? -ENOENT : 0;
}

static struct tl_packet parse_in_kernel(const uint8_t *bytes, uint32_t len)
{
	struct tl_packet pkt;
	uint32_t zero = 0;
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = bytes, .data_size_in = len);

	/* what is left of the last frame must not pass for this one's */
	memset(&pkt, 0xee, sizeof(pkt));
	assert_int_equal(bpf_map_update_elem(kernel.result, &zero, &pkt, BPF_ANY), 0);
	assert_int_equal(bpf_prog_test_run_opts(kernel.program, &run), 0);
	assert_int_equal(run.retval, 2); /* XDP_PASS */
	assert_int_equal(bpf_map_lookup_elem(kernel.result, &zero, &pkt), 0);
	return pkt;
}

static struct tl_packet parse_here(const uint8_t *bytes, uint32_t len)
{
	struct tl_packet pkt;

	tl_parse_begin(&pkt);
	tl_parse_ethernet(bytes, bytes + len, len, &pkt);
	return pkt;
}

static void check(const char *name, const uint8_t *bytes, uint32_t len)
{
	struct tl_packet there = parse_in_kernel(bytes, len);
	struct tl_packet here = parse_here(bytes, len);

	if (memcmp(&there, &here, sizeof(here)) != 0) {
		print_error("[    ROW   ] %s, %u bytes\n", name, len);
	}
	assert_memory_equal(&there, &here, sizeof(here));
}

static void golden_row_in_the_kernel_equals_user_space(void **state)
{
	(void)state;
	unsigned int left_out = 0;

	for (unsigned int i = 0; i < golden_row_count; i++) {
		struct golden_frame frame;
		golden_build(&golden_rows[i], &frame);
		if (frame.len < FRAME_MIN || frame.len > FRAME_MAX) {
			left_out++;
			continue;
		}
		check(golden_rows[i].name, frame.packet.bytes, frame.len);
	}
	print_message("  %u rows, %u left out: below 14 or above %u bytes\n",
		      golden_row_count - left_out, left_out, FRAME_MAX);
	assert_true(left_out < 6);
}

static void golden_row_cut_anywhere_in_the_kernel_equals_user_space(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < golden_row_count; i++) {
		struct golden_frame frame;
		golden_build(&golden_rows[i], &frame);
		uint32_t most = frame.packet.len < 160 ? frame.packet.len : 160;
		for (uint32_t len = FRAME_MIN; len < most; len++) {
			check(golden_rows[i].name, frame.packet.bytes, len);
		}
	}
}

static void mutated_row_in_the_kernel_equals_user_space(void **state)
{
	(void)state;
	srandom(2);
	const unsigned int mutations = probe_scale(MUTATIONS, MUTATIONS_LEAST);
	for (unsigned int n = 0; n < mutations; n++) {
		const struct golden_row *row =
			&golden_rows[(unsigned long)random() % golden_row_count];
		struct golden_frame frame;
		golden_build(row, &frame);
		uint32_t within = frame.packet.len < 160 ? frame.packet.len : 160;
		for (int k = (int)(random() % 6); k >= 0; k--) {
			frame.packet.bytes[(unsigned long)random() % within] = (uint8_t)random();
		}
		uint32_t len = within;
		if (random() % 2) {
			len = FRAME_MIN + (uint32_t)random() % (within - FRAME_MIN + 1);
		}
		check(row->name, frame.packet.bytes, len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_row_in_the_kernel_equals_user_space),
		cmocka_unit_test(golden_row_cut_anywhere_in_the_kernel_equals_user_space),
		cmocka_unit_test(mutated_row_in_the_kernel_equals_user_space),
	};
	const char *object = getenv("TL_PARSE_BPF");
	const char *reason = probe_missing();

	if (!object) {
		fputs("test_parse_bpf: TL_PARSE_BPF must name the BPF object\n", stderr);
		return TL_EXIT_USAGE;
	}
	if (reason) {
		return probe_report_skip("test_parse_bpf", reason);
	}
	int err = load(object);
	if (err < 0) {
		fprintf(stderr, "test_parse_bpf: cannot load %s: %s\n", object, strerror(-err));
		return TL_EXIT_FAILED;
	}
	int failed = cmocka_run_group_tests(tests, 0, 0);
	bpf_object__close(kernel.object);
	return failed;
}
