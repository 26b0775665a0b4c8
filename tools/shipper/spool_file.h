/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file of the spool: its name, and a batch with 16 bytes behind it: "TLSPOOL1",
 * then the batch's length and its CRC32C, u32 little endian. Nothing logs.
 */
#ifndef SHIPPER_SPOOL_FILE_H
#define SHIPPER_SPOOL_FILE_H

#include "backlog.h"

enum {
	SPOOL_FOOTER_LEN = 16,
	SPOOL_NAME_LEN = 128, /* with its NUL */
};

/* ORDER-STREAM-AFTER-FIRST-COUNT-(e|-).tap: what `run` says; names sort by arrival. */
void spool_name_put(const struct backlog_run *run, char name[SPOOL_NAME_LEN]);

/*
 * The inverse: run->stream is then `stream`. Length of the name, behind which more may
 * follow; 0 when it is none.
 */
unsigned int spool_name_get(const char *name, struct backlog_run *run,
			    uint8_t stream[TL_WIRE_STREAM_LEN]);

void spool_footer_put(uint8_t footer[SPOOL_FOOTER_LEN], const uint8_t *batch, uint32_t len);

/* The bytes of a file, its footer cut off. 0; -EBADMSG when it is not as it was written; -errno. */
int spool_file_read(int folder, const char *name, struct tl_msg **out);

/* True when the batch is valid, and the one that `run` names. */
bool spool_file_is(struct tl_wire_reader *reader, const struct tl_msg *msg,
		   const struct backlog_run *run);

#endif
