/* SPDX-License-Identifier: BSD-2-Clause */
#include "pcapfile.h"

void pcapfile_begin(FILE *file, uint32_t link_type)
{
	const uint32_t header[6] = {0xa1b2c3d4, 4u << 16 | 2, 0, 0, 262144, link_type};
	fwrite(header, sizeof(header), 1, file);
}

void pcapfile_add(FILE *file, uint64_t ns, const uint8_t *bytes, uint32_t len, uint32_t wire_len)
{
	const uint32_t header[4] = {
		(uint32_t)(ns / 1000000000u),
		(uint32_t)(ns % 1000000000u / 1000u),
		len,
		wire_len,
	};
	fwrite(header, sizeof(header), 1, file);
	fwrite(bytes, 1, len, file);
}
