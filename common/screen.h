/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the --top of a tool draws: the alternate screen of a terminal by ANSI escapes alone,
 * or, when stdout is no terminal, one block after the other. Nothing logs.
 */
#ifndef TL_SCREEN_H
#define TL_SCREEN_H

#include <stdbool.h>

#include "output.h"

struct tl_screen {
	struct tl_output out;
	bool terminal;
};

struct tl_screen_size {
	unsigned int rows;
	unsigned int columns;
};

/* Switches to the alternate screen, where there is one. Like all here: as tl_output_flush. */
int tl_screen_open(struct tl_screen *screen);

/* The size now: windows are resized. 24 x 120 without a terminal. */
struct tl_screen_size tl_screen_size(const struct tl_screen *screen);

/*
 * Shows lines of safe text, each cut to the width, in place of what was there.
 * Colours (SGR sequences, "\x1b[...m") take no width and end with the line.
 */
int tl_screen_draw(struct tl_screen *screen, const struct tl_textbuf *lines);

/* Back to the normal screen, as it was. */
int tl_screen_leave(struct tl_screen *screen);

/* Prints text as it is, after tl_screen_leave. */
int tl_screen_print(struct tl_screen *screen, const struct tl_textbuf *text);

void tl_screen_close(struct tl_screen *screen);

#endif
