/* SPDX-License-Identifier: BSD-2-Clause */
#include "file.h"

#include <errno.h>
#include <unistd.h>

ssize_t tl_file_read(int fd, void *bytes, size_t max)
{
	size_t len = 0;

	while (len < max) {
		ssize_t got = read(fd, (uint8_t *)bytes + len, max - len);
		if (got < 0 && errno != EINTR) {
			return -errno;
		}
		if (got == 0) {
			break;
		}
		len += got > 0 ? (size_t)got : 0;
	}
	return (ssize_t)len;
}

int tl_file_read_exactly(int fd, void *bytes, size_t len)
{
	ssize_t got = tl_file_read(fd, bytes, len);

	return got < 0 ? (int)got : (size_t)got < len ? -EBADMSG : 0;
}

int tl_file_write(int fd, const void *bytes, size_t len, uint64_t *at)
{
	const uint8_t *p = bytes;
	const uint8_t *end = p + len;

	while (p < end) {
		ssize_t put = pwrite(fd, p, (size_t)(end - p), (off_t)*at);
		if (put < 0 && errno == EINTR) {
			continue;
		}
		if (put <= 0) {
			return put < 0 ? -errno : -EIO;
		}
		p += put;
		*at += (uint64_t)put;
	}
	return 0;
}
