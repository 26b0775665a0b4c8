/* SPDX-License-Identifier: BSD-2-Clause */
/* A message of MCP that is being answered, and what answers have in common. */
#ifndef CAPMETRICS_MCP_MESSAGE_H
#define CAPMETRICS_MCP_MESSAGE_H

#include "mcp_tools.h"

#define MCP_META "io.modelcontextprotocol/"

enum mcp_error {
	MCP_ERROR_PARSE = -32700,
	MCP_ERROR_REQUEST = -32600,
	MCP_ERROR_METHOD = -32601,
	MCP_ERROR_PARAMS = -32602,
	MCP_ERROR_VERSION = -32022, /* since 2026-07-28 */
};

enum { MCP_VERSIONS = 3 };

/* The first has no handshake; the second is what an `initialize` for anything else gets. */
extern const char *const mcp_versions[MCP_VERSIONS];

struct mcp {
	struct mcp_source source;
	struct tl_jsontree *request;
	struct mcp_task task;
	struct tl_textbuf result; /* of a tool */
	bool has_session;	  /* `initialize` was answered */
	uint64_t second;	  /* of the last call of a tool */
	unsigned int calls;	  /* in it */
};

struct mcp_message {
	struct mcp *mcp;
	struct tl_jsonnode id; /* absent: of a notification, or unknown */
	struct tl_str method;
	struct tl_jsonnode params; /* absent or an object */
	bool is_modern;
	struct jsondoc doc; /* the answer */
	int err;	    /* why there can be none */
};

/* An answer is begun, gets its members, and is ended. */
void mcp_message_begin_result(struct mcp_message *m);
void mcp_message_begin_error(struct mcp_message *m, enum mcp_error code, const char *text);
void mcp_message_end(struct mcp_message *m);

/* All of it. */
void mcp_message_error(struct mcp_message *m, enum mcp_error code, const char *text);

/* Members. */
void mcp_message_put(struct jsondoc *doc, const char *key, struct tl_jsonnode node);
void mcp_message_put_server(struct jsondoc *doc, const char *key);
void mcp_message_put_versions(struct jsondoc *doc, const char *key);

/* --- mcp_methods.c --------------------------------------------------------- */

struct mcp_method {
	const char *name;
	bool is_modern;
	bool is_legacy;
	bool needs_session; /* in the legacy era */
	void (*answer)(struct mcp_message *m);
};

/* That of the message, in its era; 0 = there is none. */
const struct mcp_method *mcp_methods_find(const struct mcp_message *m);

#endif
