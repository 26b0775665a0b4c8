/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * usage: evedump [community_id] [raw] < lines > batches: the normaliser of eve-tail by itself, for
 * tests; numbers are those of the lines, the time of a line without one is 1 s.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../tools/eve-tail/eve.h"

static void fail(const char *what)
{
	fprintf(stderr, "evedump: %s\n", what);
	exit(1);
}

static void push(struct tl_batch_writer *w, uint64_t *first)
{
	struct tl_batch_head head = {.stream = "evedump",
				     .after = *first,
				     .first = *first,
				     .source = TL_STR("evedump"),
				     .host = TL_STR(""),
				     .iface = TL_STR("")};
	struct tl_msg *msg;

	*first += w->count;
	if (tl_batch_finish(w, &head, &msg) < 0 ||
	    fwrite(msg->data, 1, msg->len, stdout) != msg->len) {
		fail("batch not written");
	}
	tl_msg_free(msg);
}

static void put(struct eve *eve, struct tl_batch_writer *w, uint64_t *first, const char *line,
		size_t len)
{
	int err = eve_put(eve, w, line, len, len, 0, 1000000000);

	if (err == -ENOSPC) {
		push(w, first);
		err = eve_put(eve, w, line, len, len, 0, 1000000000);
	}
	if (err != 1) {
		fail("line not taken");
	}
}

int main(int argc, char **argv)
{
	struct eve_config config = {0};
	struct tl_batch_writer w;
	struct eve *eve;
	uint64_t first = 0;
	size_t capacity = 0;
	char *text = 0;
	ssize_t len;

	for (int i = 1; i < argc; i++) {
		config.community_id = config.community_id || strcmp(argv[i], "community_id") == 0;
		config.raw = config.raw || strcmp(argv[i], "raw") == 0;
	}
	if (eve_create(&eve, &config) < 0) {
		fail("no memory");
	}
	tl_batch_init(&w, eve_shapes(eve));
	while ((len = getline(&text, &capacity, stdin)) > 0) {
		len -= text[len - 1] == '\n';
		char *line = malloc((size_t)len + EVE_PADDING);
		if (!line) {
			fail("no memory");
		}
		memcpy(line, text, (size_t)len);
		memset(line + len, '}', EVE_PADDING);
		put(eve, &w, &first, line, (size_t)len);
		free(line);
	}
	push(&w, &first);
	tl_batch_fini(&w);
	eve_destroy(eve);
	free(text);
	return fflush(stdout) == 0 ? 0 : 1;
}
