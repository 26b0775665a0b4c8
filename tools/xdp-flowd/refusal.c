/* SPDX-License-Identifier: BSD-2-Clause */
#include "refusal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "log.h"

int refuse(const struct refusal *r, int err, const char *format, ...)
{
	char text[240];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (r->answer) {
		snprintf(r->answer->reason, sizeof(r->answer->reason), "%s: %s", r->iface, text);
	} else {
		tl_log_err("%s: %s", r->iface, text);
	}
	return err;
}

static void explain_busy(char *text, size_t size, const struct nic *nic, const char *name)
{
	enum nic_xdp_mode mode = nic_xdp_mode(nic);
	const struct nic_program *other = mode == NIC_XDP_NONE ? 0 : &nic->xdp[mode];

	snprintf(text, size,
		 "%s: the program '%s' (id %u) is there: 'ip link set dev %s xdp off' takes it "
		 "off, --attach tcx goes beside it",
		 name, other ? other->name : "?", other ? other->id : 0, nic->name);
}

void refusal_explain(char *text, size_t size, const struct nic *nic, enum attach_way way, int err)
{
	const char *name = attach_way_name(way);

	switch (err) {
	case -EBUSY:
		explain_busy(text, size, nic, name);
		break;
	case -EPERM:
		snprintf(text, size, "%s: needs CAP_NET_ADMIN (run as root)", name);
		break;
	case -EOPNOTSUPP:
		snprintf(text, size, "%s: the driver%s%s of this kernel does not take it%s", name,
			 nic->driver[0] ? " " : "", nic->driver,
			 way == ATTACH_TCX || way == ATTACH_CLSACT
				 ? ""
				 : " (--attach tcx works with every driver)");
		break;
	case -ERANGE:
		snprintf(text, size,
			 "%s: not with an MTU of %u: 'ip link set dev %s mtu 1500', or --attach "
			 "tcx",
			 name, nic->mtu, nic->name);
		break;
	default:
		snprintf(text, size, "%s: %s", name, strerror(-err));
	}
}
