#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A capmetrics server made of files, for clients: usage: capstub.py FOLDER --ready-fd FD

/capture/metrics is FOLDER/capture_metrics, and so on; a page that is not there is a 404. A file
that begins with a line "HTTP NUMBER" has that status; NAME.hang lets the request wait. A file
`token` holds the token that is asked for. The port is written to FOLDER/port; requests are lines
of FOLDER/log.
"""

import http.server
import os
import sys
import threading

FOLDER = sys.argv[1]
ENDED = threading.Event()


def path_of(name):
    return os.path.join(FOLDER, name)


def read(name):
    try:
        with open(path_of(name), "rb") as f:
            return f.read()
    except FileNotFoundError:
        return None


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        name = self.path.strip("/").replace("/", "_")
        token = read("token")
        if token and self.headers["Authorization"] != "Bearer " + token.decode().strip():
            self.answer(401, b"no token\n")
            return
        if os.path.exists(path_of(name + ".hang")):
            ENDED.wait(60)
        body = read(name)
        if body is None:
            self.answer(404, b"nothing there\n")
            return
        status = 200
        if body.startswith(b"HTTP "):
            line, body = body.split(b"\n", 1)
            status = int(line.split()[1])
        self.answer(status, body)

    def log_message(self, *words):
        with open(path_of("log"), "a", encoding="utf-8") as f:
            f.write(f"{self.requestline} host={self.headers['Host']}\n")


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    with open(path_of("port.new"), "w", encoding="ascii") as f:
        f.write(str(server.server_port))
    os.rename(path_of("port.new"), path_of("port"))
    os.write(int(sys.argv[sys.argv.index("--ready-fd") + 1]), b"\n")
    server.serve_forever()


if __name__ == "__main__":
    main()
