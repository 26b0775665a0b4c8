#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A small NATS client, by python3 alone: what the examples need of JetStream.

usage: nats.py stream-add URL STREAM SUBJECT [key=value...]   makes the stream, or changes it
       nats.py stream-info URL STREAM                         what the server says of it, JSON
       nats.py stream-read URL STREAM                         the bodies of all messages, end to end
       nats.py stream-ids URL STREAM                          the message ids, one a line

URL is nats://HOST:PORT[,HOST:PORT...], or tls://. Of the environment: NATS_TOKEN,
NATS_CA, NATS_CERT and NATS_KEY (files), NATS_SERVER_NAME, NATS_ACK_WAIT (seconds,
60). key=value are members of the stream's configuration, for example
num_replicas=3 max_bytes=10000000000.
"""
import base64
import json
import os
import socket
import ssl
import subprocess
import sys
import time

MAX_MESSAGE = 64 << 20
ANSWER_SECONDS = 5


class Error(Exception):
    """The server, or the way to it."""


class Message:
    """One that came: subject, reply, headers (bytes, as they are), body."""

    def __init__(self, subject, reply, headers, body):
        self.subject, self.reply, self.headers, self.body = subject, reply, headers, body

    def status(self):
        """The status of a message that is only one ("404"), else ""."""
        words = self.headers.split(b"\r\n", 1)[0].split()
        return words[1].decode() if len(words) > 1 and not self.body else ""

    def header(self, name):
        """The value of a header, or ""."""
        for line in self.headers.split(b"\r\n")[1:]:
            key, _, value = line.partition(b":")
            if key.decode(errors="replace").lower() == name.lower():
                return value.strip().decode(errors="replace")
        return ""

    def content(self):
        """The batch in it; what shipper packed (--zstd) is unpacked by zstd(1)."""
        if self.header("Content-Encoding") == "zstd":
            return subprocess.run(["zstd", "-dcq"], input=self.body, check=True,
                                  stdout=subprocess.PIPE).stdout
        return self.body


class Client:
    """One connection to one of the servers of the URL; it does not reconnect."""

    def __init__(self, url):
        self.sid, self.waiting, self.buffer = 0, [], b""
        scheme, _, rest = url.partition("://")
        if scheme not in ("nats", "tls"):
            raise ValueError(f"{url}: no nats:// or tls:// URL")
        problem = None
        for server in rest.split("/")[0].split(","):
            try:
                return self.connect(scheme, server)
            except (OSError, Error) as error:
                problem = problem or f"{server}: {error}"
        raise Error(problem)

    def connect(self, scheme, server):
        host, _, port = server.rpartition(":") if ":" in server.rpartition("]")[2] else (server, "", "4222")
        self.socket = socket.create_connection((host.strip("[]"), int(port)), ANSWER_SECONDS)
        self.socket.settimeout(ANSWER_SECONDS)
        if not self.line().startswith(b"INFO "):
            raise Error("no NATS server")
        if scheme == "tls":
            context = ssl.create_default_context(cafile=os.environ.get("NATS_CA"))
            if os.environ.get("NATS_CERT"):
                context.load_cert_chain(os.environ["NATS_CERT"], os.environ.get("NATS_KEY"))
            name = os.environ.get("NATS_SERVER_NAME", host.strip("[]"))
            self.socket = context.wrap_socket(self.socket, server_hostname=name)
        hello = {"verbose": False, "pedantic": False, "headers": True, "no_responders": True,
                 "lang": "python3", "version": "0", "name": "tapline-example"}
        if os.environ.get("NATS_TOKEN"):
            hello["auth_token"] = os.environ["NATS_TOKEN"]
        self.send(b"CONNECT " + json.dumps(hello).encode() + b"\r\nPING\r\n")
        while (line := self.line()) != b"PONG":
            if line.startswith(b"-ERR"):
                raise Error(line[5:].decode(errors="replace"))
        self.inbox = "_INBOX." + os.urandom(12).hex()
        self.subscribe(self.inbox + ".>")

    def close(self):
        self.socket.close()

    def send(self, data):
        try:
            self.socket.settimeout(ANSWER_SECONDS)
            self.socket.sendall(data)
        except OSError as error:
            raise Error(str(error)) from error

    def more(self, seconds):
        try:
            self.socket.settimeout(max(seconds, 0.001))
            data = self.socket.recv(1 << 18)
        except TimeoutError:
            raise
        except OSError as error:
            raise Error(str(error)) from error
        if not data:
            raise Error("the server closed the connection")
        self.buffer += data

    def line(self, seconds=ANSWER_SECONDS):
        while b"\r\n" not in self.buffer:
            self.more(seconds)
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return line

    def exactly(self, size):
        if size > MAX_MESSAGE:
            raise Error(f"a message of {size} bytes")
        while len(self.buffer) < size + 2:
            try:
                self.more(ANSWER_SECONDS)
            except TimeoutError:
                raise Error("the rest of a message does not come") from None
        data, self.buffer = self.buffer[:size], self.buffer[size + 2:]
        return data

    def subscribe(self, subject):
        self.sid += 1
        self.send(f"SUB {subject} {self.sid}\r\n".encode())

    def publish(self, subject, body=b"", reply="", headers=None):
        """Without an answer; headers is a dict."""
        head = b"NATS/1.0\r\n" + b"".join(f"{k}: {v}\r\n".encode() for k, v in headers.items()) \
            + b"\r\n" if headers else b""
        sizes = f"{len(head)} {len(head) + len(body)}" if head else f"{len(body)}"
        self.send(f"{'HPUB' if head else 'PUB'} {subject} {reply} {sizes}\r\n".encode()
                  + head + body + b"\r\n")

    def next(self, seconds):
        """The next message, or None when there is none in time."""
        end = time.monotonic() + seconds
        while True:
            try:
                words = self.line(end - time.monotonic()).decode().split(" ")
            except TimeoutError:
                return None
            if words[0] == "PING":
                self.send(b"PONG\r\n")
            elif words[0] == "-ERR":
                raise Error(" ".join(words[1:]))
            elif words[0] == "MSG":
                return Message(words[1], words[3] if len(words) == 5 else "", b"",
                               self.exactly(int(words[-1])))
            elif words[0] == "HMSG":
                data = self.exactly(int(words[-1]))
                head = int(words[-2])
                return Message(words[1], words[3] if len(words) == 6 else "", data[:head], data[head:])

    def request(self, subject, body=b"", headers=None):
        """Its answer; what else comes meanwhile is dropped."""
        reply = f"{self.inbox}.{os.urandom(6).hex()}"
        self.publish(subject, body, reply, headers)
        end = time.monotonic() + ANSWER_SECONDS
        while (left := end - time.monotonic()) > 0:
            message = self.next(left)
            if message and message.subject == reply:
                if message.status() == "503":
                    raise Error(f"{subject}: nobody answers; is JetStream on?")
                return message
        raise Error(f"{subject}: no answer")

    def api(self, what, **request):
        """A request to JetStream; its answer as a dict."""
        answer = json.loads(self.request(f"$JS.API.{what}", json.dumps(request).encode()).body)
        if "error" in answer:
            raise Error(f"{what}: {answer['error'].get('description')} ({answer['error'].get('err_code')})")
        return answer


class Consumer:
    """A durable pull consumer with explicit acknowledgements: what is fetched and
    not acknowledged in time (NATS_ACK_WAIT) is delivered again, to whoever asks then."""

    def __init__(self, client, stream, durable):
        self.client, self.path = client, f"{stream}.{durable}"
        client.api(f"CONSUMER.DURABLE.CREATE.{self.path}", stream_name=stream, config={
            "durable_name": durable, "ack_policy": "explicit", "deliver_policy": "all",
            "ack_wait": int(os.environ.get("NATS_ACK_WAIT", "60")) * 10**9, "max_deliver": -1, "max_ack_pending": 1000})

    def fetch(self, count, seconds):
        """Up to so many messages; fewer, or none, when the time is over."""
        reply = f"{self.client.inbox}.{os.urandom(6).hex()}"
        request = {"batch": count, "expires": int(seconds * 10**9)}
        self.client.publish(f"$JS.API.CONSUMER.MSG.NEXT.{self.path}", json.dumps(request).encode(), reply)
        messages = []
        while len(messages) < count:
            message = self.client.next(seconds + 1)
            if message is None or message.status():
                break  # 404, 408, 409: no more for this request
            if message.reply.startswith("$JS.ACK."):
                messages.append(message)
        return messages

    def ack(self, messages):
        """Tells that they are done, and waits until the server knows."""
        for message in messages[:-1]:
            self.client.publish(message.reply, b"+ACK")
        if messages:
            self.client.request(messages[-1].reply, b"+ACK")

    def pending(self):
        """Messages that are not acknowledged yet, delivered or not."""
        info = self.client.api(f"CONSUMER.INFO.{self.path}")
        return info["num_pending"] + info["num_ack_pending"]


def consume(url, stream, durable, handle, drain=False, count=100):
    """Fetches for ever, over whatever happens to the servers, and acknowledges what
    `handle` (a list of messages) has returned from. drain: until nothing is left."""
    while True:
        try:
            consumer = Consumer(Client(url), stream, durable)
            while True:
                messages = consumer.fetch(count, 1)
                if messages:
                    handle(messages)
                    consumer.ack(messages)
                elif drain and consumer.pending() == 0:
                    return
        except Error as error:
            print(f"{url}: {error}; again in a second", file=sys.stderr)
            time.sleep(1)


def cmd_stream_add(url, stream, subject, *pairs):
    config = {"name": stream, "subjects": [subject], "storage": "file", "retention": "limits",
              "discard": "new", "duplicate_window": 10 * 60 * 10**9, "num_replicas": 1}
    for pair in pairs:
        key, _, value = pair.partition("=")
        config[key] = int(value) if value.lstrip("-").isdigit() else value
    client = Client(url)
    try:
        client.api(f"STREAM.CREATE.{stream}", **config)
    except Error as error:
        if "(10058)" not in str(error):  # there is one of that name, configured otherwise
            raise
        client.api(f"STREAM.UPDATE.{stream}", **config)


def cmd_stream_info(url, stream):
    print(json.dumps(Client(url).api(f"STREAM.INFO.{stream}")))


def stored(url, stream):
    """Every message of the stream, in order."""
    client = Client(url)
    state = client.api(f"STREAM.INFO.{stream}")["state"]
    for number in range(state["first_seq"], state["last_seq"] + 1):
        got = client.api(f"STREAM.MSG.GET.{stream}", seq=number)["message"]
        yield Message(got["subject"], "", base64.b64decode(got.get("hdrs", "")),
                      base64.b64decode(got.get("data", "")))


def cmd_stream_read(url, stream):
    for message in stored(url, stream):
        sys.stdout.buffer.write(message.content())


def cmd_stream_ids(url, stream):
    for message in stored(url, stream):
        print(message.header("Nats-Msg-Id"))


def main(arguments):
    commands = {name[4:].replace("_", "-"): function for name, function in globals().items()
                if name.startswith("cmd_")}
    if not arguments or arguments[0] not in commands:
        sys.exit(__doc__)
    try:
        commands[arguments[0]](*arguments[1:])
    except (OSError, Error, ValueError) as error:
        sys.exit(f"nats.py: {error}")
    except TypeError:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
