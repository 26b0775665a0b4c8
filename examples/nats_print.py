#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Prints the events of a NATS stream as JSON lines, each at least once.

usage: nats_print.py [--drain] URL STREAM DURABLE

A durable pull consumer: the server keeps where DURABLE is; several processes
under one name share the work. A batch is acknowledged after its events were
written to stdout. --drain ends when nothing is left.
"""
import json
import subprocess
import sys

import msgpack

import nats
import read_events

# What bytes that are no batch of ours can bring about.
NO_BATCH = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, OSError,
            subprocess.SubprocessError, msgpack.UnpackException)


def batch_of(message):
    """The batch in a message; None, with a line, when there is none in it."""
    try:
        batch = msgpack.unpackb(message.content(), raw=False, strict_map_key=False)
        list(read_events.events(batch))
        return batch
    except NO_BATCH as error:
        print(f"{message.header('Nats-Msg-Id') or message.subject}: no batch, left out: "
              f"{type(error).__name__}: {error}", file=sys.stderr)
        return None


def events(messages):
    """The events of all of them, as dicts."""
    for batch in filter(None, map(batch_of, messages)):
        yield from read_events.events(batch)


def show(messages):
    for event in events(messages):
        print(json.dumps(event, ensure_ascii=False))
    sys.stdout.flush()


def main(arguments):
    drain = arguments[:1] == ["--drain"]
    arguments = arguments[drain:]
    if len(arguments) != 3:
        sys.exit(__doc__)
    nats.consume(*arguments, show, drain)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except BrokenPipeError:
        sys.stderr.close()  # head(1) has seen enough
    except KeyboardInterrupt:
        pass
