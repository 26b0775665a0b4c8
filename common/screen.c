/* SPDX-License-Identifier: BSD-2-Clause */
#include "screen.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Alternate screen, no cursor, no wrapping at the right edge; and back. */
#define ENTER	   "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J"
#define LEAVE	   "\x1b[?7h\x1b[?25h\x1b[?1049l"
#define HOME	   "\x1b[H"
#define PLAIN	   "\x1b[0m"
#define END_LINE   "\x1b[K"
#define CLEAR_REST "\x1b[J"

static int add(struct tl_screen *screen, const char *text)
{
	return tl_textbuf_add(&screen->out.text, text, strlen(text));
}

int tl_screen_open(struct tl_screen *screen)
{
	int err = tl_output_open(&screen->out, "-");

	screen->terminal = isatty(STDOUT_FILENO);
	if (err < 0 || !screen->terminal) {
		return err;
	}
	return add(screen, ENTER) < 0 ? -ENOMEM : tl_output_flush(&screen->out);
}

struct tl_screen_size tl_screen_size(const struct tl_screen *screen)
{
	struct winsize window;

	if (!screen->terminal || ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) < 0 ||
	    window.ws_row == 0 || window.ws_col == 0) {
		return (struct tl_screen_size){24, 120};
	}
	return (struct tl_screen_size){window.ws_row, window.ws_col};
}

/* The bytes of the SGR sequence at `at`; 0 = there is none. */
static size_t colour_len(const char *at, const char *end)
{
	if (end - at < 3 || at[0] != '\x1b' || at[1] != '[') {
		return 0;
	}
	for (const char *p = at + 2; p < end; p++) {
		if (*p == 'm') {
			return (size_t)(p + 1 - at);
		}
		if (*p != ';' && (*p < '0' || *p > '9')) {
			break;
		}
	}
	return 0;
}

/* The bytes of the first `columns` characters, and of the colours among them. */
static size_t cut(const char *line, size_t len, unsigned int columns, bool *is_coloured)
{
	const char *end = line + len;
	unsigned int seen = 0;

	for (const char *at = line; at < end;) {
		size_t colour = colour_len(at, end);
		*is_coloured |= colour > 0;
		if (colour == 0 && ((uint8_t)*at & 0xc0) != 0x80 && seen++ == columns) {
			return (size_t)(at - line);
		}
		at += colour > 0 ? colour : 1;
	}
	return len;
}

static int add_line(struct tl_screen *screen, const char *line, size_t len, unsigned int columns)
{
	bool is_coloured = false;
	size_t shown = cut(line, len, columns, &is_coloured);
	int err = tl_textbuf_add(&screen->out.text, line, shown);

	if (err == 0 && is_coloured) {
		err = add(screen, PLAIN);
	}
	return err < 0 ? err : add(screen, END_LINE);
}

static int draw_lines(struct tl_screen *screen, const struct tl_textbuf *lines)
{
	struct tl_screen_size size = tl_screen_size(screen);
	const char *at = lines->data;
	const char *end = at + lines->len;
	int err = add(screen, HOME);

	for (unsigned int row = 0; row < size.rows && at < end && err == 0; row++) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((newline ? newline : end) - at);
		err = row > 0 ? add(screen, "\r\n") : 0;
		if (err == 0) {
			err = add_line(screen, at, len, size.columns);
		}
		at += len + 1;
	}
	return err == 0 ? add(screen, CLEAR_REST) : err;
}

int tl_screen_draw(struct tl_screen *screen, const struct tl_textbuf *lines)
{
	if (!screen->terminal) {
		return tl_screen_print(screen, lines);
	}
	return draw_lines(screen, lines) < 0 ? -ENOMEM : tl_output_flush(&screen->out);
}

int tl_screen_leave(struct tl_screen *screen)
{
	if (!screen->terminal) {
		return 0;
	}
	return add(screen, LEAVE) < 0 ? -ENOMEM : tl_output_flush(&screen->out);
}

int tl_screen_print(struct tl_screen *screen, const struct tl_textbuf *text)
{
	if (tl_textbuf_add(&screen->out.text, text->data, text->len) < 0) {
		return -ENOMEM;
	}
	return tl_output_flush(&screen->out);
}

void tl_screen_close(struct tl_screen *screen)
{
	tl_output_close(&screen->out);
}
