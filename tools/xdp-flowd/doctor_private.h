/* SPDX-License-Identifier: BSD-2-Clause */
/* How a finding is told, and the parts of the report. None logs. */
#ifndef XDP_FLOWD_DOCTOR_PRIVATE_H
#define XDP_FLOWD_DOCTOR_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "nic.h"

enum doctor_grade {
	DOCTOR_OK,
	DOCTOR_NOTE,
	DOCTOR_WARN,
	DOCTOR_FAIL,
};

/* All but `state` may be 0: then there is no effect, and nothing to mend. */
struct doctor_finding {
	enum doctor_grade grade;
	const char *item;
	const char *state;
	const char *effect;
	const char *mend;
};

/* What was found by trying. */
struct doctor_host {
	bool ring_buffer;
	bool xdp;
	bool xdp_frags;
	bool tc;
	bool jit;
	bool timed;	   /* the next two are known */
	uint32_t empty_ns; /* a program that does nothing */
	uint32_t clock_ns; /* bpf_ktime_get_ns */
};

/* Bytes of a text that is put together for one finding. */
enum { DOCTOR_TEXT_MAX = 320 };

/* Prints one line about `subject`. */
void doctor_tell(const char *subject, struct doctor_finding finding);

/* Loads programs and makes maps, and drops them again. */
void doctor_host_try(struct doctor_host *host);

/* The host's lines; false when xdp-flowd cannot run here. */
bool doctor_host_report(const struct doctor_host *host, uint64_t entries);

/* An interface's lines; false when xdp-flowd cannot run on it. */
bool doctor_nic_report(const struct nic *nic, const struct doctor_host *host);

/* The lines on who else is on its hooks, and what it is used for (--tap). */
void doctor_use_report(const struct nic *nic);

#endif
