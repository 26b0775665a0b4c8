/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys as they are pressed, where stdin is a terminal; elsewhere there are none. */
#ifndef CAPMETRICS_CLIENT_KEYS_H
#define CAPMETRICS_CLIENT_KEYS_H

#include <stdbool.h>
#include <termios.h>

struct client_keys {
	bool is_open;
	struct termios before;
};

void client_keys_open(struct client_keys *keys);
/* Whether q was pressed; takes what was pressed. */
bool client_keys_want_end(struct client_keys *keys);
/* The terminal is as it was. */
void client_keys_close(struct client_keys *keys);

#endif
