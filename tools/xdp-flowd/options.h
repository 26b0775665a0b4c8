/* SPDX-License-Identifier: BSD-2-Clause */
/* What xdp-flowd has in options beyond those of every capture daemon. */
#ifndef XDP_FLOWD_OPTIONS_H
#define XDP_FLOWD_OPTIONS_H

#include "capd_options.h"

enum option_attach {
	OPTION_ATTACH_AUTO,
	OPTION_ATTACH_XDP,
	OPTION_ATTACH_TCX,
	OPTION_ATTACH_GENERIC,
};

enum option_tap {
	OPTION_TAP_NO,
	OPTION_TAP_CHECKED,
	OPTION_TAP_FORCE,
};

struct options {
	struct tl_capd_options capd;
	unsigned int attach; /* enum option_attach */
	unsigned int tap;    /* enum option_tap */
	unsigned int clock;  /* enum tl_clock */
	uint64_t epoch_ns;
	uint64_t map_flows;
	const char *pin_folder;
	bool pin;
	bool unpin;
	bool fix_offloads;
	bool doctor;
};

extern const struct tl_opt xdp_opts[];

void options_set_defaults(struct tl_capd_options *options);
int options_check(struct tl_capd_options *options);

static inline const struct options *options_of(const struct tl_capd_options *capd)
{
	return (const struct options *)capd;
}

#endif
