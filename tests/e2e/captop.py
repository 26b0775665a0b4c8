#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Drives a program in a terminal of its own: captop.py [STEP...] -- PROGRAM ARGUMENT...

  size=ROWSxCOLUMNS  the window, now (before the first other step: from the start)
  wait=TEXT          until the screen's text since the last wait has it
  key=TEXT           is typed
  stop               SIGINT, as Ctrl-C would
  end=CODE           the program ends with that code
Then: the terminal is as it was, it is on the normal screen, the cursor is there, and no line of
any frame was wider than the window. Prints all that was written.
"""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

DEADLINE_S = int(os.environ.get("TL_DEADLINE", "20"))
COLOUR = re.compile(rb"\x1b\[[0-9;]*m")
CONTROL = re.compile(rb"\x1b\[\??[0-9;]*[A-Za-z]")


class Terminal:
    def __init__(self):
        self.master, self.slave = pty.openpty()
        self.seen = b""
        self.at = 0
        self.columns = 80
        self.before = termios.tcgetattr(self.slave)

    def resize(self, rows, columns, pid=None):
        self.columns = columns
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self):
        ready, _, _ = select.select([self.master], [], [], 0.1)
        if ready:
            self.seen += os.read(self.master, 65536)

    def wait(self, text, program):
        end = time.monotonic() + DEADLINE_S
        while text not in COLOUR.sub(b"", self.seen[self.at:]):
            if time.monotonic() > end or program.poll() is not None:
                sys.exit(f"in vain for {text!r} in:\n{self.seen[self.at:]!r}")
            self.read()
        self.at = len(self.seen)


def widest(seen):
    frames = seen.split(b"\x1b[H")
    return max((len(CONTROL.sub(b"", line).decode("utf-8", "replace").strip("\r"))
               for frame in frames[1:] for line in frame.split(b"\x1b[J")[0].split(b"\n")), default=0)


def main():
    split = sys.argv.index("--")
    steps, command = sys.argv[1:split], sys.argv[split + 1:]
    terminal = Terminal()
    if steps[0].startswith("size="):
        terminal.resize(*map(int, steps.pop(0)[5:].split("x")))
    largest = terminal.columns
    program = subprocess.Popen(command, stdin=terminal.slave, stdout=terminal.slave,
                               stderr=subprocess.STDOUT, start_new_session=True)
    try:
        for step in steps:
            verb, _, word = step.partition("=")
            if verb == "size":
                terminal.resize(*map(int, word.split("x")))
                terminal.at = len(terminal.seen)
                largest = max(largest, terminal.columns)
            elif verb == "wait":
                terminal.wait(word.encode(), program)
            elif verb == "key":
                os.write(terminal.master, word.encode())
            elif verb == "stop":
                program.send_signal(signal.SIGINT)
            elif verb == "end":
                end = time.monotonic() + DEADLINE_S
                while program.poll() is None and time.monotonic() < end:
                    terminal.read()
                if program.poll() != int(word):
                    sys.exit(f"ended with {program.poll()}: {terminal.seen[-500:]!r}")
    finally:
        program.kill()
        program.wait()
    terminal.read()
    if termios.tcgetattr(terminal.slave) != terminal.before:
        sys.exit("the terminal is not as it was")
    seen = terminal.seen
    if seen.count(b"\x1b[?1049h") != seen.count(b"\x1b[?1049l") or \
       seen.rfind(b"\x1b[?25l") > seen.rfind(b"\x1b[?25h"):
        sys.exit(f"another screen, or no cursor: {seen[-200:]!r}")
    if widest(seen) > largest:
        sys.exit(f"a line of {widest(seen)} in a window of {largest}")
    sys.stdout.buffer.write(seen)


main()
