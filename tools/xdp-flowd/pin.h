/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * --pin: where in the BPF file system the maps, links and the journal of one
 * interface are, so that the kernel goes on counting while no process runs.
 * One process at a time: the folder is locked. Logs.
 */
#ifndef XDP_FLOWD_PIN_H
#define XDP_FLOWD_PIN_H

#include <stdbool.h>

#include "attach.h"

enum { PIN_PATH = 256 };

struct pin {
	char folder[PIN_PATH];
	int lock;   /* the folder, open; -1 = not pinned */
	bool found; /* somebody counted here before */
	bool frags; /* then: how its programs were loaded */
};

/* "DIR/ifINDEX-COOKIE": index of the interface, cookie of the network namespace. */
int pin_folder(char folder[PIN_PATH], const char *root, int ifindex);

/*
 * Makes the folder where there is none, locks it, and looks what is there. 0;
 * -EBUSY another process has it; -EBADMSG what is there has another layout;
 * other -errno.
 */
int pin_open(struct pin *pin, const char *root, int ifindex);
void pin_close(struct pin *pin);

/* The link of a direction, as an attachment: 0; -ENOENT there is none; -errno. */
int pin_take_link(const struct pin *pin, bool outgoing, int ifindex, struct attachment *out);
int pin_put_link(const struct pin *pin, const struct attachment *attachment);
bool pin_has_link(const struct pin *pin, bool outgoing);

/* Where a thing of that name is pinned. */
void pin_path(const struct pin *pin, const char *name, char path[PIN_PATH]);

/* Removes all of it; what nobody else holds is detached and freed. 0 or -errno. */
int pin_remove(struct pin *pin);

#endif
