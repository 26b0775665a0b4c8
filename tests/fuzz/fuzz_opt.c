/* SPDX-License-Identifier: BSD-2-Clause */
/* Command lines of any words, each ended by a NUL. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../common/opt.h"

struct config {
	bool flag;
	const char *text;
	struct tl_opt_list list;
	uint64_t number, duration, size;
	double factor;
	unsigned int choice;
};

static const char *const colours[] = {"red", "green", "blue", 0};

#define FIELD(name) offsetof(struct config, name)

static const struct tl_opt opts[] = {
	{'f', "flag", TL_OPT_FLAG, FIELD(flag), 0, "a flag", 0, 0, 0},
	{'t', "text", TL_OPT_STRING, FIELD(text), "TEXT", "a text", 0, 0, 0},
	{'l', "list", TL_OPT_LIST, FIELD(list), "ITEM", "an item", 0, 0, 0},
	{'n', "number", TL_OPT_NUMBER, FIELD(number), "N", "a number", 1, 100, 0},
	{'d', "duration", TL_OPT_DURATION, FIELD(duration), "TIME", "a time", 1000, 0, 0},
	{0, "size", TL_OPT_SIZE, FIELD(size), "BYTES", "a size", 0, 0, 0},
	{0, "factor", TL_OPT_FACTOR, FIELD(factor), "X", "a factor", 0, 0, 0},
	{'c', "choice", TL_OPT_CHOICE, FIELD(choice), "COLOUR", "a colour", 0, 0, colours},
	{0},
};

static const struct tl_program programs[] = {
	{.name = "fuzz", .summary = "s", .opts = opts},
	{.name = "fuzz", .summary = "s", .opts = opts, .mixed = true},
};

enum { ARGS_MAX = 200 };

static void require(int holds)
{
	if (!holds) {
		abort();
	}
}

static void parse(const struct tl_program *program, char *words, size_t size)
{
	char *argv[ARGS_MAX + 2] = {"fuzz"};
	struct config c = {.number = 1, .duration = 1000, .factor = 1};
	int argc = 1;

	for (char *at = words; at < words + size && argc < ARGS_MAX; at += strlen(at) + 1) {
		argv[argc++] = at;
	}
	int first = tl_opt_parse(program, argc, argv, &c);
	require(first == -EINVAL || (first >= 0 && first <= argc));
	require(c.number >= 1 && c.number <= 100 && c.duration >= 1000);
	require(c.choice < 3 && c.factor > 0 && c.list.count <= TL_OPT_LIST_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *words = malloc(size + 1);
	uint64_t value;

	for (int i = 0; i < 2; i++) {
		memcpy(words, data, size);
		words[size] = '\0';
		parse(&programs[i], words, size);
	}
	memcpy(words, data, size);
	tl_opt_parse_duration(words, &value);
	tl_opt_parse_size(words, &value);
	tl_opt_parse_number(words, &value);
	free(words);
	return 0;
}
