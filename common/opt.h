/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Command-line options as one table per tool, which yields parsing, --help
 * and the test that the man page names every option. -h, -V/--version, -v
 * and -q are added to every tool.
 */
#ifndef TL_OPT_H
#define TL_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tl_opt_kind {
	TL_OPT_FLAG,	 /* bool: set to true */
	TL_OPT_STRING,	 /* const char *: points into argv */
	TL_OPT_LIST,	 /* struct tl_opt_list: repeatable */
	TL_OPT_NUMBER,	 /* uint64_t, decimal, min..max */
	TL_OPT_DURATION, /* uint64_t ns: "5s", "100ms", "1m", "2h", "10us"; a bare number is seconds
			  */
	TL_OPT_SIZE,	 /* uint64_t bytes: "256K", "64M", "1G" are powers of 1024 */
	TL_OPT_FACTOR,	 /* double > 0 */
	TL_OPT_CHOICE,	 /* unsigned int: index into `choices` */
};

enum { TL_OPT_LIST_MAX = 64 };

struct tl_opt_list {
	unsigned int count;
	const char *items[TL_OPT_LIST_MAX]; /* point into argv */
};

struct tl_opt {
	char short_name;       /* 0 = none */
	const char *long_name; /* 0 = none */
	enum tl_opt_kind kind;
	size_t offset;		    /* of the field in the config struct */
	const char *metavar;	    /* 0 for flags */
	const char *help;	    /* one line; says the default */
	uint64_t min, max;	    /* numbers, durations (ns), sizes; max 0 = no limit */
	const char *const *choices; /* 0-terminated */
	const char *implied;	    /* the value when none is given ("--name" or "--name=value") */
};

/*
 * Rows that mean the same in every tool that has them; `at` is the offset of
 * the field. A tool whose row means something else writes its own.
 */
#define TL_OPT_ROW_WRITE(list_or_string, at)                                                       \
	{                                                                                          \
		.short_name = 'w', .long_name = "write", .kind = list_or_string, .offset = at,     \
		.metavar = "PLACE", .help = "the same as -o"                                       \
	}
/* Of what makes events and sends them. */
#define TL_OPT_ROW_NO_ACKS(at)                                                                     \
	{                                                                                          \
		.long_name = "no-acks", .kind = TL_OPT_FLAG, .offset = at,                         \
		.help = "wait for no acknowledgement: sent is done"                                \
	}
#define TL_OPT_ROW_ACK_URL(at)                                                                     \
	{                                                                                          \
		.long_name = "ack-url", .kind = TL_OPT_STRING, .offset = at, .metavar = "URL",     \
		.help = "where the consumer acknowledges (URL.ack; tcp: the next port)"            \
	}
/* Of what takes events in. */
#define TL_OPT_ROW_ACK_URL_IN(at)                                                                  \
	{                                                                                          \
		.long_name = "ack-url", .kind = TL_OPT_STRING, .offset = at, .metavar = "URL",     \
		.help = "where acknowledgements of the input are (URL.ack; tcp: the next port)"    \
	}
#define TL_OPT_ROW_ALLOW_UID(at)                                                                   \
	{                                                                                          \
		.long_name = "allow-uid", .kind = TL_OPT_LIST, .offset = at, .metavar = "USER",    \
		.help = "who may dial, besides root, this user and tapline; repeatable"            \
	}
#define TL_OPT_ROW_INSECURE(at)                                                                    \
	{                                                                                          \
		.long_name = "insecure", .kind = TL_OPT_FLAG, .offset = at,                        \
		.help = "allow tcp:// off loopback"                                                \
	}
#define TL_OPT_ROW_STATS(at)                                                                       \
	{                                                                                          \
		.long_name = "stats", .kind = TL_OPT_STRING, .offset = at, .metavar = "URL",       \
		.help = "report counters there each second, to capmetrics"                         \
	}
#define TL_OPT_ROW_LIST_METRICS(at)                                                                \
	{                                                                                          \
		.long_name = "list-metrics", .kind = TL_OPT_FLAG, .offset = at,                    \
		.help = "say what is reported there, and exit"                                     \
	}
/* What tl_service_ready takes. */
#define TL_OPT_ROW_READY_FD(at)                                                                    \
	{                                                                                          \
		.long_name = "ready-fd", .kind = TL_OPT_NUMBER, .offset = at, .metavar = "FD",     \
		.help = "write a newline there when ready", .min = 3, .max = 1023                  \
	}

struct tl_program {
	const char *name;
	const char *summary;	   /* one line */
	const char *operands;	   /* after the options in the usage line, may be 0 */
	const struct tl_opt *opts; /* ends with a row of kind flag and neither name */
	const struct tl_opt *more; /* another such table, for the same config; may be 0 */
	bool mixed; /* options may follow operands; else the first operand ends them */
};

/*
 * Parses argv into `config`, which the caller has filled with the defaults.
 * Opens the log under the program's name and sets its level.
 * Returns the index of the first operand (1..argc); 0 when --help or
 * --version was answered on stdout (exit 0); -EINVAL after one line on stderr
 * that names the bad value and what is allowed (exit 2). Logs.
 */
int tl_opt_parse(const struct tl_program *program, int argc, char **argv, void *config);

/* The single values, also for operands and fuzzing: 0, or -EINVAL. Pure. */
int tl_opt_parse_duration(const char *text, uint64_t *ns);
int tl_opt_parse_size(const char *text, uint64_t *bytes);
int tl_opt_parse_number(const char *text, uint64_t *number);

#endif
