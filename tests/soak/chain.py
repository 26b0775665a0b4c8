# SPDX-License-Identifier: BSD-2-Clause
"""The processes of a round of tests/soak/delivery, and who supervises them.

Whatever dies is started again at the same place after a short pause, as a
supervisor would. Nothing here is a synchronisation by time: times only say when
something is done to the chain, and every wait has a deadline.
"""
import http.server
import os
import signal
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples"))
import nats

DEADLINE = float(os.environ.get("SOAK_DEADLINE", "90"))  # seconds a wait may take on the slowest of machines
TICK = 0.005


class Violation(Exception):
    """The round has failed."""


class Proc:
    """A stage: killed, stopped, started again."""

    def __init__(self, name, folder, command, env=None, tells=True):
        self.tells = tells  # when it is ready
        self.ready_fd = None
        self.name, self.folder, self.command, self.env = name, folder, command, env or {}
        self.child = None
        self.starts = 0
        self.due = None     # when it is started again; None: now
        self.expected = ()  # codes that an end may have just now
        self.faults = []    # of TL_FAULT, one a start
        self.fired = []
        self.fault = None
        self.stopped = False

    def path(self, suffix):
        return os.path.join(self.folder, self.name + suffix)

    def start(self):
        self.starts += 1
        env = {**os.environ, **self.env}
        self.fault = self.faults.pop(0) if self.faults else None
        if self.fault:
            env["TL_FAULT"] = self.fault
        if self.ready_fd is not None:
            os.close(self.ready_fd)
        self.ready_fd, told = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        more = ["--ready-fd", str(told)] if self.tells else []
        with open(self.path(".err"), "ab", buffering=0) as err:
            err.write(b"-- start %d %s\n" % (self.starts, (self.fault or "").encode()))
            self.child = subprocess.Popen(self.command(self) + more, stdin=subprocess.DEVNULL,
                                          stdout=err, stderr=err, env=env, pass_fds=(told,))
        os.close(told)
        self.expected, self.due, self.ready = (), None, not self.tells

    def is_ready(self):
        if not self.ready:
            try:
                self.ready = os.read(self.ready_fd, 1) == b"\n"
            except BlockingIOError:
                pass
        return self.ready

    def running(self):
        return self.child is not None and self.child.poll() is None

    def kill(self, number=signal.SIGKILL, pause=0.0, codes=(-signal.SIGKILL,)):
        if not self.running():
            return False
        self.expected = codes
        self.due = time.monotonic() + pause
        self.child.send_signal(number)
        if self.stopped:
            self.cont()
        if number == signal.SIGKILL:
            self.child.wait(DEADLINE)
        return True

    def stop(self):
        if self.running():
            self.child.send_signal(signal.SIGSTOP)
            self.stopped = True

    def cont(self):
        self.stopped = False
        if self.running():
            self.child.send_signal(signal.SIGCONT)

    def look(self):
        """Starts it when it is due; complains when it ended by itself."""
        if self.running():
            return
        if self.child is not None:
            code = self.child.returncode
            self.child = None
            if self.fault and code == -signal.SIGKILL and code not in self.expected:
                self.fired.append(self.fault.split(":")[0])
            elif code not in self.expected:
                raise Violation(f"{self.name} ended by itself with {code}: {self.last_words()}")
        if self.due is None or time.monotonic() >= self.due:
            self.start()

    def end(self, number):
        """For good. Its exit code."""
        if not self.running():
            return None
        if self.stopped:
            self.cont()
        self.child.send_signal(number)
        try:
            return self.child.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self.child.kill()
            raise Violation(f"{self.name} does not stop") from None

    def words(self):
        with open(self.path(".err"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def last_words(self):
        return " | ".join(self.words().splitlines()[-3:])


# --- sinks ------------------------------------------------------------------------

class FileSink:
    name = "file"

    def __init__(self, chain, index):
        self.folder = chain.place(f"sink{index}")
        self.url, self.procs, self.once = f"file:{self.folder}", [], False

    def open(self):
        pass

    def read(self, books):
        books.add_folder(self.folder)


class ReceiverSink:
    name = "receiver"

    def __init__(self, chain, index):
        self.folder, port = chain.place(f"sink{index}"), 8480 + index
        self.url, self.once = f"https://127.0.0.1:{port}", True
        self.tokens = chain.place(f"tokens{index}")
        chain.write(f"tokens{index}", f"soak {chain.token}\n")
        argv = [chain.bin("receiver"), "--listen", f"127.0.0.1:{port}", "-o", self.folder,
                "--cert", chain.cert, "--key", chain.key, "--token-file", self.tokens,
                "--segment-size", chain.rng.choice(["64K", "256K", "64M"])]
        argv += ["--zstd"] if chain.rng.random() < 0.5 else []
        self.procs = [Proc(f"receiver{index}", chain.folder, lambda _: argv, chain.env)]

    def open(self):
        pass

    def read(self, books):
        books.add_folder(self.folder)


class HopSink:
    """evcat or batcher, which write a file; each run its own, since a file begins anew."""
    name = "hop"

    def __init__(self, chain, index):
        self.chain, self.once = chain, False
        self.url = f"ipc://{chain.place(f'hop{index}.sock')}"
        self.prefix = chain.place(f"hop{index}.")
        tool = chain.rng.choice(["evcat", "batcher"])
        more = ["--msgpack"] if tool == "evcat" else ["--batch-time", "20ms"]
        self.procs = [Proc(f"{tool}-hop{index}", chain.folder, lambda proc: [
            chain.bin(tool), *more, *chain.no_acks(), "-I", self.url, "-o",
            f"{self.prefix}{proc.starts}.tap"], chain.env)]

    def open(self):
        pass

    def read(self, books):
        for start in range(1, self.procs[0].starts + 1):
            path = f"{self.prefix}{start}.tap"
            if os.path.exists(path):
                with open(path, "rb") as file:
                    # One that was killed was writing.
                    books.add_bytes(file.read(), path, True)


class NatsSink:
    name = "nats"

    def __init__(self, chain, index):
        self.chain, self.once, self.port = chain, False, 4222 + index
        self.server = f"nats://127.0.0.1:{self.port}"
        self.url = f"{self.server}/tapline.soak"
        store = chain.place(f"nats{index}")
        chain.write(f"nats{index}.conf", f'listen: 127.0.0.1:{self.port}\n'
                                         f'jetstream {{ store_dir: "{store}" }}\n')
        self.procs = [Proc(f"nats{index}", chain.folder, lambda _: [
            "nats-server", "-c", chain.place(f"nats{index}.conf")], tells=False)]

    def ask(self, function, *arguments):
        """As soon as the server answers."""
        answers = []

        def done():
            try:
                answers.append(function(self.server, "SOAK", *arguments))
            except (nats.Error, OSError):
                return False
            return True
        self.chain.wait_for(done, "the NATS server")
        return answers[0]

    def open(self):
        self.ask(nats.cmd_stream_add, "tapline.soak")

    @staticmethod
    def stored(url, stream):
        state = nats.Client(url).api(f"STREAM.INFO.{stream}")["state"]
        return list(nats.stored(url, stream)) if state["messages"] > 0 else []

    def read(self, books):
        messages = self.ask(self.stored)
        for packed, suffix in ((False, ".tap"), (True, ".tap.zst")):
            path = self.chain.place("nats" + suffix)
            with open(path, "wb") as file:
                file.write(b"".join(m.body for m in messages
                                    if (m.header("Content-Encoding") == "zstd") == packed))
            books.add_file(path)


class WebSink:
    """A scripted server: `mode` is what it answers now."""
    name = "web"

    def __init__(self, chain, index):
        self.folder, self.procs, self.once = chain.place(f"sink{index}"), [], False
        os.mkdir(self.folder)
        self.url = f"http://127.0.0.1:{8580 + index}"
        self.mode, self.token, self.rng = "ok", chain.token, chain.rng
        self.answers = {}
        self.lock = threading.Lock()
        self.index = index
        self.count = 0

    def open(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 8580 + self.index), WebHandler)
        server.daemon_threads = True
        server.web = self
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def commit(self, body, packed):
        with self.lock:
            self.count += 1
            path = os.path.join(self.folder, f"{self.count:06}.tap" + (".zst" if packed else ""))
        with open(path, "wb") as file:
            file.write(body)

    def note(self, answer):
        with self.lock:
            self.answers[answer] = self.answers.get(answer, 0) + 1

    def bad_answers(self):
        with self.lock:
            return sum(count for answer, count in self.answers.items() if answer != "200")

    def read(self, books):
        """As one file of each kind: a process for each body would take long."""
        for suffix in (".tap", ".tap.zst"):
            names = [n for n in sorted(os.listdir(self.folder)) if n.endswith(suffix)]
            path = os.path.join(self.folder, "..", f"web{self.index}{suffix}")
            with open(path, "wb") as out:
                for name in names:
                    with open(os.path.join(self.folder, name), "rb") as file:
                        out.write(file.read())
            books.add_file(path)


class WebHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        web = self.server.web
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        packed = self.headers.get("Content-Encoding") == "zstd"
        with web.lock:
            mode = web.mode if web.mode != "mix" else web.rng.choice(
                ["ok", "ok", "500", "503", "408", "429", "cut", "drop", "slow", "cut"])
        if self.headers.get("Authorization") != "Bearer " + web.token:
            self.answer(401)
        elif mode == "slow":
            time.sleep(web.rng.random() / 5)
            web.commit(body, packed)
            web.note("slow")
            self.answer(200)
        elif mode.isdigit():
            self.answer(int(mode))
        elif mode in ("cut", "drop"):
            if mode == "cut":
                web.commit(body, packed)
            web.note(mode)
            self.close_connection = True
        elif mode.startswith("max=") and len(body) > int(mode[4:]):
            self.answer(413)
        else:
            web.commit(body, packed)
            self.answer(200)

    def answer(self, status):
        self.server.web.note(str(status))
        try:
            self.send_response(status)
            if status == 429:
                self.send_header("Retry-After", "1")
            self.send_header("Content-Length", "0")
            self.end_headers()
        except OSError:
            pass


SINKS = {cls.name: cls for cls in (FileSink, ReceiverSink, HopSink, NatsSink, WebSink)}


# --- the chain ----------------------------------------------------------------------

class Chain:
    """Source, batchers, shipper, sinks; `rng` makes all choices."""

    def __init__(self, rng, folder, build, cert):
        self.rng, self.folder, self.build = rng, folder, build
        self.cert, self.key = cert + ".pem", cert + ".key"
        self.token = f"token-{rng.getrandbits(64):x}"
        self.env, self.acks = {}, True
        self.sources, self.batchers, self.sinks = [], [], []
        self.shipper = None
        self.spool = None
        self.procs = []  # all that is supervised, upstream first
        self.closed = False
        self.truth_text = ""

    def place(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        """Whole or not at all: it may be read just now."""
        path = self.place(name)
        with open(path + ".new", "w", encoding="ascii") as file:
            file.write(text)
        os.chmod(path + ".new", 0o600)
        os.rename(path + ".new", path)

    def bin(self, name):
        return os.path.join(self.build, "bin", name)

    def no_acks(self):
        return [] if self.acks else ["--no-acks"]

    # --- building; downstream first ------------------------------------------------

    def add_sinks(self, names):
        for index, name in enumerate(names):
            self.sinks.append(SINKS[name](self, index))

    def add_shipper(self, spool, options):
        url = f"ipc://{self.place('shipper.sock')}"
        self.write("token", self.token)
        argv = [self.bin("shipper"), "-I", url, "--retry-max", "300ms", "--timeout", "5s",
                "--ca-file", self.cert, "--token-file", self.place("token"), *self.no_acks()]
        if spool:
            self.spool = self.place("spool")
            argv += ["--spool", self.spool, "--spool-sync", spool, "--spool-reserve", "0"]
        for sink in self.sinks:
            argv += ["-o", sink.url]
        self.shipper = Proc("shipper", self.folder, lambda _: argv + options, self.env)
        return url

    def add_batcher(self, urls):
        index = len(self.batchers)
        url = f"ipc://{self.place(f'batcher{index}.sock')}"
        argv = [self.bin("batcher"), "-I", url, "--batch-size",
                str(self.rng.choice([1, 50, 500, 5000])), "--batch-time",
                self.rng.choice(["1ms", "20ms", "200ms"]), *self.no_acks()]
        for out in urls:
            argv += ["-o", out]
        self.batchers.append(Proc(f"batcher{index}", self.folder, lambda _: argv, self.env))
        return url

    def add_source(self, urls, options):
        index = len(self.sources)
        argv = [os.path.join(self.build, "tests", "source"), *options, *self.no_acks(),
                "--seed", str(self.rng.getrandbits(32))]
        for out in urls:
            argv += ["-o", out]
        self.sources.append((argv, self.place(f"source{index}.out"),
                             self.place(f"source{index}.err")))

    # --- running -----------------------------------------------------------------------

    def start(self):
        self.procs = self.batchers + ([self.shipper] if self.shipper else [])
        for sink in self.sinks:
            self.procs += sink.procs
        order = list(self.procs)
        self.rng.shuffle(order)
        for proc in order:
            proc.start()
        for sink in self.sinks:
            sink.open()
        self.children = []
        for argv, out, err in self.sources:
            with open(out, "wb") as out_file, open(err, "wb") as err_file:
                self.children.append(subprocess.Popen(argv, stdin=subprocess.DEVNULL,
                                                      stdout=out_file, stderr=err_file))

    def look(self):
        for proc in self.procs if not self.closed else []:
            proc.look()

    def all_up(self):
        """No death is under way."""
        return all(proc.running() and not proc.expected and proc.is_ready() for proc in self.procs)

    def wait_for(self, done, what):
        end = time.monotonic() + DEADLINE
        while not done():
            if time.monotonic() > end:
                self.diagnose()
                raise Violation(f"stall: waited {DEADLINE:.0f} s for {what}")
            self.look()
            time.sleep(TICK)

    def diagnose(self):
        """For who reads the folder: their counters, and where they are."""
        pids = [(p.name, p.child.pid) for p in self.procs if p.running()]
        pids += [(f"source{k}", c.pid) for k, c in enumerate(self.children) if c.poll() is None]
        for name, pid in pids:
            if not name.startswith(("source", "nats")):
                os.kill(pid, signal.SIGUSR1)
            with open(self.place(name + ".stack"), "wb") as out:
                subprocess.run(["sh", "-c", f"command -v gdb >/dev/null && timeout 20 gdb -p {pid} "
                                "-batch -ex 'thread apply all bt' -ex 'info locals'"],
                               stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)

    def sources_ended(self):
        return all(child.poll() is not None for child in self.children)

    def delivered(self):
        return self.sources_ended() and (not self.spool or self.spool_empty())

    def spool_empty(self):
        status = subprocess.run([self.bin("shipper"), "--spool-status", self.spool],
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        rows = [line.split("\t") for line in status.stdout.decode().splitlines()[1:]]
        waiting = [row for row in rows if row[0] not in ("bad", "rejected")]
        return status.returncode == 0 and all(row[1] == "0" for row in waiting)

    def end(self, number):
        """All stages for good, upstream first, each when the one before has ended."""
        self.closed = True
        codes = {}
        for proc in self.procs:
            codes[proc.name] = proc.end(number)
        return codes

    def abandon(self):
        for child in getattr(self, "children", []):
            child.kill()
        for proc in self.procs:
            if proc.running():
                proc.child.kill()

    def step_clock(self, offset_ns):
        with open(self.env["CLOCKSTEP"], "r+b") as file:
            file.write(struct.pack("=q", offset_ns))
