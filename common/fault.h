/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Named points where a test lets a process die: with TL_FAULT=NAME:COUNT in
 * the environment, the COUNT-th passing of the point raises SIGKILL, which is
 * what a power button or the OOM killer does. Without it a point costs one load
 * and a branch.
 */
#ifndef TL_FAULT_H
#define TL_FAULT_H

enum tl_fault_point {
	TL_FAULT_NONE,
	TL_FAULT_AFTER_RECEIVE, /* after-receive: nothing of it is kept yet */
	TL_FAULT_BEFORE_COMMIT, /* before-commit */
	TL_FAULT_AFTER_COMMIT,	/* after-commit: kept, and not acknowledged */
	TL_FAULT_BEFORE_FSYNC,	/* before-fsync: written to a file, which is not synced */
	TL_FAULT_AFTER_RENAME,	/* after-rename: the file has its name, which is not synced */
	TL_FAULT_AFTER_SEND,	/* after-send: on its way, and not answered */
	TL_FAULT_AFTER_ANSWER,	/* after-answer: delivered, and still kept */
	TL_FAULT_POINTS
};

/* Reads TL_FAULT; before the first thread. 0, or -EINVAL after one logged line. */
int tl_fault_open(void);

/* From any thread. */
void tl_fault(enum tl_fault_point point);

#endif
