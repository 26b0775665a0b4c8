/* SPDX-License-Identifier: BSD-2-Clause */
/* common/opt: what is taken, what is refused and how it is said. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../common/opt.h"

struct config {
	bool flag;
	const char *text;
	struct tl_opt_list list;
	uint64_t number;
	uint64_t duration;
	uint64_t size;
	double factor;
	unsigned int choice;
};

static const char *const colours[] = {"red", "green", "blue", 0};

#define FIELD(name) offsetof(struct config, name)

static const struct tl_opt opts[] = {
	{'f', "flag", TL_OPT_FLAG, FIELD(flag), 0, "a flag", 0, 0, 0, 0},
	{'t', "text", TL_OPT_STRING, FIELD(text), "TEXT", "a text", 0, 0, 0, 0},
	{'l', "list", TL_OPT_LIST, FIELD(list), "ITEM", "an item", 0, 0, 0, 0},
	{'n', "number", TL_OPT_NUMBER, FIELD(number), "N", "a number", 1, 100, 0, 0},
	{'d', "duration", TL_OPT_DURATION, FIELD(duration), "TIME", "a time", 1000, 3600000000000,
	 0, 0},
	{0, "size", TL_OPT_SIZE, FIELD(size), "BYTES", "a size", 0, 0, 0, 0},
	{0, "factor", TL_OPT_FACTOR, FIELD(factor), "X", "a factor", 0, 0, 0, 0},
	{'c', "choice", TL_OPT_CHOICE, FIELD(choice), "COLOUR", "a colour", 0, 0, colours, 0},
	{0},
};

static const struct tl_program program = {
	.name = "prog", .summary = "Does it.", .operands = "[WORD...]", .opts = opts};

enum { ARGS_MAX = 80, OUTPUT_MAX = 8192 };

/* What a run wrote on stdout and stderr. */
static char output[OUTPUT_MAX];

static void capture(FILE *file)
{
	rewind(file);
	size_t len = fread(output, 1, sizeof(output) - 1, file);
	output[len] = '\0';
	fclose(file);
}

/* Parses words that are parted by one space. */
static int parse_as(const struct tl_program *as, const char *words, struct config *config)
{
	static char text[4096];
	char *argv[ARGS_MAX] = {"prog"};
	int argc = 1;
	FILE *file = tmpfile();
	int out = dup(1);
	int err = dup(2);

	assert_non_null(file);
	snprintf(text, sizeof(text), "%s", words);
	for (char *word = strtok(text, " "); word && argc < ARGS_MAX - 1; word = strtok(0, " ")) {
		argv[argc++] = word;
	}
	argv[argc] = 0;
	fflush(stdout);
	dup2(fileno(file), 1);
	dup2(fileno(file), 2);
	int result = tl_opt_parse(as, argc, argv, config);
	fflush(stdout);
	dup2(out, 1);
	dup2(err, 2);
	close(out);
	close(err);
	capture(file);
	return result;
}

static int parse(const char *words, struct config *config)
{
	return parse_as(&program, words, config);
}

static void options_of_each_kind_are_stored(void **state)
{
	(void)state;
	struct config c = {0};
	int first = parse("-f --text hello -l one --list=two -ltwo -n 7 -d 100ms --size 256K "
			  "--factor 2.5 -c blue rest -f",
			  &c);

	assert_int_equal(first, 18);
	assert_true(c.flag);
	assert_string_equal(c.text, "hello");
	assert_int_equal(c.list.count, 3);
	assert_string_equal(c.list.items[1], "two");
	assert_int_equal(c.number, 7);
	assert_int_equal(c.duration, 100000000);
	assert_int_equal(c.size, 256 << 10);
	assert_true(c.factor == 2.5);
	assert_int_equal(c.choice, 2);
	assert_string_equal(output, "");
}

static void defaults_stay_when_nothing_is_given(void **state)
{
	(void)state;
	struct config c = {.number = 42, .text = "default"};

	assert_int_equal(parse("", &c), 1);
	assert_int_equal(c.number, 42);
	assert_string_equal(c.text, "default");
	assert_int_equal(parse("-- -f", &c), 2);
	assert_false(c.flag);
}

static void option_with_implied_value_takes_it_or_another(void **state)
{
	(void)state;
	static const struct tl_opt more[] = {
		{.long_name = "how",
		 .kind = TL_OPT_CHOICE,
		 .metavar = "COLOUR",
		 .offset = FIELD(choice),
		 .help = "a colour",
		 .choices = colours,
		 .implied = "blue"},
		{.kind = TL_OPT_FLAG},
	};
	struct tl_program both = program;
	struct config c = {0};

	both.more = more;
	assert_int_equal(parse_as(&both, "--how -f", &c), 3);
	assert_int_equal(c.choice, 2);
	assert_true(c.flag);
	assert_int_equal(parse_as(&both, "--how=green", &c), 2);
	assert_int_equal(c.choice, 1);
	assert_int_equal(parse_as(&both, "--how=mauve", &c), -EINVAL);
	assert_non_null(strstr(output, "--how: bad value 'mauve'"));
	assert_int_equal(parse_as(&both, "--help", &c), 0);
	assert_non_null(strstr(output, "--how[=COLOUR]"));
	assert_non_null(strstr(output, "--number"));
}

static void options_may_follow_operands_where_the_program_says_so(void **state)
{
	(void)state;
	struct config c = {0};
	struct tl_program mixed = program;

	mixed.mixed = true;
	assert_int_equal(parse("one -n 7 two", &c), 1);
	assert_int_equal(c.number, 0);
	assert_int_equal(parse_as(&mixed, "one -n 7 two", &c), 3);
	assert_int_equal(c.number, 7);
	assert_int_equal(parse_as(&mixed, "-n 8 -- one -n 9", &c), 4);
	assert_int_equal(c.number, 8);
}

static void assert_refused(const char *words, const char *said)
{
	struct config c = {0};

	assert_int_equal(parse(words, &c), -EINVAL);
	if (!strstr(output, said)) {
		print_error("wanted '%s' in: %s", said, output);
	}
	assert_non_null(strstr(output, said));
	/* one line, from the program, at the level of an error */
	assert_ptr_equal(strchr(output, '\n'), output + strlen(output) - 1);
	assert_memory_equal(output, "prog: error: ", 13);
}

static void bad_value_is_refused_in_one_line_that_names_it(void **state)
{
	(void)state;
	assert_refused("-n x", "'x'");
	assert_refused("-n 0", "1 to 100");
	assert_refused("-n 101", "'101'");
	assert_refused("-n -1", "'-1'");
	assert_refused("-n 1x", "'1x'");
	assert_refused("-n 99999999999999999999", "99999999999999999999");
	assert_refused("-d 5x", "--duration");
	assert_refused("-d 2h", "3600s");
	assert_refused("--size 1T", "'1T'");
	assert_refused("--factor 0", "above 0");
	assert_refused("--factor inf", "'inf'");
	assert_refused("--factor nan", "'nan'");
	assert_refused("-c pink", "one of red, green, blue");
	assert_refused("--nothing", "--nothing");
	assert_refused("-x", "-x");
	assert_refused("-t", "-t");
	assert_refused("--text", "--text");
	assert_refused("--flag=yes", "--flag");
}

static void list_beyond_its_bound_is_refused(void **state)
{
	(void)state;
	char words[1024] = "";
	struct config c = {0};

	for (int i = 0; i < TL_OPT_LIST_MAX; i++) {
		strcat(words, "-la ");
	}
	assert_int_equal(parse(words, &c), TL_OPT_LIST_MAX + 1);
	assert_int_equal(c.list.count, TL_OPT_LIST_MAX);
	strcat(words, "-la");
	assert_refused(words, "at most 64");
}

static void help_names_every_option_on_stdout(void **state)
{
	(void)state;
	struct config c = {0};

	assert_int_equal(parse("--help", &c), 0);
	assert_memory_equal(output, "usage: prog [options] [WORD...]\nDoes it.\n", 41);
	for (const struct tl_opt *opt = opts; opt->long_name; opt++) {
		assert_non_null(strstr(output, opt->long_name));
		assert_non_null(strstr(output, opt->help));
	}
	assert_non_null(strstr(output, "--version"));
	assert_int_equal(parse("-h", &c), 0);
	assert_int_equal(parse("--version", &c), 0);
	assert_memory_equal(output, "prog (tapline) ", 15);
}

static void duration_with_each_unit_is_nanoseconds(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t ns;
	} rows[] = {
		{"0", 0},
		{"5", 5000000000},
		{"5s", 5000000000},
		{"100ms", 100000000},
		{"10us", 10000},
		{"7ns", 7},
		{"1m", 60000000000},
		{"2h", 7200000000000},
		{"18446744073s", 18446744073000000000ull},
	};
	static const char *const bad[] = {
		"",    "s",  "-1s", "1.5s",	    "1 s",
		"1d",  " 1", "+1",  "18446744074s", "99999999999999999999ns",
		"0x10"};
	uint64_t ns;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(tl_opt_parse_duration(rows[i].text, &ns), 0);
		assert_true(ns == rows[i].ns);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(tl_opt_parse_duration(bad[i], &ns), -EINVAL);
	}
}

static void size_with_each_unit_is_bytes(void **state)
{
	(void)state;
	uint64_t bytes;

	assert_int_equal(tl_opt_parse_size("0", &bytes), 0);
	assert_int_equal(tl_opt_parse_size("64M", &bytes), 0);
	assert_int_equal(bytes, 64 << 20);
	assert_int_equal(tl_opt_parse_size("1G", &bytes), 0);
	assert_int_equal(bytes, 1 << 30);
	assert_int_equal(tl_opt_parse_size("17179869183G", &bytes), 0);
	assert_int_equal(tl_opt_parse_size("17179869184G", &bytes), -EINVAL);
	assert_int_equal(tl_opt_parse_size("1k", &bytes), -EINVAL);
	assert_int_equal(tl_opt_parse_size("M", &bytes), -EINVAL);
	assert_int_equal(tl_opt_parse_size("", &bytes), -EINVAL);
}

static void number_is_plain_decimal(void **state)
{
	(void)state;
	uint64_t number;

	assert_int_equal(tl_opt_parse_number("18446744073709551615", &number), 0);
	assert_true(number == UINT64_MAX);
	assert_int_equal(tl_opt_parse_number("18446744073709551616", &number), -EINVAL);
	assert_int_equal(tl_opt_parse_number("1K", &number), -EINVAL);
	assert_int_equal(tl_opt_parse_number("", &number), -EINVAL);
	assert_int_equal(tl_opt_parse_number("-0", &number), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_of_each_kind_are_stored),
		cmocka_unit_test(defaults_stay_when_nothing_is_given),
		cmocka_unit_test(option_with_implied_value_takes_it_or_another),
		cmocka_unit_test(options_may_follow_operands_where_the_program_says_so),
		cmocka_unit_test(bad_value_is_refused_in_one_line_that_names_it),
		cmocka_unit_test(list_beyond_its_bound_is_refused),
		cmocka_unit_test(help_names_every_option_on_stdout),
		cmocka_unit_test(duration_with_each_unit_is_nanoseconds),
		cmocka_unit_test(size_with_each_unit_is_bytes),
		cmocka_unit_test(number_is_plain_decimal),
	};
	return cmocka_run_group_tests(tests, 0, 0);
}
