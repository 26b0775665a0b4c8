/* SPDX-License-Identifier: BSD-2-Clause */
/* common/filter, as far as it goes without an interface; tests/e2e/capture.bats has the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/filter.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "filter.h"

enum { SNAPLEN = 333 };

/* 10.0.0.1:1000 to 10.0.0.2:53, UDP, behind tag 100. */
static const uint8_t tagged[] = {
	2, 0, 0, 0,  0,	 2, 2, 0,  0, 0, 0, 1,	0x81, 0, 0, 100, 8,   0, 0x45, 0, 0, 28, 0,
	1, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0,    0, 2, 3,	 232, 0, 53,   0, 8, 0,	 0,
};

/* The same without the tag. */
static void strip(uint8_t to[sizeof(tagged) - 4])
{
	memcpy(to, tagged, 12);
	memcpy(to + 12, tagged + 16, sizeof(tagged) - 16);
}

static unsigned int run(const char *text, const uint8_t *frame, unsigned int len)
{
	struct bpf_program program;

	assert_int_equal(tl_filter_compile(&program, DLT_EN10MB, text, SNAPLEN), 0);
	unsigned int accepted = bpf_filter(program.bf_insns, frame, len, len);
	tl_filter_free(&program);
	return accepted;
}

static void packet_that_matches_is_accepted_with_the_snaplen(void **state)
{
	uint8_t plain[sizeof(tagged) - 4];

	(void)state;
	strip(plain);
	assert_int_equal(run("udp port 53", plain, sizeof(plain)), SNAPLEN);
	assert_int_equal(run("src host 10.0.0.1 and len < 100", plain, sizeof(plain)), SNAPLEN);
	assert_int_equal(run("vlan 100 and udp", tagged, sizeof(tagged)), SNAPLEN);
}

static void packet_that_does_not_match_is_refused(void **state)
{
	uint8_t plain[sizeof(tagged) - 4];

	(void)state;
	strip(plain);
	assert_int_equal(run("tcp", plain, sizeof(plain)), 0);
	assert_int_equal(run("vlan", plain, sizeof(plain)), 0);
	assert_int_equal(run("vlan 101", tagged, sizeof(tagged)), 0);
	assert_int_equal(run("udp port 53", plain, 20), 0);
}

static void empty_filter_accepts_everything(void **state)
{
	(void)state;
	assert_int_equal(run(0, tagged, 1), SNAPLEN);
	assert_int_equal(run("", tagged, 1), SNAPLEN);
}

static void filter_that_does_not_compile_is_invalid(void **state)
{
	static const char *const bad[] = {"tcp prot 80", "(",	"port 70000",	   "vlan 5000",
					  "ip[",	 "and", "udp and tcp port"};
	struct bpf_program program;

	(void)state;
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(tl_filter_compile(&program, DLT_EN10MB, bad[i], SNAPLEN), -EINVAL);
	}
}

static void link_type_decides_where_the_fields_are(void **state)
{
	struct bpf_program program;

	(void)state;
	assert_int_equal(tl_filter_compile(&program, DLT_RAW, "udp port 53", SNAPLEN), 0);
	assert_int_equal(bpf_filter(program.bf_insns, tagged + 18, 28, 28), SNAPLEN);
	tl_filter_free(&program);
}

/* The kernel checks a classic program when it is attached, to whatever socket. */
static int attach(const struct bpf_program *program)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	struct sock_fprog fprog = {
		.len = (unsigned short)program->bf_len,
		.filter = (struct sock_filter *)(void *)program->bf_insns,
	};

	assert_true(fd >= 0);
	int err = setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &fprog, sizeof(fprog)) < 0 ? -errno
											  : 0;
	close(fd);
	return err;
}

static void direction_is_tested_before_the_program(void **state)
{
	struct bpf_program plain;
	struct bpf_program program;

	(void)state;
	for (enum tl_filter_direction way = TL_FILTER_BOTH; way <= TL_FILTER_OUT; way++) {
		unsigned int more = way == TL_FILTER_BOTH ? 0 : 3;
		assert_int_equal(tl_filter_compile(&plain, DLT_EN10MB, "udp port 53", 96), 0);
		assert_int_equal(tl_filter_compile(&program, DLT_EN10MB, "udp port 53", 96), 0);
		assert_int_equal(tl_filter_prepend_direction(&program, way), 0);
		assert_int_equal(program.bf_len, plain.bf_len + more);
		assert_memory_equal(program.bf_insns + more, plain.bf_insns,
				    plain.bf_len * sizeof(struct bpf_insn));
		assert_int_equal(attach(&program), 0);
		tl_filter_free(&plain);
		tl_filter_free(&program);
	}
}

/* bpf_filter knows no packet type, so the test itself is run by hand. */
static void direction_goes_on_only_with_its_own(void **state)
{
	struct bpf_program program;

	(void)state;
	for (int out = 0; out < 2; out++) {
		assert_int_equal(tl_filter_compile(&program, DLT_EN10MB, 0, 96), 0);
		tl_filter_prepend_direction(&program, out ? TL_FILTER_OUT : TL_FILTER_IN);
		const struct bpf_insn *test = &program.bf_insns[1];
		assert_int_equal(test->k, 4 /* PACKET_OUTGOING */);
		/* Instruction 2 refuses, 3 is the program. */
		assert_int_equal(out ? test->jt : test->jf, 1);
		assert_int_equal(out ? test->jf : test->jt, 0);
		tl_filter_free(&program);
	}
}

/* Every way of accepting goes on in the tail, every way of refusing stays one. */
static void long_headers_are_asked_for_after_any_filter(void **state)
{
	static const char *const filters[] = {0, "udp port 53", "not ip6",
					      "vlan 5 and (tcp or udp)"};

	(void)state;
	for (unsigned int f = 0; f < sizeof(filters) / sizeof(filters[0]); f++) {
		struct bpf_program plain;
		struct bpf_program program;
		assert_int_equal(tl_filter_compile(&plain, DLT_EN10MB, filters[f], 96), 0);
		assert_int_equal(tl_filter_compile(&program, DLT_EN10MB, filters[f], 96), 0);
		assert_int_equal(tl_filter_append_long(&program, 96, 4096), 0);
		unsigned int tail = plain.bf_len;
		for (unsigned int i = 0; i < tail; i++) {
			const struct bpf_insn *was = &plain.bf_insns[i];
			const struct bpf_insn *is = &program.bf_insns[i];
			if (was->code == (BPF_RET | BPF_K) && was->k != 0) {
				assert_int_equal(is->code, BPF_JMP | BPF_JA);
				assert_int_equal(i + 1 + is->k, tail);
			} else {
				assert_memory_equal(is, was, sizeof(*is));
			}
		}
		assert_int_equal(program.bf_insns[program.bf_len - 2].k, 4096);
		assert_int_equal(program.bf_insns[program.bf_len - 1].k, 96);
		assert_int_equal(attach(&program), 0);
		tl_filter_free(&plain);
		tl_filter_free(&program);
	}
}

static void program_too_long_for_the_kernel_is_told(void **state)
{
	struct bpf_program program = {.bf_len = BPF_MAXINSNS - 2};

	(void)state;
	program.bf_insns = calloc(program.bf_len, sizeof(struct bpf_insn));
	assert_non_null(program.bf_insns);
	assert_int_equal(tl_filter_prepend_direction(&program, TL_FILTER_IN), -E2BIG);
	tl_filter_free(&program);
}

static void words_are_joined_by_blanks(void **state)
{
	char *words[] = {"tcp", "port", "80"};

	(void)state;
	for (int count = 0; count <= 3; count++) {
		static const char *const expected[] = {"", "tcp", "tcp port", "tcp port 80"};
		char *text = tl_filter_join(words, count);
		assert_string_equal(text, expected[count]);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packet_that_matches_is_accepted_with_the_snaplen),
		cmocka_unit_test(packet_that_does_not_match_is_refused),
		cmocka_unit_test(empty_filter_accepts_everything),
		cmocka_unit_test(filter_that_does_not_compile_is_invalid),
		cmocka_unit_test(link_type_decides_where_the_fields_are),
		cmocka_unit_test(direction_is_tested_before_the_program),
		cmocka_unit_test(direction_goes_on_only_with_its_own),
		cmocka_unit_test(long_headers_are_asked_for_after_any_filter),
		cmocka_unit_test(program_too_long_for_the_kernel_is_told),
		cmocka_unit_test(words_are_joined_by_blanks),
	};
	return cmocka_run_group_tests(tests, 0, 0);
}
