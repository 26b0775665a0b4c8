/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "doctor_private.h"

/* "id 12 (name), held by link 3" */
static void describe(const struct nic_program *program, char *text, size_t size)
{
	char holder[48] = "";

	if (program->holder == NIC_HELD_BY_LINK) {
		snprintf(holder, sizeof(holder), ", held by link %u", program->link_id);
	} else if (program->holder == NIC_HELD_ALONE) {
		snprintf(holder, sizeof(holder), ", attached without a link");
	}
	snprintf(text, size, "program %u (%s)%s", program->id,
		 program->name[0] ? program->name : "name unknown", holder);
}

/* Its owner should go; this is what remains to do when it is gone. */
static void print_mend(const struct nic *nic, enum nic_xdp_mode mode, char *text, size_t size)
{
	static const char *const words[NIC_XDP_MODES] = {
		[NIC_XDP_NATIVE] = "xdpdrv",
		[NIC_XDP_GENERIC] = "xdpgeneric",
		[NIC_XDP_OFFLOAD] = "xdpoffload",
	};
	const struct nic_program *program = &nic->xdp[mode];

	if (program->holder == NIC_HELD_BY_LINK) {
		snprintf(text, size, "bpftool link detach id %u", program->link_id);
	} else {
		snprintf(text, size, "ip link set dev %s %s off", nic->name, words[mode]);
	}
}

static void report_xdp_program(const struct nic *nic, enum nic_xdp_mode mode)
{
	char program[DOCTOR_TEXT_MAX / 2];
	char state[DOCTOR_TEXT_MAX];
	char mend[DOCTOR_TEXT_MAX];

	describe(&nic->xdp[mode], program, sizeof(program));
	snprintf(state, sizeof(state), "%s XDP: %s", nic_xdp_mode_name(mode), program);
	print_mend(nic, mode, mend, sizeof(mend));
	doctor_tell(nic->name,
		    (struct doctor_finding){
			    .grade = DOCTOR_WARN,
			    .item = "XDP hook",
			    .state = state,
			    .effect = "XDP modes are refused; tc sees only what this one passes",
			    .mend = mend,
		    });
}

static void report_xdp(const struct nic *nic)
{
	if (nic_xdp_mode(nic) == NIC_XDP_NONE) {
		doctor_tell(nic->name,
			    (struct doctor_finding){.item = "XDP hook", .state = "free"});
	}
	for (enum nic_xdp_mode mode = NIC_XDP_NATIVE; mode < NIC_XDP_MODES; mode++) {
		if (nic->xdp[mode].id != 0) {
			report_xdp_program(nic, mode);
		}
	}
}

static void report_tcx_program(const struct nic *nic, const char *item,
			       const struct nic_program *program)
{
	char state[DOCTOR_TEXT_MAX];

	describe(program, state, sizeof(state));
	doctor_tell(nic->name,
		    (struct doctor_finding){
			    .grade = DOCTOR_NOTE,
			    .item = item,
			    .state = state,
			    .effect = "what it drops before our turn is not counted in tc",
		    });
}

static void report_tcx(const struct nic *nic, const struct nic_tcx *tcx, const char *item)
{
	char state[DOCTOR_TEXT_MAX];

	for (unsigned int i = 0; i < tcx->count && i < NIC_TCX_MAX; i++) {
		report_tcx_program(nic, item, &tcx->programs[i]);
	}
	if (tcx->count > 0 && tcx->count <= NIC_TCX_MAX) {
		return;
	}
	snprintf(state, sizeof(state), "%u programs more", tcx->count - NIC_TCX_MAX);
	doctor_tell(nic->name,
		    (struct doctor_finding){
			    .item = item,
			    .state = tcx->count > 0 ? state
				     : tcx->known   ? "free"
						    : "no tcx (Linux 6.6 and CAP_NET_ADMIN)",
		    });
}

static void report_clsact(const struct nic *nic)
{
	doctor_tell(nic->name,
		    (struct doctor_finding){
			    .item = "clsact qdisc",
			    .state = nic->clsact ? "present; its filters run after tcx" : "absent",
		    });
}

static void report_tap(const struct nic *nic)
{
	char address[INET6_ADDRSTRLEN + 4] = "";
	bool used = nic->addresses > 0 || nic->routes > 0 || nic->master > 0;
	char state[DOCTOR_TEXT_MAX];

	if (nic->addresses > 0) {
		snprintf(address, sizeof(address), " (%s)", nic->address);
	}
	snprintf(state, sizeof(state), "%s: addresses %u%s, routes %u, %s",
		 used ? "refused" : "possible", nic->addresses, address, nic->routes,
		 nic->master > 0 ? "part of a bridge or bond" : "no master");
	doctor_tell(nic->name, (struct doctor_finding){
				       .grade = used ? DOCTOR_NOTE : DOCTOR_OK,
				       .item = "--tap",
				       .state = state,
				       .effect = used ? "none; with --tap=force this host gets no "
							"packets from there"
						      : 0,
			       });
}

void doctor_use_report(const struct nic *nic)
{
	report_xdp(nic);
	report_tcx(nic, &nic->tcx_in, "tcx ingress");
	report_tcx(nic, &nic->tcx_out, "tcx egress");
	report_clsact(nic);
	report_tap(nic);
}
