/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where batches are delivered to: one vtable a transport. A sink is used by one
 * thread, its lane's (lane.h), which decides about retries, splitting and
 * rejecting; a sink only sends and tells what came back. It may have threads of
 * its own, which then hand their answers over inside.
 */
#ifndef SHIPPER_SINK_H
#define SHIPPER_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire.h"

enum {
	PARCEL_ID_LEN = 80,    /* with its NUL */
	SINK_REASON_LEN = 200, /* with its NUL */
	SINK_IN_FLIGHT_MAX = 64,
};

/* One batch on its way to one sink. It stays as it is from send to its answer. */
struct parcel {
	const uint8_t *data; /* a valid batch */
	size_t len;
	uint8_t stream[TL_WIRE_STREAM_LEN];
	uint64_t after;
	uint64_t first;
	uint32_t count;
	bool end;
	char id[PARCEL_ID_LEN]; /* hex(stream)-first-count: the same whenever the same run is sent
				 */
};

enum sink_verdict {
	SINK_DONE,	/* it is safe there */
	SINK_RETRY,	/* later: not reachable, busy, broken */
	SINK_TOO_BIG,	/* in smaller pieces */
	SINK_REFUSED,	/* not this batch, whatever we do: malformed, unacceptable */
	SINK_FORBIDDEN, /* not from us: credentials; later, and somebody has to act */
	SINK_GONE,	/* nobody will ever read it (a closed pipe): a clean end */
};

struct sink_answer {
	struct parcel *parcel;
	enum sink_verdict verdict;
	uint64_t retry_after_ns;      /* what the peer asked for; 0 = nothing */
	char reason[SINK_REASON_LEN]; /* for people; empty when done */
};

/* What the command line says; strings live as long as the process. No field holds a secret. */
struct sink_config {
	const char *url;
	bool insecure; /* allow plain text off loopback */
	/* TLS (https, nats, kafka) */
	const char *ca_file;   /* 0 = the system's */
	const char *cert_file; /* client certificate and key, PEM */
	const char *key_file;
	const char *pinned_key;	      /* "sha256//BASE64" of the server's public key, https */
	const char *server_name;      /* the name to verify instead of the URL's */
	const char *token_file;	      /* bearer token or NATS token; re-read when it changed */
	const char *credentials_file; /* NATS .creds */
	/* NATS, Kafka */
	const char *subject;	   /* subject or topic when the URL has none */
	const char *kafka_options; /* file of librdkafka properties, key=value lines */
	/* files */
	uint64_t segment_bytes;
	uint64_t segment_age_ns;
	bool zstd; /* compress (https: yes unless told; files) */
	/* all */
	uint64_t timeout_ns;	/* of one delivery */
	unsigned int in_flight; /* parcels at a time, at most: 1 to SINK_IN_FLIGHT_MAX */
};

struct sink;

struct sink_ops {
	const char *const *schemes; /* "https", ...; 0-terminated */
	/*
	 * Checks the URL and sets up; a peer that is down is no error. 0; -EINVAL after one
	 * logged line: usage (exit 2); other -errno, logged.
	 */
	int (*open)(struct sink **out, const struct sink_config *config);
	/*
	 * Starts sending; never more than in_flight parcels at a time. What goes wrong is an
	 * answer. May answer at once: the answer is fetched by `wait`.
	 */
	void (*send)(struct sink *sink, struct parcel *parcel);
	/*
	 * Runs the transport until there are answers or the time is over (0 does not wait);
	 * returns how many of `answers` were filled.
	 */
	size_t (*wait)(struct sink *sink, struct sink_answer *answers, size_t max,
		       uint64_t timeout_ns);
	/* Ends a `wait` early; from any thread. May be 0: waits are then short. */
	void (*wake)(struct sink *sink);
	/* True when it is connected, or as good as. May be 0. */
	bool (*connected)(struct sink *sink);
	/* SIGHUP: completes the current file and the like; by the lane's thread. May be 0. */
	void (*hangup)(struct sink *sink);
	/* Gives up what is in flight, without answers. */
	void (*close)(struct sink *sink);
};

/* Embedded first in the transport's own struct. */
struct sink {
	const struct sink_ops *ops;
};

extern const struct sink_ops sink_http_ops;   /* https://, http:// (loopback or --insecure) */
extern const struct sink_ops sink_nats_ops;   /* nats://, tls:// */
extern const struct sink_ops sink_kafka_ops;  /* kafka:// */
extern const struct sink_ops sink_file_ops;   /* file:DIR */
extern const struct sink_ops sink_hop_ops;    /* ipc://, tcp:// */
extern const struct sink_ops sink_stdout_ops; /* - */
extern const struct sink_ops sink_null_ops;   /* null: */

#endif
