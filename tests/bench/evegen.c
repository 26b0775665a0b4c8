/* SPDX-License-Identifier: BSD-2-Clause */
/* usage: evegen BYTES [SEED]: whole lines of eve.json to stdout, about that many bytes of them. */
#include <stdio.h>
#include <stdlib.h>

#include "evemix.h"

int main(int argc, char **argv)
{
	static char line[EVEMIX_LINE_MAX];
	struct evemix mix;

	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: evegen BYTES [SEED]\n");
		return 2;
	}
	uint64_t left = strtoull(argv[1], 0, 0);
	evemix_init(&mix, argc > 2 ? strtoull(argv[2], 0, 0) : 1);
	while (left > 0) {
		size_t len = evemix_line(&mix, line);
		if (fwrite(line, 1, len, stdout) != len) {
			return 1;
		}
		left -= len < left ? len : left;
	}
	return fflush(stdout) == 0 ? 0 : 1;
}
