/* SPDX-License-Identifier: BSD-2-Clause */
/* The tools of mcp_tools.h, each with the page that it reads. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mcp_message.h"

enum { ITEMS_MAX = 4096 }; /* of a list of the server that are looked at */

/* Reads a page whose JSON is an object. */
static int fetch(struct mcp_task *task, const char *path, struct tl_jsonnode *root)
{
	int err = task->source->get(task->source->context, path, &task->reply);

	if (err == -ENOMEM || err == -EINTR) {
		return err;
	}
	if (err < 0) {
		snprintf(task->problem, sizeof(task->problem), "%s of capmetrics: %s", path,
			 task->reply.reason);
		return -EBADMSG;
	}
	err = tl_jsontree_read(task->page, task->reply.body.data, task->reply.body.len, root);
	if (err == -ENOMEM) {
		return err;
	}
	if (err < 0 || tl_jsonnode_kind(*root) != TL_JSONKIND_OBJECT) {
		snprintf(task->problem, sizeof(task->problem),
			 "%s of capmetrics: the answer is no JSON object", path);
		return -EBADMSG;
	}
	return 0;
}

/* Members of an object under their own names; null where there is none. */
static void put_members(struct jsondoc *doc, struct tl_jsonnode from, const char *const *names)
{
	for (; *names; names++) {
		mcp_message_put(doc, *names, tl_jsonnode_member(from, *names));
	}
}

/* The objects of an array, so that what we promise in a schema holds, whatever the server says. */
static void put_list(struct jsondoc *doc, const char *key, struct tl_jsonnode list)
{
	struct tl_jsonwalk walk = tl_jsonwalk_over(list);
	struct tl_jsonnode item;

	jsondoc_open(doc, key, '[');
	while (tl_jsonwalk_next(&walk, &item)) {
		if (tl_jsonnode_kind(item) == TL_JSONKIND_OBJECT) {
			mcp_message_put(doc, 0, item);
		}
	}
	jsondoc_close(doc, ']');
}

/* /capture/metrics, by which a report can be told from any other JSON. */
static int fetch_report(struct mcp_task *task, struct tl_jsonnode *root)
{
	int err = fetch(task, "/capture/metrics", root);

	if (err == 0 &&
	    (tl_jsonnode_kind(tl_jsonnode_member(*root, "healthy")) != TL_JSONKIND_BOOL ||
	     tl_jsonnode_kind(tl_jsonnode_member(*root, "ready")) != TL_JSONKIND_BOOL ||
	     tl_jsonnode_kind(tl_jsonnode_member(*root, "running")) != TL_JSONKIND_BOOL ||
	     tl_jsonnode_kind(tl_jsonnode_member(*root, "books")) != TL_JSONKIND_OBJECT)) {
		snprintf(task->problem, sizeof(task->problem),
			 "/capture/metrics: the answer is no report of capmetrics");
		return -EBADMSG;
	}
	return err;
}

/* --- list_engines ---------------------------------------------------------- */

static int list_engines(struct mcp_task *task)
{
	static const char *const running[] = {"engine", "mode", "ifaces", "running", 0};
	struct tl_jsonnode root;
	int err = fetch_report(task, &root);

	if (err < 0) {
		return err;
	}
	put_members(&task->doc, root, running);
	err = fetch(task, "/capabilities", &root);
	/* 404: none was found. */
	if (err == 0 || (err == -EBADMSG && task->reply.status == 404)) {
		put_list(&task->doc, "engines",
			 err == 0 ? tl_jsonnode_member(root, "engines") : (struct tl_jsonnode){0});
		return 0;
	}
	return err;
}

/* --- read_metrics ---------------------------------------------------------- */

enum { METRICS_NAME, METRICS_TOOL, METRICS_LIMIT };

struct pick {
	struct tl_str name; /* part of it */
	struct tl_str tool; /* empty = any */
	uint64_t limit;
	uint64_t matched;
};

static bool has_part(struct tl_str text, struct tl_str part)
{
	return part.len == 0 ||
	       (text.len >= part.len && memmem(text.ptr, text.len, part.ptr, part.len));
}

static void put_sample(struct jsondoc *doc, struct tl_jsonnode tool, struct tl_jsonnode sample)
{
	static const char *const whose[] = {"tool", "instance", 0};
	static const char *const what[] = {"name", "unit", "type", "labels", "value", 0};

	jsondoc_open(doc, 0, '{');
	put_members(doc, tool, whose);
	put_members(doc, sample, what);
	jsondoc_close(doc, '}');
}

static void put_samples(struct jsondoc *doc, struct tl_jsonnode tool, struct pick *pick)
{
	struct tl_jsonwalk walk = tl_jsonwalk_over(tl_jsonnode_member(tool, "metrics"));
	struct tl_jsonnode sample;

	while (tl_jsonwalk_next(&walk, &sample)) {
		struct tl_str name = tl_jsonnode_text(tl_jsonnode_member(sample, "name"));
		if (has_part(name, pick->name) && pick->matched++ < pick->limit) {
			put_sample(doc, tool, sample);
		}
	}
}

static int read_metrics(struct mcp_task *task)
{
	static const char *const sums[] = {
		"time",	   "healthy",		"engine",	    "mode",
		"running", "packets_processed", "events_emitted",   "bytes_processed",
		"dropped", "events_lost",	"ring_utilization", "cpu_percent",
		0};
	struct pick pick = {task->values[METRICS_NAME].text, task->values[METRICS_TOOL].text,
			    task->values[METRICS_LIMIT].number, 0};
	struct tl_jsonnode root, tool;
	int err = fetch_report(task, &root);

	if (err < 0) {
		return err;
	}
	put_members(&task->doc, root, sums);
	jsondoc_open(&task->doc, "metrics", '[');
	struct tl_jsonwalk walk = tl_jsonwalk_over(tl_jsonnode_member(root, "tools"));
	while (tl_jsonwalk_next(&walk, &tool)) {
		struct tl_str name = tl_jsonnode_text(tl_jsonnode_member(tool, "tool"));
		if (pick.tool.len == 0 || tl_str_eq(pick.tool, name)) {
			put_samples(&task->doc, tool, &pick);
		}
	}
	jsondoc_close(&task->doc, ']');
	jsondoc_uint(&task->doc, "matched", pick.matched);
	jsondoc_uint(&task->doc, "left_out",
		     pick.matched > pick.limit ? pick.matched - pick.limit : 0);
	return 0;
}

/* --- read_ladder and health ------------------------------------------------ */

static int read_ladder(struct mcp_task *task)
{
	struct tl_jsonnode root, member;
	int err = fetch(task, "/ladder", &root);
	struct tl_jsonwalk walk = tl_jsonwalk_over(err == 0 ? root : (struct tl_jsonnode){0});

	while (tl_jsonwalk_next(&walk, &member)) {
		char name[64];
		snprintf(name, sizeof(name), "%.*s", (int)walk.name.len, walk.name.ptr);
		mcp_message_put(&task->doc, name, member);
	}
	return err;
}

static int health(struct mcp_task *task)
{
	static const char *const members[] = {"time",	 "healthy", "ready",	   "engine", "mode",
					      "running", "dropped", "events_lost", "books",  0};
	struct tl_jsonnode root;
	int err = fetch_report(task, &root);

	if (err == 0) {
		put_members(&task->doc, root, members);
		put_list(&task->doc, "reasons", tl_jsonnode_member(root, "reasons"));
	}
	return err;
}

/* --- top_flows ------------------------------------------------------------- */

enum { FLOWS_BY, FLOWS_LIMIT };

static const char *const flow_orders[] = {"bytes", "packets", "rate", 0};
/* The member of a flow that each is. */
static const char *const flow_members[] = {"bytes", "packets", "bytes_per_second"};

struct flow {
	struct tl_jsonnode node;
	double size;
};

static int by_size(const void *a, const void *b)
{
	double x = ((const struct flow *)a)->size;
	double y = ((const struct flow *)b)->size;

	return x < y ? 1 : x > y ? -1 : 0;
}

/* The flows, biggest first; how many. */
static size_t sort_flows(struct tl_jsonnode root, const char *member, struct flow flows[ITEMS_MAX])
{
	struct tl_jsonwalk walk = tl_jsonwalk_over(tl_jsonnode_member(root, "flows"));
	struct tl_jsonnode node;
	size_t count = 0;

	while (count < ITEMS_MAX && tl_jsonwalk_next(&walk, &node)) {
		flows[count] =
			(struct flow){node, tl_jsonnode_real(tl_jsonnode_member(node, member))};
		count += tl_jsonnode_kind(node) == TL_JSONKIND_OBJECT;
	}
	qsort(flows, count, sizeof(*flows), by_size);
	return count;
}

static int top_flows(struct mcp_task *task)
{
	const char *order = flow_orders[task->values[FLOWS_BY].number];
	uint64_t limit = task->values[FLOWS_LIMIT].number;
	struct flow *flows = calloc(ITEMS_MAX, sizeof(*flows));
	struct tl_jsonnode root;

	int err = flows ? fetch(task, "/flows/top", &root) : -ENOMEM;
	if (err < 0) {
		free(flows);
		return err;
	}
	size_t count = sort_flows(root, flow_members[task->values[FLOWS_BY].number], flows);
	jsondoc_text(&task->doc, "by", order);
	jsondoc_open(&task->doc, "flows", '[');
	for (size_t i = 0; i < count && i < limit; i++) {
		mcp_message_put(&task->doc, 0, flows[i].node);
	}
	jsondoc_close(&task->doc, ']');
	jsondoc_uint(&task->doc, "left_out", count > limit ? count - limit : 0);
	free(flows);
	return 0;
}

/* --- recent_events --------------------------------------------------------- */

enum { EVENTS_TYPES, EVENTS_LIMIT };

static bool is_of(struct tl_jsonnode event, struct tl_jsonnode types)
{
	struct tl_jsonwalk walk = tl_jsonwalk_over(types);
	struct tl_jsonnode type;
	struct tl_str have = tl_jsonnode_text(tl_jsonnode_member(event, "type"));

	if (tl_jsonnode_kind(event) != TL_JSONKIND_OBJECT) {
		return false;
	}
	while (tl_jsonwalk_next(&walk, &type)) {
		if (tl_str_eq(have, tl_jsonnode_text(type))) {
			return true;
		}
	}
	return !types.document;
}

static size_t count_of(struct tl_jsonnode events, struct tl_jsonnode types)
{
	struct tl_jsonwalk walk = tl_jsonwalk_over(events);
	struct tl_jsonnode event;
	size_t count = 0;

	while (tl_jsonwalk_next(&walk, &event)) {
		count += is_of(event, types);
	}
	return count;
}

/* The last ones, in the order they came. */
static int recent_events(struct mcp_task *task)
{
	struct tl_jsonnode types = task->values[EVENTS_TYPES].list;
	uint64_t limit = task->values[EVENTS_LIMIT].number;
	struct tl_jsonnode root, event;
	int err = fetch(task, "/events/recent", &root);

	if (err < 0) {
		return err;
	}
	struct tl_jsonnode events = tl_jsonnode_member(root, "events");
	size_t count = count_of(events, types);
	uint64_t skip = count > limit ? count - limit : 0;
	struct tl_jsonwalk walk = tl_jsonwalk_over(events);
	jsondoc_open(&task->doc, "events", '[');
	for (size_t seen = 0; tl_jsonwalk_next(&walk, &event);) {
		if (is_of(event, types) && seen++ >= skip) {
			mcp_message_put(&task->doc, 0, event);
		}
	}
	jsondoc_close(&task->doc, ']');
	jsondoc_uint(&task->doc, "left_out", skip);
	return 0;
}

/* --- the table ------------------------------------------------------------- */

#define TYPE(type)	"{\"type\":\"" type "\"}"
#define LIST		"{\"type\":\"array\",\"items\":{\"type\":\"object\"}}"
#define SCHEMA(x, need) "{\"type\":\"object\",\"properties\":{" x "},\"required\":[" need "]}"

const struct mcp_tool mcp_tools[] = {
	{.name = "health",
	 .title = "Is all well",
	 .description =
		 "Whether the capture pipeline is healthy and, if not, every reason; and the "
		 "books: for each engine and each hop the equation of what came in and what "
		 "became of it, with its residual, which is 0 when nothing is missing.",
	 .output_schema =
		 SCHEMA("\"healthy\":" TYPE("boolean") ",\"ready\":" TYPE(
				"boolean") ",\"reasons\":" LIST ",\"books\":" TYPE("object"),
			"\"healthy\",\"ready\",\"reasons\",\"books\""),
	 .call = health},
	{.name = "list_engines",
	 .title = "Capture engines",
	 .description = "The capture engines of this machine with their capabilities (zero copy, "
			"kernel offload, flows, raw packets), and the one that runs now, its mode "
			"and its interfaces.",
	 .output_schema = SCHEMA("\"running\":" TYPE("boolean") ",\"engines\":" LIST,
				 "\"running\",\"engines\""),
	 .call = list_engines},
	{.name = "read_metrics",
	 .title = "Counters",
	 .description =
		 "The sums of the running engine, and the counters and gauges of every tool. "
		 "Ask for the ones you need by part of a name (dropped, lost, held, "
		 "received, spool) or by tool; left_out says how many did not fit.",
	 .arguments = {{"name", MCP_ARGUMENT_TEXT, "only metrics with this in their name", 0, 0, 0},
		       {"tool", MCP_ARGUMENT_TEXT,
			"only those of this tool, such as xdp-flowd, batcher, shipper", 0, 0, 0},
		       {"limit", MCP_ARGUMENT_COUNT, "at most so many metrics", 2000, 200, 0}},
	 .output_schema = SCHEMA("\"metrics\":" LIST
				 ",\"matched\":" TYPE("integer") ",\"left_out\":" TYPE("integer"),
				 "\"metrics\",\"matched\",\"left_out\""),
	 .call = read_metrics},
	{.name = "read_ladder",
	 .title = "Why this engine",
	 .description =
		 "The ladder of capture engines: which one captures, since when and by which "
		 "mode, each refused rung with its reason, and the last changes with the gap "
		 "they left.",
	 .output_schema = TYPE("object"),
	 .call = read_ladder},
	{.name = "top_flows",
	 .title = "Biggest flows",
	 .description = "The biggest flows on the wire now: addresses, ports, protocol, packets, "
			"bytes, and how fast they grow.",
	 .arguments = {{"by", MCP_ARGUMENT_CHOICE, "what counts", 0, 0, flow_orders},
		       {"limit", MCP_ARGUMENT_COUNT, "at most so many flows", 200, 20, 0}},
	 .output_schema = SCHEMA("\"by\":" TYPE("string") ",\"flows\":" LIST
							  ",\"left_out\":" TYPE("integer"),
				 "\"by\",\"flows\",\"left_out\""),
	 .call = top_flows},
	{.name = "recent_events",
	 .title = "Recent events",
	 .description = "The latest events, such as alerts and engine changes, oldest first.",
	 .arguments = {{"types", MCP_ARGUMENT_TEXTS,
			"only events of these types, such as alert, engine_change, dns, tls", 32, 0,
			0},
		       {"limit", MCP_ARGUMENT_COUNT, "at most so many events", 500, 50, 0}},
	 .output_schema = SCHEMA("\"events\":" LIST ",\"left_out\":" TYPE("integer"),
				 "\"events\",\"left_out\""),
	 .call = recent_events},
	{0},
};
