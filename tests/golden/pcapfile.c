/* SPDX-License-Identifier: BSD-2-Clause */
#include "pcapfile.h"

enum { SNAPLEN = 262144 };

/* A pcapng block: type, length, fixed part, bytes padded to 4, length again. */
static void put_block(FILE *file, uint32_t type, const uint32_t *fixed, uint32_t fixed_count,
		      const uint8_t *bytes, uint32_t len)
{
	static const uint8_t zeros[4];
	uint32_t padding = -len % 4;
	const uint32_t head[2] = {type, 12 + 4 * fixed_count + len + padding};

	fwrite(head, sizeof(head), 1, file);
	fwrite(fixed, 4, fixed_count, file);
	fwrite(bytes, 1, len, file);
	fwrite(zeros, 1, padding, file);
	fwrite(&head[1], 4, 1, file);
}

void pcapfile_begin(const struct pcapfile *to, uint32_t link_type)
{
	const uint32_t section[4] = {0x1a2b3c4d, 1, UINT32_MAX, UINT32_MAX};
	const uint32_t interface[2] = {link_type, SNAPLEN};
	const uint32_t header[6] = {0xa1b2c3d4, 4u << 16 | 2, 0, 0, SNAPLEN, link_type};

	if (to->ng) {
		put_block(to->file, 0x0a0d0d0a, section, 4, 0, 0);
		put_block(to->file, 1, interface, 2, 0, 0);
	} else {
		fwrite(header, sizeof(header), 1, to->file);
	}
}

void pcapfile_add(const struct pcapfile *to, uint64_t ns, const uint8_t *bytes, uint32_t len,
		  uint32_t wire_len)
{
	uint64_t us = ns / 1000;
	const uint32_t enhanced[5] = {0, (uint32_t)(us >> 32), (uint32_t)us, len, wire_len};
	const uint32_t header[4] = {
		(uint32_t)(us / 1000000),
		(uint32_t)(us % 1000000),
		len,
		wire_len,
	};

	if (to->ng) {
		put_block(to->file, 6, enhanced, 5, bytes, len);
	} else {
		fwrite(header, sizeof(header), 1, to->file);
		fwrite(bytes, 1, len, to->file);
	}
}
