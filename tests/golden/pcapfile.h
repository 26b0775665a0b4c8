/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writes capture files, classic pcap or pcapng, microseconds, in this
 * machine's byte order. The FILE tells of errors.
 */
#ifndef TL_TEST_PCAPFILE_H
#define TL_TEST_PCAPFILE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Values of LINKTYPE_ (www.tcpdump.org/linktypes.html). */
enum {
	PCAPFILE_NULL = 0,
	PCAPFILE_ETHERNET = 1,
	PCAPFILE_RAW = 101,
	PCAPFILE_LOOP = 108,
	PCAPFILE_SLL = 113,
	PCAPFILE_SLL2 = 276,
};

struct pcapfile {
	FILE *file; /* borrowed */
	bool ng;
};

void pcapfile_begin(const struct pcapfile *to, uint32_t link_type);
void pcapfile_add(const struct pcapfile *to, uint64_t ns, const uint8_t *bytes, uint32_t len,
		  uint32_t wire_len);

#endif
