/* SPDX-License-Identifier: BSD-2-Clause */
/* What writing segment files and reading them back share: their names. */
#ifndef TL_SEGMENT_PRIVATE_H
#define TL_SEGMENT_PRIVATE_H

#include "segment.h"

#define TL_SEGMENT_OPEN ".open" /* ends the name of a file that is not complete */

enum { TL_SEGMENT_STAMP_LEN = 26 }; /* 20261126T233012.123456789Z */

/* As tl_segment_list; `open`: of the files that are not complete. */
int tl_segment_list_kind(int folder_fd, const char *after, bool open, char ***names);

/* The time a name begins with: put and got back; 0 when it is none. */
void tl_segment_put_stamp(char stamp[TL_SEGMENT_STAMP_LEN], uint64_t ns);
uint64_t tl_segment_stamp(const char *name);

/* NAME.open becomes NAME, durably; or it is removed. `name` is NAME. 0 or -errno. */
int tl_segment_rename(int folder_fd, const char *name);
int tl_segment_remove(int folder_fd, const char *name);

/*
 * Completes what a crash left open. A file that cannot be recovered stays as it
 * is. *stamp_ns is raised to the latest of their names. 0 or -errno. Logs.
 */
int tl_segment_recover(const char *folder, int folder_fd, uint64_t *stamp_ns);

#endif
