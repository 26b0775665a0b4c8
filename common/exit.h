/* SPDX-License-Identifier: BSD-2-Clause */
/* The exit codes of every tool; tapline(7) has the same table. */
#ifndef TL_EXIT_H
#define TL_EXIT_H

enum tl_exit {
	TL_EXIT_OK = 0,	    /* clean stop or end of input */
	TL_EXIT_FAILED = 1, /* failed while running; a restart may help */
	TL_EXIT_USAGE = 2,  /* usage or configuration; a restart will not help */
	TL_EXIT_UNAVAILABLE =
		3,	  /* this machine lacks something: privilege, interface, kernel feature */
	TL_EXIT_TOOL = 4, /* and up: a tool's own, in its man page */
};

/*
 * What 0 or the -errno of opening or running comes to. A stop (-EINTR) and a
 * reader that has gone (-EPIPE) are clean ends; a place that is not there, is
 * something else or is not for this user is configuration; -EPERM is privilege.
 * Pure.
 */
int tl_exit_of(int err);

#endif
