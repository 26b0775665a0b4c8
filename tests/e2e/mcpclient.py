#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A scripted client of the Model Context Protocol: mcpclient.py CASE COMMAND ARGUMENT...

The cases hold the server to the schema of the protocol (revisions 2026-07-28, 2025-11-25):
required members, their types, and no others where the schema forbids them.
"""
import json
import os
import select
import subprocess
import sys
import time

DEADLINE_S = int(os.environ.get("TL_DEADLINE", "20"))
META = "io.modelcontextprotocol/"
MODERN = {META + "protocolVersion": "2026-07-28", META + "clientCapabilities": {},
          META + "clientInfo": {"name": "mcpclient", "version": "1"}}
TOOLS = ["health", "list_engines", "read_metrics", "read_ladder", "top_flows", "recent_events"]


def check(holds, what):
    if not holds:
        raise AssertionError(what)


class Server:
    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.buffer = b""
        self.number = 0

    def write(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def line(self):
        end = time.monotonic() + DEADLINE_S
        while b"\n" not in self.buffer:
            ready, _, _ = select.select([self.process.stdout], [], [], 0.1)
            data = os.read(self.process.stdout.fileno(), 1 << 20) if ready else b"-"
            check(data, "the server ended")
            check(time.monotonic() < end, "no answer")
            self.buffer += data if ready else b""
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def ask(self, method, params=None, modern=True):
        self.number += 1
        params = dict(params or {})
        if modern:
            params["_meta"] = MODERN
        self.write(json.dumps({"jsonrpc": "2.0", "id": self.number, "method": method,
                               "params": params}).encode() + b"\n")
        answer = self.line()
        check(answer["jsonrpc"] == "2.0" and answer["id"] == self.number, answer)
        check(("result" in answer) != ("error" in answer), answer)
        check(set(answer) <= {"jsonrpc", "id", "result", "error"}, answer)
        if "error" in answer:
            check(isinstance(answer["error"]["code"], int), answer)
            check(isinstance(answer["error"]["message"], str), answer)
            return answer["error"]
        check(isinstance(answer["result"], dict), answer)
        if modern:
            check(answer["result"]["resultType"] == "complete", answer)
            check(answer["result"]["_meta"][META + "serverInfo"]["name"] == "capmetrics", answer)
        return answer["result"]

    def end(self):
        self.process.stdin.close()
        check(self.process.wait(DEADLINE_S) == 0, "exit code")
        check(self.process.stdout.read() == b"" and self.buffer == b"", "more than was asked for")


def check_cacheable(result):
    check(isinstance(result["ttlMs"], int) and result["ttlMs"] >= 0, result)
    check(result["cacheScope"] in ("public", "private"), result)


def fits(value, schema):
    """As much of JSON Schema as the tools use."""
    kinds = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int}
    if "type" in schema:
        check(isinstance(value, kinds[schema["type"]]), (value, schema))
    for name in schema.get("required", []):
        check(name in value, (name, value))
    for name, inner in schema.get("properties", {}).items():
        if name in value:
            fits(value[name], inner)
    for item in value if "items" in schema else []:
        fits(item, schema["items"])


def check_tools(tools):
    check([t["name"] for t in tools] == TOOLS, tools)
    for tool in tools:
        check(isinstance(tool["description"], str) and isinstance(tool["title"], str), tool)
        check(tool["inputSchema"]["type"] == "object", tool)
        check(tool["inputSchema"]["additionalProperties"] is False, tool)
        check(tool["outputSchema"]["type"] == "object", tool)
        check(tool["annotations"]["readOnlyHint"] is True, tool)
        check(tool["annotations"]["destructiveHint"] is False, tool)


def check_call(result, schema):
    check([c["type"] for c in result["content"]] == ["text"], result)
    check(result["isError"] is False, result)
    check(json.loads(result["content"][0]["text"]) == result["structuredContent"], result)
    fits(result["structuredContent"], schema)
    return result["structuredContent"]


def call_all(server, tools, modern):
    found = {}
    for tool in tools:
        result = server.ask("tools/call", {"name": tool["name"], "arguments": {}}, modern)
        found[tool["name"]] = check_call(result, tool["outputSchema"])
    return found


def modern(server):
    found = server.ask("server/discover")
    check("2026-07-28" in found["supportedVersions"], found)
    check(found["capabilities"] == {"tools": {}}, found)
    check(isinstance(found["instructions"], str), found)
    check_cacheable(found)
    listed = server.ask("tools/list")
    check_cacheable(listed)
    check_tools(listed["tools"])
    print(json.dumps(call_all(server, listed["tools"], True)))
    check(server.ask("ping")["code"] == -32601, "ping")
    check(server.ask("tools/call", {"name": "nonsense"})["code"] == -32602, "unknown tool")
    wrong = server.ask("tools/call", {"name": "top_flows", "arguments": {"limit": 0}})
    check(wrong["isError"] is True and "structuredContent" not in wrong, wrong)
    wrong = server.ask("tools/list", {"_meta": {META + "protocolVersion": "1900-01-01"}}, False)
    check(wrong["code"] == -32022 and wrong["data"]["requested"] == "1900-01-01", wrong)


def legacy(server):
    check(server.ask("tools/list", modern=False)["code"] == -32602, "before initialize")
    hello = server.ask("initialize", {"protocolVersion": "2025-11-25", "capabilities": {},
                                      "clientInfo": {"name": "c", "version": "1"}}, False)
    check(hello["protocolVersion"] == "2025-11-25", hello)
    check(isinstance(hello["serverInfo"]["version"], str), hello)
    check(hello["capabilities"] == {"tools": {}}, hello)
    server.write(b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n')
    check(server.ask("ping", modern=False) == {}, "ping")
    listed = server.ask("tools/list", modern=False)
    check(set(listed) == {"tools"}, listed)
    check_tools(listed["tools"])
    call_all(server, listed["tools"], False)


def hostile(server):
    for line, code in ((b"{", -32700), (b"\xff", -32700), (b"[]", -32600), (b"7", -32600),
                       (b"x" * 100000, -32600), (b"[" * 60000, -32700),
                       (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600)):
        server.write(line + b"\n")
        answer = server.line()
        check(answer["error"]["code"] == code and "id" not in answer, answer)
    server.write(b"\n\r\n" + b'{"jsonrpc":"2.0","method":"x"}\n')
    check(server.ask("ping", modern=False) == {}, "alive")
    # Two messages in one write, one in two.
    server.write(b'{"jsonrpc":"2.0","id":"a","method":"ping"}\n{"jsonrpc":"2.0","id":"b",')
    check(server.line()["id"] == "a", "first")
    server.write(b'"method":"ping"}\n')
    check(server.line()["id"] == "b", "second")


def unreachable(server):
    result = server.ask("tools/call", {"name": "health", "arguments": {}})
    check(result["isError"] is True, result)
    print(result["content"][0]["text"])


def report(server):
    tools = server.ask("tools/list")["tools"]
    result = server.ask("tools/call", {"name": "health"})
    print(json.dumps(check_call(result, tools[0]["outputSchema"])))


def main():
    server = Server(sys.argv[2:])
    try:
        globals()[sys.argv[1]](server)
        server.end()
    finally:
        server.process.kill()
        server.process.wait()


main()
