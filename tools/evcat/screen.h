/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where --top draws: the alternate screen of a terminal by ANSI escapes alone,
 * or, when stdout is no terminal, one block after the other. Nothing logs.
 */
#ifndef EVCAT_SCREEN_H
#define EVCAT_SCREEN_H

#include <stdbool.h>

#include "output.h"

struct screen {
	struct output out;
	bool terminal;
};

struct screen_size {
	unsigned int rows;
	unsigned int columns;
};

/* Switches to the alternate screen, where there is one. enum evcat_step. */
int screen_open(struct screen *screen);

/* The size now: windows are resized. 24 x 120 without a terminal. */
struct screen_size screen_size(const struct screen *screen);

/* Shows lines of safe text, each cut to the width, in place of what was there. */
int screen_draw(struct screen *screen, const struct tl_textbuf *lines);

/* Back to the normal screen, as it was. */
int screen_leave(struct screen *screen);

/* Prints text as it is, after screen_leave. */
int screen_print(struct screen *screen, const struct tl_textbuf *text);

void screen_close(struct screen *screen);

#endif
