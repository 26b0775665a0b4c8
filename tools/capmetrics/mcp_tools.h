/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tools that a language model may call: each reads a page of the server
 * and gives one JSON object. What a tool takes is a table, from which its schema
 * is written and its arguments are checked. Nothing logs.
 */
#ifndef CAPMETRICS_MCP_TOOLS_H
#define CAPMETRICS_MCP_TOOLS_H

#include "jsondoc.h"
#include "jsontree.h"
#include "mcp.h"

enum { MCP_ARGUMENTS_MAX = 4, MCP_PROBLEM_LEN = 512 };

enum mcp_argument_kind {
	MCP_ARGUMENT_TEXT,
	MCP_ARGUMENT_COUNT,  /* 1..max */
	MCP_ARGUMENT_CHOICE, /* one of `choices` */
	MCP_ARGUMENT_TEXTS,  /* an array of texts, at most `max` */
};

struct mcp_argument {
	const char *name; /* 0 ends the list */
	enum mcp_argument_kind kind;
	const char *description;
	uint64_t max;
	uint64_t usual; /* what a count, or the index of a choice, is when it is not given */
	const char *const *choices;
};

/* Of one argument; what was not given is empty, or `usual`. */
struct mcp_value {
	struct tl_str text;
	uint64_t number;
	struct tl_jsonnode list;
};

/* A call that is under way. */
struct mcp_task {
	const struct mcp_source *source;
	struct tl_jsontree *page; /* for what the source gives */
	struct client_reply reply;
	struct mcp_value values[MCP_ARGUMENTS_MAX];
	struct jsondoc doc;	       /* the result, an object that is open */
	char problem[MCP_PROBLEM_LEN]; /* why there is none, for the caller to read */
};

struct mcp_tool {
	const char *name; /* 0 ends the table */
	const char *title;
	const char *description;
	struct mcp_argument arguments[MCP_ARGUMENTS_MAX + 1];
	const char *output_schema;
	/* Adds members to task->doc. 0; -EBADMSG: see task->problem; -ENOMEM; -EINTR. */
	int (*call)(struct mcp_task *task);
};

extern const struct mcp_tool mcp_tools[];

/* 0 = there is none of that name. */
const struct mcp_tool *mcp_tools_find(struct tl_str name);

/* Writes the array that tools/list wants. */
void mcp_tools_write(struct jsondoc *doc, const char *key);

/*
 * Checks `arguments` (absent or an object) and calls: what it gives is appended
 * to `result`. As mcp_tool.call; -EBADMSG too when the result is over
 * MCP_RESULT_MAX, and then it is cut off again.
 */
int mcp_tools_call(const struct mcp_tool *tool, struct mcp_task *task, struct tl_jsonnode arguments,
		   struct tl_textbuf *result);

#endif
