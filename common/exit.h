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

#endif
