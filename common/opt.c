/* SPDX-License-Identifier: BSD-2-Clause */
#include "opt.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"

enum {
	OPT_MAX = 64,
	LONG_ONLY = 256, /* getopt value of row 0 when it has no short name */
};

static const struct tl_opt common_opts[] = {
	{.short_name = 'v', .long_name = "verbose", .help = "say more; twice for debugging"},
	{.short_name = 'q', .long_name = "quiet", .help = "errors and warnings only"},
	{.short_name = 'h', .long_name = "help", .help = "this text"},
	{.short_name = 'V', .long_name = "version", .help = "the version"},
	{0},
};

struct unit {
	const char *suffix;
	uint64_t factor;
};

static const struct unit durations[] = {
	{"", TL_SECOND_NS}, {"s", TL_SECOND_NS},      {"ms", TL_MS_NS},		  {"us", 1000},
	{"ns", 1},	    {"m", 60 * TL_SECOND_NS}, {"h", 3600 * TL_SECOND_NS}, {0, 0},
};

static const struct unit sizes[] = {
	{"", 1}, {"K", 1024}, {"M", 1024 * 1024}, {"G", 1024 * 1024 * 1024}, {0, 0},
};

static int parse_digits(const char *text, uint64_t *number, const char **rest)
{
	if (*text < '0' || *text > '9') {
		return -EINVAL;
	}
	char *end;
	errno = 0;
	unsigned long long value = strtoull(text, &end, 10);
	if (errno != 0) {
		return -EINVAL;
	}
	*number = value;
	*rest = end;
	return 0;
}

static int parse_units(const char *text, const struct unit *units, uint64_t *out)
{
	uint64_t number;
	const char *rest;

	if (parse_digits(text, &number, &rest) < 0) {
		return -EINVAL;
	}
	for (; units->suffix; units++) {
		if (strcmp(rest, units->suffix) == 0) {
			return __builtin_mul_overflow(number, units->factor, out) ? -EINVAL : 0;
		}
	}
	return -EINVAL;
}

int tl_opt_parse_duration(const char *text, uint64_t *ns)
{
	return parse_units(text, durations, ns);
}

int tl_opt_parse_size(const char *text, uint64_t *bytes)
{
	return parse_units(text, sizes, bytes);
}

int tl_opt_parse_number(const char *text, uint64_t *number)
{
	const char *rest;
	uint64_t value;

	if (parse_digits(text, &value, &rest) < 0 || *rest != '\0') {
		return -EINVAL;
	}
	*number = value;
	return 0;
}

static int parse_factor(const char *text, double *factor)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end != '\0' || !isfinite(value) || value <= 0) {
		return -EINVAL;
	}
	*factor = value;
	return 0;
}

static int parse_choice(const struct tl_opt *opt, const char *text, unsigned int *index)
{
	for (unsigned int i = 0; opt->choices[i]; i++) {
		if (strcmp(opt->choices[i], text) == 0) {
			*index = i;
			return 0;
		}
	}
	return -EINVAL;
}

static bool in_range(const struct tl_opt *opt, uint64_t value)
{
	return value >= opt->min && (opt->max == 0 || value <= opt->max);
}

static int add_item(struct tl_opt_list *list, const char *item)
{
	if (list->count == TL_OPT_LIST_MAX) {
		return -EINVAL;
	}
	list->items[list->count++] = item;
	return 0;
}

static int parse_scaled(const struct tl_opt *opt, const char *text, uint64_t *out)
{
	uint64_t value;
	int err = opt->kind == TL_OPT_NUMBER	 ? tl_opt_parse_number(text, &value)
		  : opt->kind == TL_OPT_DURATION ? tl_opt_parse_duration(text, &value)
						 : tl_opt_parse_size(text, &value);
	if (err < 0 || !in_range(opt, value)) {
		return -EINVAL;
	}
	*out = value;
	return 0;
}

static int store(const struct tl_opt *opt, const char *text, void *config)
{
	void *field = (char *)config + opt->offset;

	switch (opt->kind) {
	case TL_OPT_FLAG:
		*(bool *)field = true;
		return 0;
	case TL_OPT_STRING:
		*(const char **)field = text;
		return 0;
	case TL_OPT_LIST:
		return add_item(field, text);
	case TL_OPT_FACTOR:
		return parse_factor(text, field);
	case TL_OPT_CHOICE:
		return parse_choice(opt, text, field);
	default:
		return parse_scaled(opt, text, field);
	}
}

static void describe_unit(char *to, size_t size, const struct tl_opt *opt, uint64_t value)
{
	if (opt->kind != TL_OPT_DURATION) {
		snprintf(to, size, "%llu", (unsigned long long)value);
	} else if (value % TL_SECOND_NS == 0) {
		snprintf(to, size, "%llus", (unsigned long long)(value / TL_SECOND_NS));
	} else {
		snprintf(to, size, "%lluus", (unsigned long long)(value / 1000));
	}
}

static void describe_allowed(char *to, size_t size, const struct tl_opt *opt)
{
	static const char *const kinds[] = {
		[TL_OPT_LIST] = "at most 64 of them",
		[TL_OPT_NUMBER] = "a whole number",
		[TL_OPT_DURATION] = "a duration such as 100ms, 5s or 1m",
		[TL_OPT_SIZE] = "a size such as 65536, 256K or 64M",
		[TL_OPT_FACTOR] = "a number above 0",
	};
	size_t at = 0;

	if (opt->kind == TL_OPT_CHOICE) {
		for (unsigned int i = 0; opt->choices[i] && at < size; i++) {
			at += (size_t)snprintf(to + at, size - at, "%s%s", i ? ", " : "one of ",
					       opt->choices[i]);
		}
		return;
	}
	at = (size_t)snprintf(to, size, "%s", kinds[opt->kind]);
	if (opt->max != 0 || opt->min != 0) {
		char min[32];
		char max[32] = "";
		describe_unit(min, sizeof(min), opt, opt->min);
		if (opt->max != 0) {
			describe_unit(max, sizeof(max), opt, opt->max);
		}
		snprintf(to + at, size - at, ", %s%s%s", opt->max ? "" : "at least ", min,
			 opt->max ? " to " : "");
		at = strlen(to);
		snprintf(to + at, size - at, "%s", max);
	}
}

static void refuse(const struct tl_opt *opt, const char *text)
{
	char allowed[256];

	describe_allowed(allowed, sizeof(allowed), opt);
	if (opt->long_name) {
		tl_log_err("--%s: bad value '%s': wants %s", opt->long_name, text, allowed);
	} else {
		tl_log_err("-%c: bad value '%s': wants %s", opt->short_name, text, allowed);
	}
}

static bool is_last(const struct tl_opt *opt)
{
	return opt->short_name == 0 && !opt->long_name;
}

static void print_rows(const struct tl_opt *opts)
{
	for (; !is_last(opts); opts++) {
		char left[64];
		char dash[4] = "   ";
		if (opts->short_name) {
			snprintf(dash, sizeof(dash), "-%c%s", opts->short_name,
				 opts->long_name ? "," : "");
		}
		snprintf(left, sizeof(left), opts->implied ? "%-3s %s%s[%s%s]" : "%-3s %s%s%s%s",
			 dash, opts->long_name ? "--" : "", opts->long_name ? opts->long_name : "",
			 !opts->metavar	 ? ""
			 : opts->implied ? "="
					 : " ",
			 opts->metavar ? opts->metavar : "");
		printf("  %-28s  %s\n", left, opts->help);
	}
}

static void print_help(const struct tl_program *program)
{
	printf("usage: %s [options]%s%s\n%s\n\n", program->name, program->operands ? " " : "",
	       program->operands ? program->operands : "", program->summary);
	print_rows(program->opts);
	if (program->more) {
		print_rows(program->more);
	}
	print_rows(common_opts);
	printf("\nexit: 0 clean stop or end of input, 1 failed while running, 2 usage,\n"
	       "      3 this machine lacks something; see %s(1)\n",
	       program->name);
}

struct getopt_tables {
	const struct tl_opt *rows[OPT_MAX];
	struct option long_opts[OPT_MAX + 1];
	char short_opts[3 * OPT_MAX + 2];
	int count;
};

static void add_rows(struct getopt_tables *t, const struct tl_opt *opts)
{
	for (; !is_last(opts) && t->count < OPT_MAX; opts++) {
		int has_arg = opts->kind == TL_OPT_FLAG ? no_argument
			      : opts->implied		? optional_argument
							: required_argument;
		t->rows[t->count] = opts;
		t->long_opts[t->count] = (struct option){
			.name = opts->long_name ? opts->long_name : "",
			.has_arg = has_arg,
			.val = LONG_ONLY + t->count,
		};
		if (opts->short_name) {
			char spec[3] = {opts->short_name, has_arg ? ':' : '\0', '\0'};
			strcat(t->short_opts, spec);
		}
		t->count++;
	}
}

static const struct tl_opt *find_row(const struct getopt_tables *t, int value)
{
	if (value >= LONG_ONLY) {
		return t->rows[value - LONG_ONLY];
	}
	for (int i = 0; i < t->count; i++) {
		if (t->rows[i]->short_name == value) {
			return t->rows[i];
		}
	}
	return 0;
}

static void refuse_unknown(int value, char **argv)
{
	const char *word = argv[optind - 1];

	if (value == ':') {
		tl_log_err("option '%s' wants a value", word);
	} else if (optopt > 0 && optopt < LONG_ONLY) {
		tl_log_err("unknown option '-%c'; --help lists what there is", optopt);
	} else {
		tl_log_err("unknown or ambiguous option '%s'; --help lists what there is", word);
	}
}

/* Answers the options every tool has. Returns 1 when `row` was one of them, 2 to stop. */
static int take_common(const struct tl_program *program, const struct tl_opt *row, int *level)
{
	if (row < common_opts || row >= common_opts + 4) {
		return 0;
	}
	switch (row->short_name) {
	case 'v':
		(*level)++;
		return 1;
	case 'q':
		(*level)--;
		return 1;
	case 'h':
		print_help(program);
		return 2;
	default:
		printf("%s (tapline) %s\n", program->name, TL_VERSION);
		return 2;
	}
}

int tl_opt_parse(const struct tl_program *program, int argc, char **argv, void *config)
{
	struct getopt_tables t = {.short_opts = "+:"};
	int level = TL_LOG_NOTE;
	int value;

	if (program->mixed) {
		strcpy(t.short_opts, ":");
	}
	tl_log_open(program->name);
	add_rows(&t, program->opts);
	if (program->more) {
		add_rows(&t, program->more);
	}
	add_rows(&t, common_opts);
	optind = 0;
	opterr = 0;
	while ((value = getopt_long(argc, argv, t.short_opts, t.long_opts, 0)) != -1) {
		if (value == '?' || value == ':') {
			refuse_unknown(value, argv);
			return -EINVAL;
		}
		const struct tl_opt *row = find_row(&t, value);
		int taken = take_common(program, row, &level);
		if (taken == 2) {
			return 0;
		}
		const char *text = optarg ? optarg : row->implied;
		if (taken == 0 && store(row, text, config) < 0) {
			refuse(row, text);
			return -EINVAL;
		}
	}
	level = level < TL_LOG_WARN ? TL_LOG_WARN : level > TL_LOG_DEBUG ? TL_LOG_DEBUG : level;
	tl_log_set_level((enum tl_log_level)level);
	return optind;
}
