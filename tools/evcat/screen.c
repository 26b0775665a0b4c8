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
#define END_LINE   "\x1b[K"
#define CLEAR_REST "\x1b[J"

static int add(struct screen *screen, const char *text)
{
	return tl_textbuf_add(&screen->out.text, text, strlen(text));
}

int screen_open(struct screen *screen)
{
	int err = output_open(&screen->out, "-");

	screen->terminal = isatty(STDOUT_FILENO);
	if (err < 0 || !screen->terminal) {
		return err;
	}
	return add(screen, ENTER) < 0 ? -ENOMEM : output_flush(&screen->out);
}

struct screen_size screen_size(const struct screen *screen)
{
	struct winsize window;

	if (!screen->terminal || ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) < 0 ||
	    window.ws_row == 0 || window.ws_col == 0) {
		return (struct screen_size){24, 120};
	}
	return (struct screen_size){window.ws_row, window.ws_col};
}

/* The bytes of the first `columns` characters. */
static size_t cut(const char *line, size_t len, unsigned int columns)
{
	size_t at = 0;

	for (unsigned int seen = 0; at < len; at++) {
		if (((uint8_t)line[at] & 0xc0) != 0x80 && seen++ == columns) {
			break;
		}
	}
	return at;
}

static int draw_lines(struct screen *screen, const struct tl_textbuf *lines)
{
	struct screen_size size = screen_size(screen);
	const char *at = lines->data;
	const char *end = at + lines->len;
	int err = add(screen, HOME);

	for (unsigned int row = 0; row < size.rows && at < end && err == 0; row++) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((newline ? newline : end) - at);
		err = row > 0 ? add(screen, "\r\n") : 0;
		if (err == 0) {
			err = tl_textbuf_add(&screen->out.text, at, cut(at, len, size.columns));
		}
		if (err == 0) {
			err = add(screen, END_LINE);
		}
		at += len + 1;
	}
	return err == 0 ? add(screen, CLEAR_REST) : err;
}

int screen_draw(struct screen *screen, const struct tl_textbuf *lines)
{
	if (!screen->terminal) {
		return screen_print(screen, lines);
	}
	return draw_lines(screen, lines) < 0 ? -ENOMEM : output_flush(&screen->out);
}

int screen_leave(struct screen *screen)
{
	if (!screen->terminal) {
		return EVCAT_MORE;
	}
	return add(screen, LEAVE) < 0 ? -ENOMEM : output_flush(&screen->out);
}

int screen_print(struct screen *screen, const struct tl_textbuf *text)
{
	if (tl_textbuf_add(&screen->out.text, text->data, text->len) < 0) {
		return -ENOMEM;
	}
	return output_flush(&screen->out);
}

void screen_close(struct screen *screen)
{
	output_close(&screen->out);
}
