/* SPDX-License-Identifier: BSD-2-Clause */
#include "doctor.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "doctor_private.h"
#include "exit.h"
#include "log.h"
#include "nic.h"

/* Interface names may hold any byte but '/' and blanks. */
static void put_safe(const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		putchar(c < 0x20 || c > 0x7e ? '?' : c);
	}
}

void doctor_tell(const char *subject, struct doctor_finding finding)
{
	static const char *const grades[] = {
		[DOCTOR_OK] = "ok",
		[DOCTOR_NOTE] = "note",
		[DOCTOR_WARN] = "warn",
		[DOCTOR_FAIL] = "fail",
	};

	put_safe(subject);
	printf("%*s %-4s %-21s ", (int)(strlen(subject) < 8 ? 8 - strlen(subject) : 0), "",
	       grades[finding.grade], finding.item);
	put_safe(finding.state);
	printf(". Effect: %s.", finding.effect ? finding.effect : "none");
	if (finding.mend) {
		printf(" Mend: ");
		put_safe(finding.mend);
	}
	putchar('\n');
}

static int read_nic(struct nic *nic, const char *iface)
{
	int err = nic_read(nic, iface);

	if (err == -ENODEV) {
		tl_log_err("%s: no such interface ('ip link' lists them)", iface);
	} else if (err < 0) {
		tl_log_err("%s: cannot ask the kernel about it: %s", iface, strerror(-err));
	}
	return err;
}

/* Before the first line is printed. */
static bool all_there(const struct tl_opt_list *ifaces)
{
	struct nic nic;

	for (unsigned int i = 0; i < ifaces->count; i++) {
		if (read_nic(&nic, ifaces->items[i]) < 0) {
			return false;
		}
	}
	return true;
}

int doctor_run(const struct tl_opt_list *ifaces, uint64_t entries)
{
	struct doctor_host host;

	if (!all_there(ifaces)) {
		return TL_EXIT_UNAVAILABLE;
	}
	doctor_host_try(&host);
	bool usable = doctor_host_report(&host, entries);
	for (unsigned int i = 0; i < ifaces->count; i++) {
		struct nic nic;
		usable = read_nic(&nic, ifaces->items[i]) == 0 && doctor_nic_report(&nic, &host) &&
			 usable;
	}
	if (fflush(stdout) != 0) {
		tl_log_err("cannot write the report: %s", strerror(errno));
		return TL_EXIT_FAILED;
	}
	return usable ? TL_EXIT_OK : TL_EXIT_UNAVAILABLE;
}
