/* SPDX-License-Identifier: BSD-2-Clause */
#include "offload.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "offload_private.h"

enum {
	GUARD_POLLS = 50,
	GUARD_POLL_NS = 20 * 1000 * 1000,
};

static const char *reason_of(int err)
{
	return err == -EPERM || err == -EACCES ? "needs CAP_NET_ADMIN and a writable " OFFLOAD_DIR
	       : err == -EOPNOTSUPP	       ? "the driver does not change it"
					       : strerror(-err);
}

/* What can be switched off; `stuck` gets how many are on and cannot. */
static unsigned int select_features(const struct nic *nic, struct offload_state *state,
				    unsigned int *stuck)
{
	unsigned int count = 0;

	*stuck = 0;
	for (unsigned int i = 0; i < OFFLOAD_FEATURES; i++) {
		enum nic_feature_id id = offload_features[i];
		const struct nic_feature *feature = &nic->features[id];
		state->on[id] = feature->known && feature->on && !feature->fixed;
		count += state->on[id];
		if (feature->known && feature->on && feature->fixed) {
			tl_log_warn("%s: %s is on and fixed: VLAN tags stay hidden from XDP",
				    nic->name, nic_feature_name(id));
			(*stuck)++;
		}
	}
	return count;
}

static int remember(const struct nic *nic, const struct offload_state *state)
{
	int err = offload_state_create(nic, state);

	if (err == -EEXIST) {
		tl_log_err("%s: another xdp-flowd has changed its offloads", nic->name);
	} else if (err < 0) {
		tl_log_err("%s: --fix-offloads: cannot write to %s: %s", nic->name, OFFLOAD_DIR,
			   reason_of(err));
	}
	return err;
}

static int switch_off(struct nic *nic, const struct offload_state *state)
{
	for (unsigned int i = 0; i < OFFLOAD_FEATURES; i++) {
		enum nic_feature_id id = offload_features[i];
		int err = state->on[id] ? nic_feature_set(nic->ifindex, id, false) : 0;
		if (err < 0) {
			tl_log_err("%s: cannot switch %s off: %s", nic->name, nic_feature_name(id),
				   reason_of(err));
			return err;
		}
		if (state->on[id]) {
			nic->features[id].on = false;
			tl_log_note("%s: %s is off while we run", nic->name, nic_feature_name(id));
		}
	}
	return 0;
}

/* Measured on Linux 6.18: there the sender's txvlan alone decides, for native and generic XDP. */
static void warn_of_peer(const struct nic *nic)
{
	if (nic->peer_ifindex != 0) {
		tl_log_note("%s: a veth: tags are seen only with txvlan off at its other end "
			    "(ethtool -K %s txvlan off)",
			    nic->name, nic->peer_here ? nic->peer_name : "PEER");
	}
}

int offload_fix(struct nic *nic)
{
	struct offload_state state = {0};
	unsigned int stuck;

	warn_of_peer(nic);
	if (select_features(nic, &state, &stuck) > 0) {
		int err = remember(nic, &state);
		if (err == 0) {
			err = switch_off(nic, &state);
			if (err < 0) {
				offload_restore(nic);
			}
		}
		if (err < 0) {
			return err;
		}
	}
	return stuck > 0 ? -EOPNOTSUPP : 0;
}

static int switch_on(const struct nic *nic, enum nic_feature_id id)
{
	int err = nic_feature_set(nic->ifindex, id, true);

	if (err == 0) {
		tl_log_note("%s: %s is on again", nic->name, nic_feature_name(id));
	} else if (err != -ENODEV) {
		tl_log_warn("%s: cannot switch it on again (ethtool -K %s %s on): %s", nic->name,
			    nic->name, nic_feature_name(id), reason_of(err));
	}
	return err == -ENODEV ? 0 : err;
}

int offload_undo(const struct nic *nic, const struct offload_state *state)
{
	int err = 0;

	for (unsigned int i = 0; i < OFFLOAD_FEATURES; i++) {
		enum nic_feature_id id = offload_features[i];
		int failed = state->on[id] ? switch_on(nic, id) : 0;
		err = failed < 0 ? failed : err;
	}
	/* With the privilege a later start can do it. */
	if (err != -EPERM) {
		offload_state_remove(nic);
	}
	return err;
}

/* A killed run's guard may be at it right now: only one that stays has a living parent. */
static int take_when_free(const struct nic *nic, struct offload_state *state)
{
	const struct timespec pause = {.tv_nsec = GUARD_POLL_NS};
	int fd = offload_state_take(nic, state);

	for (unsigned int i = 0; i < GUARD_POLLS && fd == -EWOULDBLOCK; i++) {
		nanosleep(&pause, 0);
		fd = offload_state_take(nic, state);
	}
	return fd;
}

/* 0 when there is nothing for us to undo, or -errno. */
static int explain(const struct nic *nic, int err)
{
	switch (err) {
	case -ENOENT:
		return 0;
	case -EWOULDBLOCK:
		tl_log_note("%s: another xdp-flowd has changed its offloads and will undo it",
			    nic->name);
		return 0;
	case -EBADMSG:
		tl_log_warn("%s: removed a damaged note of its offloads from %s", nic->name,
			    OFFLOAD_DIR);
		return 0;
	default:
		tl_log_err("%s: cannot read the note of its offloads in %s: %s", nic->name,
			   OFFLOAD_DIR, strerror(-err));
		return err;
	}
}

int offload_recover(struct nic *nic)
{
	struct offload_state state;
	int fd = take_when_free(nic, &state);
	int err = 0;

	if (fd < 0) {
		err = explain(nic, fd);
	} else {
		tl_log_note("%s: undoing what a killed xdp-flowd has left", nic->name);
		err = offload_undo(nic, &state);
		close(fd);
	}
	return err < 0 ? err : nic_read(nic, nic->name);
}

void offload_restore(const struct nic *nic)
{
	struct offload_state state;
	int fd = offload_state_take(nic, &state);

	if (fd >= 0) {
		(void)offload_undo(nic, &state);
		close(fd);
	}
}
