/* SPDX-License-Identifier: BSD-2-Clause */
/* capmetrics: what all tools report, for people, for Prometheus and for programs. */
#include "client.h"
#include "exit.h"
#include "self.h"
#include "serve.h"
#include "service.h"

int main(int argc, char **argv)
{
	struct options options;

	int first = options_parse(&options, argc, argv);
	if (first <= 0) {
		return first == 0 ? TL_EXIT_OK : TL_EXIT_USAGE;
	}
	if (options.list_metrics) {
		return self_print_table() == 0 ? TL_EXIT_OK : TL_EXIT_FAILED;
	}
	if (options_check(&options) < 0 || tl_service_open() < 0) {
		return TL_EXIT_USAGE;
	}
	return options_are_of_client(&options) ? client_run(&options) : serve_run(&options);
}
