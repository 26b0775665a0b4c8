/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets of a capture file: classic pcap by a reader of our own (44 ns a
 * packet less than libpcap), pcapng and everything else libpcap knows by
 * libpcap. Link types: Ethernet, raw IP, Linux cooked v1 and v2, null, loop.
 * Logs, once, what is wrong with a file.
 */
#ifndef TL_CAPTURE_FILE_H
#define TL_CAPTURE_FILE_H

#include "meter.h"
#include "source.h"

struct tl_capture_file;

/*
 * Reads the file header; borrows `source`. `name` is for messages.
 * 0; -EBADMSG no capture file, or a link type that is not supported.
 */
int tl_capture_file_open(struct tl_capture_file **out, struct tl_source *source, const char *name);
void tl_capture_file_close(struct tl_capture_file *file);

/* DLT_* of its packets. */
int tl_capture_file_link_type(const struct tl_capture_file *file);

/*
 * The next frames, up to TL_METER_BURST: their number; 0 at the end; -EINTR
 * when the service is stopping; -EBADMSG when the file is damaged or cut
 * short from here on. Frames are valid until the next call.
 */
int tl_capture_file_next(struct tl_capture_file *file, struct tl_frame frames[TL_METER_BURST]);

#endif
