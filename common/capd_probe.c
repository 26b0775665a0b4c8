/* SPDX-License-Identifier: BSD-2-Clause */
#include "capd_probe.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "exit.h"

struct answer {
	bool usable;
	char reason[256];
};

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

static void print_json(const struct tl_capd_engine *engine, const struct answer *answer)
{
	printf("{\"name\":\"%s\",\"zero_copy\":%s,\"kernel_offload\":false,\"requires_root\":true,"
	       "\"emits_flows\":true,\"emits_raw_packets\":true,\"max_throughput_mpps\":%.1f",
	       engine->name, truth(engine->zero_copy), engine->max_throughput_mpps);
	if (answer) {
		printf(",\"usable\":%s,\"mode\":\"%s\",\"reason\":", truth(answer->usable),
		       answer->usable ? engine->mode : "");
		print_json_text(answer->reason);
	}
	printf("}\n");
}

static void print_plain(const struct tl_capd_engine *engine, const struct answer *answer)
{
	printf("name=%s\nzero_copy=%s\nkernel_offload=false\nrequires_root=true\n"
	       "emits_flows=true\nemits_raw_packets=true\nmax_throughput_mpps=%.1f\n",
	       engine->name, truth(engine->zero_copy), engine->max_throughput_mpps);
	if (answer) {
		printf("usable=%s\nmode=%s\nreason=%s\n", truth(answer->usable),
		       answer->usable ? engine->mode : "", answer->reason);
	}
}

static int print(const struct tl_capd_shared *shared, const struct answer *answer)
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

static void explain(struct answer *answer, const char *iface, int err)
{
	const char *text = err == -EPERM
				   ? "needs CAP_NET_RAW: run as root, or setcap cap_net_raw+ep"
			   : err == -ENODEV	? "no such interface: 'ip link' lists them"
			   : err == -ENOMEM	? "no memory for the ring: try a smaller --ring"
			   : err == -EINVAL	? "the filter does not compile there"
			   : err == -EOPNOTSUPP ? "this kernel does not have what it takes"
						: strerror(-err);

	answer->usable = false;
	snprintf(answer->reason, sizeof(answer->reason), "%s: %s", iface, text);
}

int tl_capd_probe(struct tl_capd_shared *shared)
{
	const struct tl_opt_list *list = &shared->options->interfaces;
	struct answer answer = {.usable = true};
	bool bad_filter = false;

	for (unsigned int i = 0; i < list->count && answer.usable; i++) {
		struct tl_capd_port port;
		int err = tl_capd_port_open(&port, shared, list->items[i]);
		tl_capd_port_close(&port);
		if (err < 0) {
			explain(&answer, list->items[i], err);
			bad_filter = err == -EINVAL;
		}
	}
	int code = print(shared, &answer);
	if (bad_filter) {
		return TL_EXIT_USAGE;
	}
	return code == TL_EXIT_OK && !answer.usable ? TL_EXIT_UNAVAILABLE : code;
}
