#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""An HTTP server that answers as it is told to, for testing what sends to it.

  httpd.py [option...] ANSWER...

Each request gets the next ANSWER, the last one for ever:
  STATUS                a number; a 2xx commits the body first
  STATUS,retry-after=V  with that header
  STATUS,body=TEXT      with that body
  cut                   commits the body, then closes the connection without an answer
  drop                  closes the connection without either
  hang                  does not answer until the client gives up
  max=N                 413 for bodies over N bytes (as they arrive), else 200
  token=FILE            401 unless the bearer token is what is in FILE now, else 200
  bad=TEXT              400 for batches that hold TEXT, else 200
  endless               200 and a body without an end

  --port-file FILE      where the port is written
  --ready-fd FD         gets a newline when the server listens
  --commit FILE         gets the bodies, decompressed, end to end
  --log FILE            gets a line for each request: what was answered, key=value...
  --cert FILE --key FILE --client-ca FILE   TLS
"""
import argparse
import http.server
import os
import ssl
import subprocess
import threading


class Script:
    """The answers, in the order of the requests."""

    def __init__(self, words):
        self.words, self.at, self.lock = words, 0, threading.Lock()

    def next(self):
        with self.lock:
            word = self.words[min(self.at, len(self.words) - 1)]
            self.at += 1
            return word


class Ledger:
    """The two files; a line and a body are written whole."""

    def __init__(self, commit, log):
        self.commit = open(commit, "ab", buffering=0) if commit else None
        self.log = open(log, "a", buffering=1, encoding="ascii") if log else None
        self.lock = threading.Lock()

    def keep(self, body):
        with self.lock:
            if self.commit:
                self.commit.write(body)

    def note(self, line):
        with self.lock:
            if self.log:
                self.log.write(line + "\n")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    script = ledger = None

    def log_message(self, *_):
        pass

    def do_POST(self):
        raw = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        body = unpack(raw) if self.headers.get("Content-Encoding") == "zstd" else raw
        word = self.script.next()
        kind, _, value = word.partition("=")
        if kind[:1].isdigit():
            self.tell(raw, body, *parse_status(word))
        elif kind == "max":
            self.tell(raw, body, 413 if len(raw) > int(value) else 200)
        elif kind == "token":
            self.tell(raw, body, 200 if self.has_token(value) else 401)
        elif kind == "bad":
            self.tell(raw, body, 400 if value.encode() in body else 200)
        else:
            getattr(self, "do_" + kind)(raw, body)

    def has_token(self, path):
        with open(path, encoding="ascii") as file:
            return self.headers.get("Authorization") == "Bearer " + file.read().strip()

    def note(self, raw, answer):
        head = self.headers
        self.ledger.note(
            f"{answer} path={self.path} bytes={len(raw)} key={head.get('Idempotency-Key')} "
            f"encoding={head.get('Content-Encoding')} type={head.get('Content-Type')} "
            f"host={head.get('Host')} token={'Authorization' in head} "
            f"version={head.get('X-Version', self.request_version)} port={self.client_address[1]}")

    def tell(self, raw, body, status, headers=(), text=""):
        if 200 <= status < 300:
            self.ledger.keep(body)
        self.note(raw, status)
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def do_cut(self, raw, body):
        self.ledger.keep(body)
        self.do_drop(raw, body)

    def do_drop(self, raw, _):
        self.note(raw, "closed")
        self.close_connection = True

    def do_hang(self, raw, body):
        self.note(raw, "hangs")
        self.connection.settimeout(60)
        self.rfile.read(1)  # until the client gives up
        self.close_connection = True

    def do_endless(self, raw, body):
        self.ledger.keep(body)
        self.note(raw, "endless")
        self.send_response(200)
        self.end_headers()
        self.close_connection = True
        try:
            for _ in range(1 << 16):
                self.wfile.write(b"and so on\n" * 100)
        except OSError:
            pass


def parse_status(word):
    status, *rest = word.split(",")
    headers, text = [], ""
    for item in rest:
        name, _, value = item.partition("=")
        if name == "body":
            text = value
        else:
            headers.append((name, value))
    return int(status), headers, text


def unpack(body):
    return subprocess.run(["zstd", "-dcq"], input=body, capture_output=True, check=True).stdout


def tls_context(options):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.cert, options.key)
    if options.client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(options.client_ca)
    return context


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    context = None

    def finish_request(self, request, client_address):
        # Here, in the connection's thread, a handshake that fails stops nobody else.
        if self.context:
            try:
                request = self.context.wrap_socket(request, server_side=True)
            except (ssl.SSLError, OSError):
                return
        try:
            super().finish_request(request, client_address)
        except OSError:
            pass


def main():
    parser = argparse.ArgumentParser()
    for name in ("--port-file", "--commit", "--log", "--cert", "--key", "--client-ca"):
        parser.add_argument(name)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--ready-fd", type=int)
    parser.add_argument("answers", nargs="+")
    options = parser.parse_args()
    Handler.script = Script(options.answers)
    Handler.ledger = Ledger(options.commit, options.log)
    server = Server(("127.0.0.1", options.port), Handler)
    if options.cert:
        server.context = tls_context(options)
    if options.port_file:
        with open(options.port_file, "w", encoding="ascii") as file:
            file.write(str(server.server_address[1]))
    if options.ready_fd:
        os.write(options.ready_fd, b"\n")
        os.close(options.ready_fd)
    server.serve_forever()


if __name__ == "__main__":
    main()
