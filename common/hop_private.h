/* SPDX-License-Identifier: BSD-2-Clause */
/* What a way of moving batches implements; common/hop.c picks one by the place's name. */
#ifndef TL_HOP_PRIVATE_H
#define TL_HOP_PRIVATE_H

#include "hop.h"

struct tl_hop_in_ops {
	int (*recv)(struct tl_hop_in *in, struct tl_msg **msg, uint64_t timeout_ns);
	void (*close)(struct tl_hop_in *in);
	int (*fd)(const struct tl_hop_in *in);
	/* One message of acks. 0 where there are none. */
	void (*publish)(struct tl_hop_in *in, const struct tl_ack *acks, size_t count);
	bool is_url;
};

/* Embedded first in the backend's own struct. */
struct tl_hop_in {
	const struct tl_hop_in_ops *ops;
	struct tl_hop_counts counts;
	uint64_t last_input_ns; /* monotonic */
	bool has_acks;
};

struct tl_hop_out_ops {
	int (*send)(struct tl_hop_out *out, struct tl_msg *msg, uint64_t timeout_ns);
	bool (*drain)(struct tl_hop_out *out, uint64_t timeout_ns); /* may be 0 */
	int (*sync)(struct tl_hop_out *out);			    /* may be 0 */
	/* All three or none. */
	int (*recv_acks)(struct tl_hop_out *out, struct tl_ack *acks, size_t max);
	void (*end_acks)(struct tl_hop_out *out);
	struct tl_hop_link (*link)(struct tl_hop_out *out);
	void (*close)(struct tl_hop_out *out);
};

struct tl_hop_out {
	const struct tl_hop_out_ops *ops;
	bool has_acks;
};

int tl_hop_file_open_in(struct tl_hop_in **out, const char *path);
int tl_hop_file_open_out(struct tl_hop_out **out, const char *path);
int tl_hop_nng_open_in(struct tl_hop_in **out, const char *url, const struct tl_hop_config *config);
int tl_hop_nng_open_out(struct tl_hop_out **out, const char *url,
			const struct tl_hop_config *config);

/*
 * True when the service is stopping and nothing has come in for `silence_ns`,
 * or it has taken 4 s: supervisors wait 5.
 */
bool tl_hop_stop_waiting(uint64_t last_input_ns, uint64_t silence_ns);

/*
 * Waits for input at `fd`: 1 readable; -ETIMEDOUT, also when a signal wants the
 * caller's attention; -EINTR by the rule above; other -errno.
 */
int tl_hop_wait_readable(int fd, uint64_t last_input_ns, uint64_t silence_ns, uint64_t deadline_ns);

#endif
