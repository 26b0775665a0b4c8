/* SPDX-License-Identifier: BSD-2-Clause */
/* shipper: delivers batches to where they are kept, and acknowledges what is safe. */
#include "exit.h"
#include "fault.h"
#include "log.h"
#include "options.h"
#include "rights.h"
#include "service.h"
#include "shipper.h"

int main(int argc, char **argv)
{
	struct options options;

	options_init(&options);
	int first = tl_opt_parse(&options_program, argc, argv, &options);
	if (first <= 0) {
		return first == 0 ? TL_EXIT_OK : TL_EXIT_USAGE;
	}
	if (first < argc) {
		tl_log_err("'%s': takes no operands; input is -I", argv[first]);
		return TL_EXIT_USAGE;
	}
	if (options.list_metrics) {
		return shipper_print_metrics() == 0 ? TL_EXIT_OK : TL_EXIT_FAILED;
	}
	if (options.status) {
		return store_status(options.status);
	}
	if (options_check(&options) < 0 || tl_hop_refuse_terminal(&options.outputs) ||
	    tl_fault_open() < 0 || tl_service_open() < 0) {
		return TL_EXIT_USAGE;
	}
	return shipper_run(&options);
}
