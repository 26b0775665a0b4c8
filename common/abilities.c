/* SPDX-License-Identifier: BSD-2-Clause */
#include "abilities.h"

#include <errno.h>
#include <stdio.h>

static const char *truth(bool value)
{
	return value ? "true" : "false";
}

/* Names of interfaces and files may hold nearly any byte. */
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

static void print_json(const struct tl_abilities *can, const struct tl_answer *answer)
{
	printf("{\"name\":\"%s\",\"zero_copy\":%s,\"kernel_offload\":%s,\"requires_root\":%s,"
	       "\"emits_flows\":%s,\"emits_raw_packets\":%s,\"max_throughput_mpps\":%.1f",
	       can->name, truth(can->zero_copy), truth(can->kernel_offload),
	       truth(can->requires_root), truth(can->emits_flows), truth(can->emits_raw_packets),
	       can->max_throughput_mpps);
	if (answer) {
		printf(",\"usable\":%s,\"mode\":\"%s\",\"reason\":", truth(answer->usable),
		       answer->usable ? answer->mode : "");
		print_json_text(answer->reason);
	}
	printf("}\n");
}

static void print_plain_text(const char *text)
{
	for (; *text; text++) {
		putchar(*text == '\n' ? ' ' : *text);
	}
	putchar('\n');
}

static void print_plain(const struct tl_abilities *can, const struct tl_answer *answer)
{
	printf("name=%s\nzero_copy=%s\nkernel_offload=%s\nrequires_root=%s\nemits_flows=%s\n"
	       "emits_raw_packets=%s\nmax_throughput_mpps=%.1f\n",
	       can->name, truth(can->zero_copy), truth(can->kernel_offload),
	       truth(can->requires_root), truth(can->emits_flows), truth(can->emits_raw_packets),
	       can->max_throughput_mpps);
	if (answer) {
		printf("usable=%s\nmode=%s\nreason=", truth(answer->usable),
		       answer->usable ? answer->mode : "");
		print_plain_text(answer->reason);
	}
}

int tl_abilities_print(const struct tl_abilities *abilities, const struct tl_answer *answer,
		       bool plain)
{
	if (plain) {
		print_plain(abilities, answer);
	} else {
		print_json(abilities, answer);
	}
	return fflush(stdout) == 0 ? 0 : -errno;
}
