/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The state file of --fix-offloads, and undoing what it says. Its text is one
 * line "tapline offloads 1", then "FEATURE on" for each feature to be switched
 * on again.
 */
#ifndef XDP_FLOWD_OFFLOAD_PRIVATE_H
#define XDP_FLOWD_OFFLOAD_PRIVATE_H

#include "offload.h"

enum { OFFLOAD_TEXT_MAX = 256 };

/* The features that are switched on again. */
struct offload_state {
	bool on[NIC_FEATURE_COUNT];
};

/* The features that --fix-offloads is about. */
extern const enum nic_feature_id offload_features[];
enum { OFFLOAD_FEATURES = 2 };

/* Bytes written to `text`, which has room for OFFLOAD_TEXT_MAX. Pure. */
size_t offload_state_print(const struct offload_state *state, char *text);

/* 0, or -EBADMSG for anything but what offload_state_print writes. Pure. */
int offload_state_parse(struct offload_state *state, const char *text, size_t len);

/* Writes the file whole or not at all. 0; -EEXIST when there is one; -errno. Does not log. */
int offload_state_create(const struct nic *nic, const struct offload_state *state);

/*
 * Opens the file, locks it and reads it: the descriptor, which holds the lock.
 * -ENOENT; -EWOULDBLOCK when another process is to undo it; -EBADMSG for what
 * is no state file, which is removed; -errno. Does not log.
 */
int offload_state_take(const struct nic *nic, struct offload_state *state);

/* Removes it; the caller holds the lock. */
void offload_state_remove(const struct nic *nic);

/* Switches on again what the state says, and removes the file unless a later try may do better.
 * Logs. 0 or -errno. */
int offload_undo(const struct nic *nic, const struct offload_state *state);

#endif
