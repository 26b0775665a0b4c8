/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A server of the Model Context Protocol, by which a language model looks at
 * the pipeline: JSON-RPC 2.0, one message a line, tools alone, all of them
 * read-only (mcp_tools.h). Revision 2026-07-28 (no handshake, each request says
 * its version in _meta), and for older clients 2025-11-25 and 2025-06-18, which begin
 * with `initialize`. What is asked is bounded; so is what is answered.
 *
 * Pure but for its source; one thread. Nothing logs.
 */
#ifndef CAPMETRICS_MCP_H
#define CAPMETRICS_MCP_H

#include "client_http.h"

enum {
	MCP_LINE_MAX = 64 << 10,   /* bytes of a message */
	MCP_RESULT_MAX = 1 << 20,  /* bytes of the JSON that a tool gives */
	MCP_CALLS_PER_SECOND = 50, /* of tools; more are refused */
};

/* Where the tools look. */
struct mcp_source {
	/* As client_http_get. */
	int (*get)(void *context, const char *path, struct client_reply *reply);
	uint64_t (*now_ns)(void *context); /* monotonic */
	void *context;
};

struct mcp;

/* `source` is copied. 0 or -ENOMEM. */
int mcp_create(struct mcp **out, const struct mcp_source *source);
void mcp_destroy(struct mcp *mcp);

/*
 * Takes one message (a line, without its newline) and appends the answer, a line
 * with its newline; nothing for notifications. 0; -ENOMEM; -EINTR from the source. On failure
 * `out` is as it was.
 */
int mcp_answer(struct mcp *mcp, const char *line, size_t len, struct tl_textbuf *out);

/* The answer to a line longer than MCP_LINE_MAX. */
int mcp_answer_too_long(struct tl_textbuf *out);

#endif
