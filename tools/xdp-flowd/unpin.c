/* SPDX-License-Identifier: BSD-2-Clause */
#include "unpin.h"

#include <errno.h>

#include "journal.h"
#include "log.h"
#include "nic.h"
#include "pin.h"

/* What the kernel counted since the last that was told. */
static void tell_untold(const struct pin *pin, const struct kernel *kernel, const char *iface)
{
	struct tl_books books[2];
	struct tl_missed missed;
	struct journal *journal;
	char path[PIN_PATH];
	uint64_t told = 0;

	pin_path(pin, "journal", path);
	if (kernel_books(kernel, 0, &books[0]) < 0 || kernel_books(kernel, 1, &books[1]) < 0 ||
	    kernel_missed(kernel, &missed) < 0 || journal_open(&journal, path, 0) < 0) {
		return;
	}
	struct told sums = journal_told(journal);
	for (unsigned int class = 0; class < TL_CLASS_COUNT; class ++) {
		told += sums.by_class[class].packets;
	}
	journal_close(journal);
	uint64_t counted = books[0].total.packets + books[1].total.packets + missed.packets;
	tl_log_note("%s: %llu packets counted, %llu of them not told", iface,
		    (unsigned long long)counted, (unsigned long long)(counted - told));
}

int unpin(const struct options *options, const char *iface)
{
	struct pin pin;
	struct nic nic;
	struct kernel *kernel = 0;
	int err = nic_read(&nic, iface);

	if (err < 0) {
		tl_log_err("%s: no such interface ('ip link' lists them)", iface);
		return err;
	}
	err = pin_open(&pin, options->pin_folder, nic.ifindex);
	if (err == 0 && !pin.found) {
		tl_log_note("%s: nothing was pinned", iface);
	}
	if (err == 0 && pin.found) {
		struct kernel_options load = {
			.config = {.frags = pin.frags},
			.flow_entries = TL_KERNEL_FLOWS,
			.coarse_entries = TL_KERNEL_COARSE,
			.pin = pin.folder,
		};
		if (kernel_load(&kernel, &load) == 0) {
			tell_untold(&pin, kernel, iface);
		}
		kernel_close(kernel);
	}
	if (err == 0 || err == -EBADMSG) {
		err = pin_remove(&pin);
	}
	pin_close(&pin);
	return err;
}
