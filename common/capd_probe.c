/* SPDX-License-Identifier: BSD-2-Clause */
#include "capd_probe.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exit.h"

static const char *truth(bool value)
{
	return value ? "true" : "false";
}

/* Interface names may hold any byte but '/' and blanks. */
static void print_json_text(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		if (c == '"' || c == '\\') {
			printf("\\%c", c);
		} else if (c < 0x20 || c > 0x7e) {
			printf("\\u%04x", c);
		} else {
			putchar(c);
		}
	}
	putchar('"');
}

static void print_json(const struct tl_capd_engine *engine, const struct tl_capd_answer *answer)
{
	const struct tl_capd_abilities *can = &engine->abilities;

	printf("{\"name\":\"%s\",\"zero_copy\":%s,\"kernel_offload\":%s,\"requires_root\":true,"
	       "\"emits_flows\":true,\"emits_raw_packets\":%s,\"max_throughput_mpps\":%.1f",
	       engine->name, truth(can->zero_copy), truth(can->kernel_offload),
	       truth(can->emits_raw_packets), can->max_throughput_mpps);
	if (answer) {
		printf(",\"usable\":%s,\"mode\":\"%s\",\"reason\":", truth(answer->usable),
		       answer->usable ? answer->mode : "");
		print_json_text(answer->reason);
	}
	printf("}\n");
}

static void print_plain(const struct tl_capd_engine *engine, const struct tl_capd_answer *answer)
{
	const struct tl_capd_abilities *can = &engine->abilities;

	printf("name=%s\nzero_copy=%s\nkernel_offload=%s\nrequires_root=true\n"
	       "emits_flows=true\nemits_raw_packets=%s\nmax_throughput_mpps=%.1f\n",
	       engine->name, truth(can->zero_copy), truth(can->kernel_offload),
	       truth(can->emits_raw_packets), can->max_throughput_mpps);
	if (answer) {
		printf("usable=%s\nmode=%s\nreason=%s\n", truth(answer->usable),
		       answer->usable ? answer->mode : "", answer->reason);
	}
}

static int print(const struct tl_capd_shared *shared, const struct tl_capd_answer *answer)
{
	if (shared->options->plain) {
		print_plain(shared->engine, answer);
	} else {
		print_json(shared->engine, answer);
	}
	return fflush(stdout) == 0 ? TL_EXIT_OK : TL_EXIT_FAILED;
}

int tl_capd_capabilities(const struct tl_capd_shared *shared)
{
	return print(shared, 0);
}

/* 0 or why the interface is not usable; then answer->reason says so. */
static int try(struct tl_capd_shared *shared, const char *iface, struct tl_capd_answer *answer)
{
	struct tl_capd_port *port = calloc(1, shared->engine->port_size);

	if (!port) {
		return -ENOMEM;
	}
	port->shared = shared;
	port->iface = iface;
	int err = shared->engine->probe(port, answer);
	shared->engine->close(port);
	free(port);
	answer->usable = err == 0;
	return err;
}

int tl_capd_probe(struct tl_capd_shared *shared)
{
	const struct tl_opt_list *list = &shared->options->interfaces;
	struct tl_capd_answer answer = {.usable = true};
	int err = 0;

	for (unsigned int i = 0; i < list->count && err == 0; i++) {
		err = try(shared, list->items[i], &answer);
	}
	int code = print(shared, &answer);
	if (err == -EINVAL) {
		return TL_EXIT_USAGE;
	}
	return code == TL_EXIT_OK && err < 0 ? TL_EXIT_UNAVAILABLE : code;
}
