/* SPDX-License-Identifier: BSD-2-Clause */
#include "client_keys.h"

#include <unistd.h>

void client_keys_open(struct client_keys *keys)
{
	struct termios now;

	keys->is_open = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &keys->before) == 0;
	if (!keys->is_open) {
		return;
	}
	now = keys->before;
	now.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	now.c_cc[VMIN] = 0;
	now.c_cc[VTIME] = 0;
	/* A shell that came back now would find another screen and a silent keyboard. */
	now.c_cc[VSUSP] = _POSIX_VDISABLE;
	keys->is_open = tcsetattr(STDIN_FILENO, TCSANOW, &now) == 0;
}

bool client_keys_want_end(struct client_keys *keys)
{
	char pressed[64];
	ssize_t count = keys->is_open ? read(STDIN_FILENO, pressed, sizeof(pressed)) : 0;

	for (ssize_t i = 0; i < count; i++) {
		if (pressed[i] == 'q' || pressed[i] == 'Q') {
			return true;
		}
	}
	return false;
}

void client_keys_close(struct client_keys *keys)
{
	if (keys->is_open) {
		tcsetattr(STDIN_FILENO, TCSANOW, &keys->before);
		keys->is_open = false;
	}
}
