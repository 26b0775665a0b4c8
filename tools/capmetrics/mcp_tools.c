/* SPDX-License-Identifier: BSD-2-Clause */
#include "mcp_tools.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* --- tools/list ------------------------------------------------------------ */

static void put_texts(struct jsondoc *doc, const char *key, const char *const *texts)
{
	jsondoc_open(doc, key, '[');
	for (; *texts; texts++) {
		jsondoc_text(doc, 0, *texts);
	}
	jsondoc_close(doc, ']');
}

static void put_argument(struct jsondoc *doc, const struct mcp_argument *a)
{
	static const char *const types[] = {"string", "integer", "string", "array"};

	jsondoc_open(doc, a->name, '{');
	jsondoc_text(doc, "type", types[a->kind]);
	jsondoc_text(doc, "description", a->description);
	if (a->kind == MCP_ARGUMENT_COUNT) {
		jsondoc_uint(doc, "minimum", 1);
		jsondoc_uint(doc, "maximum", a->max);
		jsondoc_uint(doc, "default", a->usual);
	} else if (a->kind == MCP_ARGUMENT_CHOICE) {
		put_texts(doc, "enum", a->choices);
		jsondoc_text(doc, "default", a->choices[a->usual]);
	} else if (a->kind == MCP_ARGUMENT_TEXTS) {
		jsondoc_open(doc, "items", '{');
		jsondoc_text(doc, "type", "string");
		jsondoc_close(doc, '}');
		jsondoc_uint(doc, "maxItems", a->max);
	}
	jsondoc_close(doc, '}');
}

static void put_input_schema(struct jsondoc *doc, const struct mcp_tool *tool)
{
	jsondoc_open(doc, "inputSchema", '{');
	jsondoc_text(doc, "type", "object");
	jsondoc_open(doc, "properties", '{');
	for (const struct mcp_argument *a = tool->arguments; a->name; a++) {
		put_argument(doc, a);
	}
	jsondoc_close(doc, '}');
	jsondoc_bool(doc, "additionalProperties", false);
	jsondoc_close(doc, '}');
}

static void put_annotations(struct jsondoc *doc, const struct mcp_tool *tool)
{
	jsondoc_open(doc, "annotations", '{');
	jsondoc_text(doc, "title", tool->title);
	jsondoc_bool(doc, "readOnlyHint", true);
	jsondoc_bool(doc, "destructiveHint", false);
	jsondoc_bool(doc, "idempotentHint", true);
	jsondoc_bool(doc, "openWorldHint", false);
	jsondoc_close(doc, '}');
}

void mcp_tools_write(struct jsondoc *doc, const char *key)
{
	jsondoc_open(doc, key, '[');
	for (const struct mcp_tool *tool = mcp_tools; tool->name; tool++) {
		jsondoc_open(doc, 0, '{');
		jsondoc_text(doc, "name", tool->name);
		jsondoc_text(doc, "title", tool->title);
		jsondoc_text(doc, "description", tool->description);
		put_input_schema(doc, tool);
		jsondoc_raw(doc, "outputSchema", tool->output_schema, strlen(tool->output_schema));
		put_annotations(doc, tool);
		jsondoc_close(doc, '}');
	}
	jsondoc_close(doc, ']');
}

const struct mcp_tool *mcp_tools_find(struct tl_str name)
{
	for (const struct mcp_tool *tool = mcp_tools; tool->name; tool++) {
		if (tl_str_eq(name, tl_str_of(tool->name))) {
			return tool;
		}
	}
	return 0;
}

/* --- arguments ------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static int refuse(struct mcp_task *task, const char *format,
							...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(task->problem, sizeof(task->problem), format, arguments);
	va_end(arguments);
	return -EBADMSG;
}

static int read_count(struct mcp_task *task, const struct mcp_argument *a, struct tl_jsonnode node,
		      struct mcp_value *value)
{
	value->number = tl_jsonnode_uint(node);
	if (tl_jsonnode_kind(node) != TL_JSONKIND_UINT || value->number < 1 ||
	    value->number > a->max) {
		return refuse(task, "%s: wants a whole number from 1 to %llu", a->name,
			      (unsigned long long)a->max);
	}
	return 0;
}

static int read_choice(struct mcp_task *task, const struct mcp_argument *a, struct tl_jsonnode node,
		       struct mcp_value *value)
{
	char all[MCP_PROBLEM_LEN / 2] = "";
	size_t len = 0;

	for (unsigned int i = 0; a->choices[i]; i++) {
		if (tl_jsonnode_kind(node) == TL_JSONKIND_TEXT &&
		    tl_str_eq(tl_jsonnode_text(node), tl_str_of(a->choices[i]))) {
			value->number = i;
			return 0;
		}
		len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%s", i > 0 ? ", " : "",
					a->choices[i]);
	}
	return refuse(task, "%s: wants one of %s", a->name, all);
}

static int read_texts(struct mcp_task *task, const struct mcp_argument *a, struct tl_jsonnode node,
		      struct mcp_value *value)
{
	struct tl_jsonwalk walk = tl_jsonwalk_over(node);
	struct tl_jsonnode item;
	uint64_t count = 0;
	bool are_texts = tl_jsonnode_kind(node) == TL_JSONKIND_ARRAY;

	while (are_texts && tl_jsonwalk_next(&walk, &item)) {
		are_texts = tl_jsonnode_kind(item) == TL_JSONKIND_TEXT && ++count <= a->max;
	}
	value->list = node;
	return are_texts ? 0
			 : refuse(task, "%s: wants an array of at most %llu strings", a->name,
				  (unsigned long long)a->max);
}

static int read_value(struct mcp_task *task, const struct mcp_argument *a, struct tl_jsonnode node,
		      struct mcp_value *value)
{
	switch (a->kind) {
	case MCP_ARGUMENT_COUNT:
		return read_count(task, a, node, value);
	case MCP_ARGUMENT_CHOICE:
		return read_choice(task, a, node, value);
	case MCP_ARGUMENT_TEXTS:
		return read_texts(task, a, node, value);
	default:
		value->text = tl_jsonnode_text(node);
		return tl_jsonnode_kind(node) == TL_JSONKIND_TEXT
			       ? 0
			       : refuse(task, "%s: wants a string", a->name);
	}
}

static bool is_known(const struct mcp_tool *tool, struct tl_str name)
{
	for (const struct mcp_argument *a = tool->arguments; a->name; a++) {
		if (tl_str_eq(name, tl_str_of(a->name))) {
			return true;
		}
	}
	return false;
}

static int read_arguments(const struct mcp_tool *tool, struct mcp_task *task,
			  struct tl_jsonnode arguments)
{
	struct tl_jsonwalk walk = tl_jsonwalk_over(arguments);
	struct tl_jsonnode node;
	int err = 0;

	while (tl_jsonwalk_next(&walk, &node)) {
		if (!is_known(tool, walk.name)) {
			return refuse(task, "%s takes no argument of that name: see tools/list",
				      tool->name);
		}
	}
	for (unsigned int i = 0; tool->arguments[i].name && err == 0; i++) {
		const struct mcp_argument *a = &tool->arguments[i];
		task->values[i] = (struct mcp_value){.text = TL_STR(""), .number = a->usual};
		node = tl_jsonnode_member(arguments, a->name);
		err = node.document ? read_value(task, a, node, &task->values[i]) : 0;
	}
	return err;
}

/* --- tools/call ------------------------------------------------------------ */

int mcp_tools_call(const struct mcp_tool *tool, struct mcp_task *task, struct tl_jsonnode arguments,
		   struct tl_textbuf *result)
{
	size_t before = result->len;
	int err = read_arguments(tool, task, arguments);

	task->doc = (struct jsondoc){.out = result};
	if (err == 0) {
		jsondoc_open(&task->doc, 0, '{');
		err = tool->call(task);
		jsondoc_close(&task->doc, '}');
	}
	if (err == 0) {
		err = jsondoc_end(&task->doc);
	}
	if (err == 0 && result->len - before > MCP_RESULT_MAX) {
		err = refuse(task, "the answer is over 1 MiB: ask for less");
	}
	if (err < 0) {
		result->len = before;
	}
	return err;
}
