/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Giving up what a tool does not need once its sockets, rings, programs and
 * files are open: the user and group tapline when they exist, every
 * capability, the right to gain new ones, and the system calls by which a
 * captured process would reach further (starting programs, tracing, mounting,
 * namespaces, modules, packet sockets, BPF). A call that is refused fails with
 * EPERM.
 *
 * Capabilities and no_new_privs belong to a thread: call this before the
 * first one starts (nng starts its own when a hop is opened).
 */
#ifndef TL_PRIVILEGE_H
#define TL_PRIVILEGE_H

enum tl_privilege_flag {
	TL_PRIVILEGE_KEEP_BPF = 1, /* bpf(2) stays: maps and links are used by descriptor */
	TL_PRIVILEGE_KEEP_USER =
		2, /* the user stays: the tool goes on reading the caller's files */
	TL_PRIVILEGE_READ_FILES = 4, /* root reads other users' files, such as a log of Suricata's,
					by CAP_DAC_READ_SEARCH; with KEEP_USER only */
};

/*
 * `user` is the account to become when started as root, normally
 * TL_PRIVILEGE_USER; 0, or one that does not exist, stays. What the caller
 * never had is no error. 0 or -errno after one logged line: the tool must
 * then stop.
 */
int tl_privilege_drop(const char *user, unsigned int flags);

#define TL_PRIVILEGE_USER "tapline"

/* Where tools meet when root runs them: sockets, ladders, what a killed run has left. */
#define TL_RUN_FOLDER "/run/tapline"

/*
 * Makes TL_RUN_FOLDER as whoever gave up root needs it: of the group of
 * TL_PRIVILEGE_USER, who makes sockets there. As root only, and only if it is
 * not there or root's alone; before tl_privilege_drop. What fails is logged, and
 * shows again where the folder is used.
 */
void tl_privilege_make_run_folder(void);

#endif
