/* SPDX-License-Identifier: BSD-2-Clause */
/* What eve-tail says about itself to capladder: --capabilities and --probe. */
#ifndef EVE_TAIL_PROBE_H
#define EVE_TAIL_PROBE_H

#include "options.h"

/* Each prints its answer and returns the exit code. */
int probe_capabilities(const struct options *options);

/* Usable when one of the places can be read now: one that is not there yet is no source of events.
 */
int probe_places(const struct options *options);

#endif
