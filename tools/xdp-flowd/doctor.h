/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * xdp-flowd --doctor: what this machine and these interfaces mean for the
 * counts, found by trying and by asking; nothing is attached or changed.
 *
 * A report to stdout, one line a finding:
 *   SUBJECT GRADE ITEM STATE. Effect: EFFECT. Mend: COMMAND
 * SUBJECT is "host" or an interface; GRADE is ok, note (worth knowing), warn
 * (counts or reports suffer) or fail (xdp-flowd cannot run); "Effect: none"
 * says that counts stay exact; "Mend:" is there only where a command helps,
 * and runs to the end of the line.
 */
#ifndef XDP_FLOWD_DOCTOR_H
#define XDP_FLOWD_DOCTOR_H

#include <stdint.h>

#include "opt.h"

/*
 * `entries` is the size of a flow map. TL_EXIT_OK when xdp-flowd could run on
 * all of these interfaces, TL_EXIT_UNAVAILABLE when not; an interface that
 * does not exist gets one line on stderr, and there is no report.
 * TL_EXIT_FAILED when stdout takes no more.
 */
int doctor_run(const struct tl_opt_list *ifaces, uint64_t entries);

#endif
