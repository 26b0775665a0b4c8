/* SPDX-License-Identifier: BSD-2-Clause */
/* tools/capmetrics/mcp*: requests in, answers out, with a server made of a table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "../../common/clock.h"
#include "../../common/jsontree.h"
#include "../../tools/capmetrics/mcp.h"
#include "../../tools/capmetrics/mcp_tools.h"

#define MODERN                                                                                     \
	"\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","                   \
	"\"io.modelcontextprotocol/clientCapabilities\":{}}"
#define REQUEST(id, method, params)                                                                \
	"{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"" method "\",\"params\":{" params "}}"
#define CALL(tool, arguments)                                                                      \
	REQUEST("1", "tools/call", MODERN ",\"name\":\"" tool "\",\"arguments\":" arguments)
#define INITIALIZE(version)                                                                        \
	REQUEST("1", "initialize",                                                                 \
		"\"protocolVersion\":\"" version                                                   \
		"\",\"capabilities\":{},\"clientInfo\":{\"name\":\"t\",\"version\":\"1\"}")

enum { PAGES = 5, RANDOM_CASES = 20000 };

struct page {
	const char *path;
	const char *body; /* 0: 404 */
	int err;
};

static struct page pages[PAGES];
static uint64_t fake_now_ns;
static unsigned int asked;

static int get(void *context, const char *path, struct client_reply *reply)
{
	(void)context;
	asked++;
	reply->body.len = 0;
	reply->status = 404;
	snprintf(reply->reason, sizeof(reply->reason), "HTTP 404: nothing there");
	for (unsigned int i = 0; i < PAGES; i++) {
		if (pages[i].path && strcmp(pages[i].path, path) == 0 && pages[i].err == 0) {
			reply->status = 200;
			size_t len = strlen(pages[i].body);
			return len ? tl_textbuf_add(&reply->body, pages[i].body, len) : 0;
		}
		if (pages[i].path && strcmp(pages[i].path, path) == 0) {
			snprintf(reply->reason, sizeof(reply->reason), "it burns");
			reply->status = 0;
			return pages[i].err;
		}
	}
	return -EPROTO;
}

static uint64_t now(void *context)
{
	(void)context;
	return fake_now_ns;
}

struct fixture {
	struct mcp *mcp;
	struct tl_textbuf out;
	struct tl_jsontree *tree;
};

static const char report[] =
	"{\"time\":\"2026-11-27T03:00:10Z\",\"healthy\":true,\"ready\":true,\"reasons\":[],"
	"\"engine\":\"afp-capd\",\"mode\":\"recv\",\"ifaces\":[\"x\"],\"running\":true,\"dropped\":"
	"18446744073709551615,\"books\":{\"balanced\":true,\"engines\":[],\"hops\":[]},\"tools\":["
	"{\"tool\":\"afp-capd\",\"instance\":\"h:x\",\"metrics\":["
	"{\"name\":\"received_packets\",\"type\":\"counter\",\"labels\":{},\"value\":5},"
	"{\"name\":\"lost_events\",\"type\":\"counter\",\"labels\":{\"reason\":\"a\"},\"value\":1},"
	"{\"name\":\"lost_events\",\"type\":\"counter\",\"labels\":{\"reason\":\"b\"},\"value\":2}]"
	"},"
	"{\"tool\":\"batcher\",\"instance\":\"h:b\",\"metrics\":["
	"{\"name\":\"lost_events\",\"type\":\"counter\",\"labels\":{},\"value\":3}]}]}";

static int open_world(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const struct mcp_source source = {get, now, 0};

	pages[0] = (struct page){"/capture/metrics", report, 0};
	pages[1] = (struct page){
		"/flows/top",
		"{\"flows\":[{\"bytes\":1,\"packets\":9,\"id\":1,\"bytes_per_second\":0.5},"
		"{\"bytes\":3,\"packets\":1,\"id\":18446744073709551615},7,"
		"{\"bytes\":2,\"packets\":5,\"id\":3}]}",
		0};
	pages[2] = (struct page){
		"/events/recent",
		"{\"events\":[{\"type\":\"alert\",\"n\":1},{\"type\":\"dns\",\"n\":2},"
		"{\"type\":\"alert\",\"n\":3},{\"type\":\"tls\",\"n\":4},\"x\"]}",
		0};
	pages[3] = (struct page){"/ladder", "{\"state\":\"running\",\"rungs\":[]}", 0};
	pages[4] = (struct page){"/capabilities", "{\"engines\":[{\"name\":\"afp-capd\"}]}", 0};
	fake_now_ns = TL_SECOND_NS;
	asked = 0;
	if (!f || mcp_create(&f->mcp, &source) < 0 || tl_jsontree_create(&f->tree) < 0) {
		return -1;
	}
	*state = f;
	return 0;
}

static int close_world(void **state)
{
	struct fixture *f = *state;

	mcp_destroy(f->mcp);
	tl_textbuf_fini(&f->out);
	tl_jsontree_destroy(f->tree);
	free(f);
	return 0;
}

/* The answer: one line of JSON-RPC, or absent. */
static struct tl_jsonnode ask_bytes(struct fixture *f, const char *line, size_t len)
{
	struct tl_jsonnode root = {0};

	fake_now_ns += TL_SECOND_NS;
	f->out.len = 0;
	assert_int_equal(mcp_answer(f->mcp, line, len, &f->out), 0);
	if (f->out.len == 0) {
		return root;
	}
	assert_int_equal(f->out.data[f->out.len - 1], '\n');
	assert_null(memchr(f->out.data, '\n', f->out.len - 1));
	assert_int_equal(tl_jsontree_read(f->tree, f->out.data, f->out.len, &root), 0);
	assert_true(
		tl_str_eq(tl_jsonnode_text(tl_jsonnode_member(root, "jsonrpc")), TL_STR("2.0")));
	return root;
}

static struct tl_jsonnode ask(struct fixture *f, const char *line)
{
	return ask_bytes(f, line, strlen(line));
}

static struct tl_jsonnode at(struct tl_jsonnode node, const char *path)
{
	char name[64];

	while (*path) {
		size_t len = strcspn(path, " ");
		snprintf(name, sizeof(name), "%.*s", (int)len, path);
		node = tl_jsonnode_member(node, name);
		path += len + (path[len] == ' ');
	}
	return node;
}

static void assert_text(struct tl_jsonnode node, const char *path, const char *text)
{
	struct tl_str have = tl_jsonnode_text(at(node, path));

	assert_int_equal(have.len, strlen(text));
	assert_memory_equal(have.ptr, text, have.len);
}

static void assert_error(struct fixture *f, const char *line, int64_t code)
{
	struct tl_jsonnode answer = ask(f, line);

	assert_int_equal(tl_jsonnode_int(at(answer, "error code")), code);
	assert_int_equal(tl_jsonnode_kind(at(answer, "error message")), TL_JSONKIND_TEXT);
	assert_int_equal(tl_jsonnode_kind(at(answer, "result")), TL_JSONKIND_ABSENT);
}

static struct tl_jsonnode first_of(struct tl_jsonnode list)
{
	struct tl_jsonwalk walk = tl_jsonwalk_over(list);
	struct tl_jsonnode item = {0};

	tl_jsonwalk_next(&walk, &item);
	return item;
}

static size_t count_of(struct tl_jsonnode list)
{
	struct tl_jsonwalk walk = tl_jsonwalk_over(list);
	struct tl_jsonnode item;
	size_t count = 0;

	while (tl_jsonwalk_next(&walk, &item)) {
		count++;
	}
	return count;
}

/* What a call of a tool gave, which is there as text too. */
static struct tl_jsonnode result_of(struct fixture *f, const char *line)
{
	static struct tl_jsontree *text_tree;
	struct tl_jsonnode answer = ask(f, line);
	struct tl_jsonnode block = first_of(at(answer, "result content"));
	struct tl_jsonnode again;

	assert_int_equal(tl_jsonnode_kind(at(answer, "result isError")), TL_JSONKIND_BOOL);
	assert_false(tl_jsonnode_bool(at(answer, "result isError")));
	assert_text(block, "type", "text");
	struct tl_str text = tl_jsonnode_text(at(block, "text"));
	assert_int_equal(tl_jsontree_create(&text_tree), 0);
	assert_int_equal(tl_jsontree_read(text_tree, text.ptr, text.len, &again), 0);
	struct tl_textbuf a = {0}, b = {0};
	tl_jsonnode_write(&a, again);
	tl_jsonnode_write(&b, at(answer, "result structuredContent"));
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.data, b.data, a.len);
	tl_textbuf_fini(&a);
	tl_textbuf_fini(&b);
	tl_jsontree_destroy(text_tree);
	return at(answer, "result structuredContent");
}

static void assert_problem(struct fixture *f, const char *line, const char *part)
{
	struct tl_jsonnode answer = ask(f, line);
	struct tl_str text = tl_jsonnode_text(at(first_of(at(answer, "result content")), "text"));

	assert_true(tl_jsonnode_bool(at(answer, "result isError")));
	assert_non_null(memmem(text.ptr, text.len, part, strlen(part)));
	assert_int_equal(tl_jsonnode_kind(at(answer, "result structuredContent")),
			 TL_JSONKIND_ABSENT);
}

/* --- the protocol ------------------------------------------------------------ */

static void discover_tells_versions_and_abilities(void **state)
{
	struct tl_jsonnode answer = ask(*state, REQUEST("\"d-1\"", "server/discover", MODERN));

	assert_text(answer, "id", "d-1");
	assert_text(answer, "result resultType", "complete");
	assert_text(first_of(at(answer, "result supportedVersions")), "", "2026-07-28");
	assert_int_equal(tl_jsonnode_kind(at(answer, "result capabilities tools")),
			 TL_JSONKIND_OBJECT);
	assert_text(answer, "result _meta io.modelcontextprotocol/serverInfo name", "capmetrics");
	assert_int_equal(tl_jsonnode_kind(at(answer, "result ttlMs")), TL_JSONKIND_UINT);
	assert_text(answer, "result cacheScope", "public");
}

static void modern_request_needs_its_metadata(void **state)
{
	assert_error(*state, REQUEST("1", "tools/list", ""), -32602);
	assert_error(
		*state,
		REQUEST("1", "tools/list",
			"\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"}"),
		-32602);
	assert_error(*state,
		     REQUEST("1", "tools/list",
			     "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":7}"),
		     -32602);
}

static void unknown_version_is_refused_with_those_there_are(void **state)
{
	struct tl_jsonnode answer =
		ask(*state, REQUEST("1", "tools/list",
				    "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":"
				    "\"1900-01-01\"}"));

	assert_int_equal(tl_jsonnode_int(at(answer, "error code")), -32022);
	assert_text(answer, "error data requested", "1900-01-01");
	assert_int_equal(count_of(at(answer, "error data supported")), 3);
}

static void initialize_negotiates(void **state)
{
	struct tl_jsonnode answer = ask(*state, INITIALIZE("2025-06-18"));

	assert_text(answer, "result protocolVersion", "2025-06-18");
	assert_text(answer, "result serverInfo name", "capmetrics");
	assert_int_equal(tl_jsonnode_kind(at(answer, "result resultType")), TL_JSONKIND_ABSENT);
	assert_text(ask(*state, INITIALIZE("2025-11-25")), "result protocolVersion", "2025-11-25");
	assert_text(ask(*state, INITIALIZE("2026-07-28")), "result protocolVersion", "2025-11-25");
	assert_text(ask(*state, INITIALIZE("1900-01-01")), "result protocolVersion", "2025-11-25");
	assert_error(*state, REQUEST("1", "initialize", "\"capabilities\":{}"), -32602);
}

static void legacy_session_serves_tools_and_ping(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(tl_jsonnode_kind(at(ask(f, REQUEST("1", "ping", "")), "result")),
			 TL_JSONKIND_OBJECT);
	ask(f, INITIALIZE("2025-11-25"));
	assert_int_equal(
		ask(f, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}").place, 0);
	assert_int_equal(f->out.len, 0);
	struct tl_jsonnode answer = ask(f, REQUEST("2", "tools/list", ""));
	assert_true(count_of(at(answer, "result tools")) == 6);
	assert_int_equal(tl_jsonnode_kind(at(answer, "result ttlMs")), TL_JSONKIND_ABSENT);
	assert_error(f, REQUEST("3", "server/discover", ""), -32601);
}

static void methods_belong_to_their_era(void **state)
{
	assert_error(*state, REQUEST("1", "ping", MODERN), -32601);
	assert_error(*state, REQUEST("1", "initialize", MODERN), -32601);
	assert_error(*state, REQUEST("1", "resources/list", MODERN), -32601);
}

static void listen_is_acknowledged_and_stays_silent(void **state)
{
	struct tl_jsonnode answer =
		ask(*state, REQUEST("7", "subscriptions/listen", MODERN ",\"notifications\":{}"));

	assert_text(answer, "method", "notifications/subscriptions/acknowledged");
	assert_int_equal(tl_jsonnode_uint(at(answer, "params _meta "
						     "io.modelcontextprotocol/subscriptionId")),
			 7);
}

static void ids_come_back_as_they_are(void **state)
{
	struct fixture *f = *state;
	static const char *const ids[] = {"0",	  "-5",		"18446744073709551615",
					  "\"\"", "\"a\\\"b\"", "\"\\u0000\""};

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		char line[200];
		struct tl_textbuf id = {0};
		snprintf(line, sizeof(line), "{\"jsonrpc\":\"2.0\",\"id\":%s,\"method\":\"ping\"}",
			 ids[i]);
		tl_jsonnode_write(&id, at(ask(f, line), "id"));
		assert_int_equal(id.len, strlen(ids[i]));
		assert_memory_equal(id.data, ids[i], id.len);
		tl_textbuf_fini(&id);
	}
}

static void malformed_requests_have_their_errors(void **state)
{
	assert_error(*state, "{", -32700);
	assert_error(*state, "\xff\xfe", -32700);
	assert_error(*state, "nonsense", -32700);
	assert_error(*state, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"} x", -32700);
	assert_error(*state, "[]", -32600);
	assert_error(*state, "[" REQUEST("1", "ping", "") "]", -32600);
	assert_error(*state, "7", -32600);
	assert_error(*state, "{\"id\":1,\"method\":\"ping\"}", -32600);
	assert_error(*state, "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}", -32600);
	assert_error(*state, "{\"jsonrpc\":\"2.0\",\"id\":1}", -32600);
	assert_error(*state, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":7}", -32600);
	assert_error(*state, "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}", -32600);
	assert_error(*state, "{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"ping\"}", -32600);
	assert_error(*state, "{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"ping\"}", -32600);
	assert_error(*state, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":[]}",
		     -32602);
	assert_error(*state, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":null}",
		     -32602);
}

static void notifications_and_answers_are_not_answered(void **state)
{
	struct fixture *f = *state;
	static const char *const lines[] = {
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":"
		"{\"requestId\":1}}",
		"{\"jsonrpc\":\"2.0\",\"method\":\"tools/call\"}",
		"{\"jsonrpc\":\"2.0\",\"method\":\"nonsense\",\"params\":7}",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{}}",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		ask(f, lines[i]);
		assert_int_equal(f->out.len, 0);
	}
	assert_int_equal(asked, 0);
}

static void depth_and_length_are_bounded(void **state)
{
	struct fixture *f = *state;
	char *line = malloc(MCP_LINE_MAX + 1);

	memset(line, '[', MCP_LINE_MAX + 1);
	assert_int_equal(tl_jsonnode_int(at(ask_bytes(f, line, MCP_LINE_MAX), "error code")),
			 -32700);
	assert_int_equal(tl_jsonnode_int(at(ask_bytes(f, line, MCP_LINE_MAX + 1), "error code")),
			 -32600);
	free(line);
}

/* --- the tools ----------------------------------------------------------------- */

static void tools_are_read_only_and_have_schemas(void **state)
{
	struct tl_jsonnode answer = ask(*state, REQUEST("1", "tools/list", MODERN));
	struct tl_jsonwalk walk = tl_jsonwalk_over(at(answer, "result tools"));
	struct tl_jsonnode tool;

	assert_int_equal(count_of(at(answer, "result tools")), 6);
	while (tl_jsonwalk_next(&walk, &tool)) {
		assert_int_equal(tl_jsonnode_kind(at(tool, "name")), TL_JSONKIND_TEXT);
		assert_int_equal(tl_jsonnode_kind(at(tool, "description")), TL_JSONKIND_TEXT);
		assert_text(tool, "inputSchema type", "object");
		assert_text(tool, "outputSchema type", "object");
		assert_true(tl_jsonnode_bool(at(tool, "annotations readOnlyHint")));
	}
	assert_error(*state, REQUEST("1", "tools/list", MODERN ",\"cursor\":\"x\""), -32602);
}

static void call_must_name_a_tool(void **state)
{
	assert_error(*state, CALL("nonsense", "{}"), -32602);
	assert_error(*state, REQUEST("1", "tools/call", MODERN), -32602);
	assert_error(*state, REQUEST("1", "tools/call", MODERN ",\"name\":7"), -32602);
	assert_error(*state, CALL("health", "[]"), -32602);
	assert_int_equal(asked, 0);
}

static void health_and_engines_come_from_the_report(void **state)
{
	struct tl_jsonnode health = result_of(*state, CALL("health", "{}"));

	assert_true(tl_jsonnode_bool(at(health, "healthy")));
	assert_true(tl_jsonnode_bool(at(health, "books balanced")));
	assert_true(tl_jsonnode_uint(at(health, "dropped")) == UINT64_MAX);
	struct tl_jsonnode engines = result_of(*state, CALL("list_engines", "{}"));
	assert_text(engines, "engine", "afp-capd");
	assert_int_equal(count_of(at(engines, "engines")), 1);
	pages[4].path = 0;
	assert_int_equal(count_of(at(result_of(*state, CALL("list_engines", "{}")), "engines")), 0);
}

static void metrics_are_picked_by_name_and_tool(void **state)
{
	struct fixture *f = *state;
	struct tl_jsonnode all = result_of(f, CALL("read_metrics", "{}"));

	assert_int_equal(count_of(at(all, "metrics")), 4);
	assert_int_equal(tl_jsonnode_uint(at(all, "left_out")), 0);
	struct tl_jsonnode lost = result_of(f, CALL("read_metrics", "{\"name\":\"lost\"}"));
	assert_int_equal(count_of(at(lost, "metrics")), 3);
	lost = result_of(f, CALL("read_metrics", "{\"name\":\"lost\",\"tool\":\"batcher\"}"));
	assert_int_equal(count_of(at(lost, "metrics")), 1);
	assert_text(first_of(at(lost, "metrics")), "instance", "h:b");
	lost = result_of(f, CALL("read_metrics", "{\"name\":\"lost\",\"limit\":1}"));
	assert_int_equal(count_of(at(lost, "metrics")), 1);
	assert_int_equal(tl_jsonnode_uint(at(lost, "matched")), 3);
	assert_int_equal(tl_jsonnode_uint(at(lost, "left_out")), 2);
}

static void flows_are_sorted_and_cut(void **state)
{
	struct tl_jsonnode flows = result_of(*state, CALL("top_flows", "{\"limit\":1}"));

	assert_true(tl_jsonnode_uint(at(first_of(at(flows, "flows")), "id")) == UINT64_MAX);
	assert_int_equal(tl_jsonnode_uint(at(flows, "left_out")), 2);
	flows = result_of(*state, CALL("top_flows", "{\"by\":\"packets\"}"));
	assert_int_equal(tl_jsonnode_uint(at(first_of(at(flows, "flows")), "packets")), 9);
	assert_int_equal(count_of(at(flows, "flows")), 3);
	flows = result_of(*state, CALL("top_flows", "{\"by\":\"rate\"}"));
	assert_int_equal(tl_jsonnode_uint(at(first_of(at(flows, "flows")), "id")), 1);
}

static void events_are_the_last_of_their_types(void **state)
{
	struct tl_jsonnode events = result_of(*state, CALL("recent_events", "{}"));

	assert_int_equal(count_of(at(events, "events")), 4);
	events = result_of(*state, CALL("recent_events", "{\"types\":[\"alert\"],\"limit\":1}"));
	assert_int_equal(count_of(at(events, "events")), 1);
	assert_int_equal(tl_jsonnode_uint(at(first_of(at(events, "events")), "n")), 3);
	assert_int_equal(tl_jsonnode_uint(at(events, "left_out")), 1);
	events = result_of(*state, CALL("recent_events", "{\"types\":[]}"));
	assert_int_equal(count_of(at(events, "events")), 0);
}

static void bad_arguments_are_told_to_the_model(void **state)
{
	assert_problem(*state, CALL("top_flows", "{\"by\":\"size\"}"), "bytes, packets, rate");
	assert_problem(*state, CALL("top_flows", "{\"by\":7}"), "bytes, packets, rate");
	assert_problem(*state, CALL("top_flows", "{\"limit\":0}"), "1 to 200");
	assert_problem(*state, CALL("top_flows", "{\"limit\":201}"), "1 to 200");
	assert_problem(*state, CALL("top_flows", "{\"limit\":-1}"), "1 to 200");
	assert_problem(*state, CALL("top_flows", "{\"limit\":1.5}"), "1 to 200");
	assert_problem(*state, CALL("top_flows", "{\"nonsense\":1}"), "no argument");
	assert_problem(*state, CALL("recent_events", "{\"types\":\"alert\"}"), "array");
	assert_problem(*state, CALL("recent_events", "{\"types\":[1]}"), "array");
	assert_problem(*state, CALL("read_metrics", "{\"name\":1}"), "string");
	assert_int_equal(asked, 0);
}

static void failures_of_the_server_are_told_to_the_model(void **state)
{
	pages[3].path = 0;
	assert_problem(*state, CALL("read_ladder", "{}"), "nothing there");
	pages[0].err = -EHOSTUNREACH;
	assert_problem(*state, CALL("health", "{}"), "it burns");
	assert_problem(*state, CALL("list_engines", "{}"), "it burns");
}

static void call_that_is_broken_off_is_not_answered(void **state)
{
	struct fixture *f = *state;
	static const char line[] = CALL("health", "{}");

	pages[0].err = -EINTR;
	f->out.len = 0;
	assert_int_equal(mcp_answer(f->mcp, line, strlen(line), &f->out), -EINTR);
	assert_int_equal(f->out.len, 0);
}

/* Lists that a schema promises hold objects alone. */
static void assert_lists_of_objects(struct tl_jsonnode content)
{
	static const char *const names[] = {"reasons", "engines", "flows", "events", "metrics"};
	struct tl_jsonnode item;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct tl_jsonwalk walk = tl_jsonwalk_over(at(content, names[i]));
		while (tl_jsonwalk_next(&walk, &item)) {
			assert_int_equal(tl_jsonnode_kind(item), TL_JSONKIND_OBJECT);
		}
	}
}

static void hostile_pages_never_break_a_promise(void **state)
{
	static const char *const bodies[] = {
		"",
		"x",
		"[]",
		"7",
		"{}",
		"{\"healthy\":true}",
		"{\"flows\":7,\"events\":{}}",
		"{\"healthy\":1,\"ready\":1,\"running\":1,\"books\":[],\"tools\":7}",
		"{\"healthy\":true,\"ready\":true,\"running\":true,\"books\":{},\"reasons\":7,"
		"\"tools\":[7,{\"metrics\":7},{\"metrics\":[7,{}]}]}",
		"{\"healthy\":true,\"ready\":true,\"running\":true,\"books\":{},\"reasons\":[7,{}],"
		"\"engines\":[null,{},[]]}",
		"{\"flows\":[[],7,null,{}],\"events\":[[],7,null,{}],\"engines\":[7],\"rungs\":7}"};
	static const char *const calls[] = {
		CALL("health", "{}"),	   CALL("list_engines", "{}"), CALL("read_metrics", "{}"),
		CALL("read_ladder", "{}"), CALL("top_flows", "{}"),    CALL("recent_events", "{}")};

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		for (int page = 0; page < PAGES; page++) {
			pages[page].body = bodies[i];
		}
		for (size_t k = 0; k < sizeof(calls) / sizeof(calls[0]); k++) {
			struct tl_jsonnode answer = ask(*state, calls[k]);
			bool is_error = tl_jsonnode_bool(at(answer, "result isError"));
			struct tl_jsonnode content = at(answer, "result structuredContent");
			assert_int_equal(tl_jsonnode_kind(at(answer, "result")),
					 TL_JSONKIND_OBJECT);
			assert_int_equal(tl_jsonnode_kind(content),
					 is_error ? TL_JSONKIND_ABSENT : TL_JSONKIND_OBJECT);
			if (!is_error && k != 3) {
				assert_lists_of_objects(content);
			}
		}
	}
}

static void long_result_is_refused(void **state)
{
	size_t len = MCP_RESULT_MAX + 100;
	char *body = malloc(len);

	snprintf(body, len, "{\"state\":\"%0*d\"}", (int)len - 20, 0);
	pages[3].body = body;
	assert_problem(*state, CALL("read_ladder", "{}"), "over 1 MiB");
	free(body);
}

static void too_many_calls_a_second_are_refused(void **state)
{
	struct fixture *f = *state;
	static const char line[] = CALL("health", "{}");
	static const char limit[] = "too many calls";

	for (int i = 0; i <= MCP_CALLS_PER_SECOND; i++) {
		f->out.len = 0;
		assert_int_equal(mcp_answer(f->mcp, line, strlen(line), &f->out), 0);
		bool is_refused = memmem(f->out.data, f->out.len, limit, strlen(limit));
		assert_int_equal(is_refused, i == MCP_CALLS_PER_SECOND);
	}
	assert_true(tl_jsonnode_bool(at(result_of(f, line), "healthy")));
}

/* --- any bytes ------------------------------------------------------------------- */

static const char *const seeds[] = {
	REQUEST("1", "server/discover", MODERN),
	REQUEST("\"a\"", "tools/list", MODERN),
	CALL("top_flows", "{\"by\":\"packets\",\"limit\":2}"),
	CALL("recent_events", "{\"types\":[\"alert\",\"dns\"]}"),
	CALL("read_metrics", "{\"name\":\"lost\",\"tool\":\"batcher\",\"limit\":2}"),
	INITIALIZE("2025-11-25"),
};

static void request_cut_anywhere_is_a_parse_error(void **state)
{
	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++) {
		for (size_t len = 0; len < strlen(seeds[i]); len++) {
			struct tl_jsonnode answer = ask_bytes(*state, seeds[i], len);
			assert_int_equal(tl_jsonnode_int(at(answer, "error code")), -32700);
		}
		assert_int_equal(tl_jsonnode_kind(at(ask(*state, seeds[i]), "result")),
				 TL_JSONKIND_OBJECT);
	}
}

static void changed_requests_have_one_answer_or_none(void **state)
{
	uint32_t seed = 1;
	char line[600];

	for (int i = 0; i < RANDOM_CASES; i++) {
		size_t len = strlen(strcpy(line, seeds[i % (sizeof(seeds) / sizeof(seeds[0]))]));
		for (int k = 0; k < 3; k++) {
			seed = seed * 1664525u + 1013904223u;
			line[(seed >> 8) % len] = "{}[]\",:01en\\ \x01\xc3x"[seed >> 28];
		}
		ask_bytes(*state, line, len); /* asserts */
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(discover_tells_versions_and_abilities),
		TEST(modern_request_needs_its_metadata),
		TEST(unknown_version_is_refused_with_those_there_are),
		TEST(initialize_negotiates),
		TEST(legacy_session_serves_tools_and_ping),
		TEST(methods_belong_to_their_era),
		TEST(listen_is_acknowledged_and_stays_silent),
		TEST(ids_come_back_as_they_are),
		TEST(malformed_requests_have_their_errors),
		TEST(notifications_and_answers_are_not_answered),
		TEST(depth_and_length_are_bounded),
		TEST(tools_are_read_only_and_have_schemas),
		TEST(call_must_name_a_tool),
		TEST(health_and_engines_come_from_the_report),
		TEST(metrics_are_picked_by_name_and_tool),
		TEST(flows_are_sorted_and_cut),
		TEST(events_are_the_last_of_their_types),
		TEST(bad_arguments_are_told_to_the_model),
		TEST(failures_of_the_server_are_told_to_the_model),
		TEST(call_that_is_broken_off_is_not_answered),
		TEST(hostile_pages_never_break_a_promise),
		TEST(long_result_is_refused),
		TEST(too_many_calls_a_second_are_refused),
		TEST(request_cut_anywhere_is_a_parse_error),
		TEST(changed_requests_have_one_answer_or_none),
	};

	return cmocka_run_group_tests(tests, 0, 0);
}
