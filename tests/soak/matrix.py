# SPDX-License-Identifier: BSD-2-Clause
"""The kinds of rounds of tests/soak/delivery: what chain, and what is done to it.

A kind is a function that gets a Round, changes its plan, and adds to its script.
All choices come from the round's seed.
"""
import os
import random
import re
import signal
import subprocess
import sys
import time

from chain import Chain, Violation

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import oracle

SPOOLS = ["batch", "batch", "interval", "none"]
ANY_SINK = ["file", "receiver", "hop", "nats", "web"]
FAULTS = ["after-receive", "before-commit", "after-commit", "after-send", "after-answer"]
SPOOL_FAULTS = ["before-fsync", "after-rename"]
TERM = signal.SIGTERM
HOUR_NS = 3600 * 10**9
MB = 1 << 20


class Round:
    def __init__(self, kind, seed, folder, build, cert):
        self.kind, self.rng = kind, random.Random(f"{kind} {seed}")
        self.chain = Chain(self.rng, folder, build, cert)
        rng = self.rng
        self.seconds = rng.uniform(0.3, 0.9)  # of the source, when nothing holds it up
        self.events = rng.randint(4000, 16000)
        self.streams = rng.randint(1, 4)
        self.source_count = rng.choice([1, 1, 2])
        self.batcher_count = rng.choice([0, 1, 1, 2])
        self.spool = rng.choice([None] + SPOOLS)
        self.sinks = rng.sample(ANY_SINK, rng.choice([1, 1, 2]))
        self.no_shipper = False
        self.source_options = []
        self.shipper_options = []
        self.before_start = lambda: None
        self.script = []       # (time, function, arguments)
        self.lifts = []        # when the script is over
        self.kills = 0
        self.faulted = False   # something happened that explains duplicates
        self.lossy = False     # without acks: what is missing has to show, not more
        self.drops = False     # somebody may drop, and declares it
        self.cut_off = False   # source is killed
        self.said = {}         # what was dropped, by whom
        self.begin, self.marks = time.monotonic(), []

    # --- what a kind says -----------------------------------------------------------

    def at(self, function, *arguments, when=None):
        when = self.rng.uniform(0.0, self.seconds * 1.2) if when is None else when
        self.script.append((when, function, arguments))

    def pause(self):
        return self.rng.choice([0.0, self.rng.uniform(0, 0.1), self.rng.uniform(0, 0.4)])

    def kill(self, proc, number=signal.SIGKILL, pause=None):
        self.faulted = True
        pause = self.pause() if pause is None else pause
        codes = (-number, 0, 1) if number == TERM else (-number,)
        self.kills += proc.kill(number, pause, codes)

    def kills_at(self, procs, low, high, number=signal.SIGKILL):
        """By name, since the chain is not there yet."""
        for _ in range(self.rng.randint(low, high)):
            self.at(lambda: self.kill(self.rng.choice(procs()), number))

    def any_proc(self):
        return self.chain.procs

    def sink_procs(self):
        return [proc for sink in self.chain.sinks for proc in sink.procs]

    def hang(self, procs):
        proc = self.rng.choice(procs)
        self.faulted = True
        proc.stop()

    def web(self, mode):
        self.faulted = self.faulted or mode != "ok"
        for sink in self.chain.sinks:
            if sink.name == "web":
                sink.mode = mode

    def bite(self):
        """Until a bad answer was given, or there is nothing more to answer."""
        web, chain = self.chain.sinks[0], self.chain
        chain.wait_for(lambda: web.bad_answers() or chain.delivered(), "a bad answer")
        self.web("ok")

    # --- building and running ---------------------------------------------------------

    def build(self):
        chain, rng = self.chain, self.rng
        if self.no_shipper:
            self.sinks, self.spool = ["hop"] * len(self.sinks), None
        chain.add_sinks(self.sinks)
        urls = [sink.url for sink in chain.sinks]
        if not self.no_shipper:
            # evcat and batcher tell what is safe each 100 ms: with less in flight it takes long.
            flights = [8, 32] if "hop" in self.sinks else [1, 2, 8, 32]
            options = ["--in-flight", str(rng.choice(flights)), "--compress",
                       rng.choice(["auto", "zstd", "none"]), "--segment-size",
                       rng.choice(["64K", "1M"])]
            urls = [chain.add_shipper(self.spool, options + self.shipper_options)]
        if self.batcher_count == 0:
            heads = [urls] * self.source_count
        else:
            heads = [[chain.add_batcher(urls)] for _ in range(self.batcher_count)]
        for index in range(self.source_count):
            rate = max(1, int(self.events / self.seconds / self.source_count))
            each = max(1, self.events // self.streams // self.source_count)
            options = ["--count", str(each), "--streams", str(self.streams), "--rate", str(rate),
                       "--batch", str(rng.choice([20, 200, 2000]) if each > 500 else
                                      rng.choice([1, 20, 200])), "--lose",
                       str(rng.choice([0, 200, 2000]))]
            chain.add_source(heads[index % len(heads)], options + self.source_options)

    def play(self):
        begin = time.monotonic()
        for when, function, arguments in sorted(self.script, key=lambda item: item[0]):
            while time.monotonic() < begin + when:
                self.chain.look()
                time.sleep(0.002)
            function(*arguments)
        for proc in self.chain.procs:
            proc.cont()
        self.web("ok")
        for function in self.lifts:
            function()

    def run(self):
        """What was found; Violation."""
        self.build()
        try:
            self.before_start()
            self.chain.start()
            self.play()
            self.mark("faults over")
            self.chain.wait_for(self.chain.sources_ended, "the source to end")
            self.check_sources()
            self.mark("source ended")
            if self.spool:
                self.chain.wait_for(self.chain.spool_empty, "the spool to empty")
                self.mark("spool empty")
            self.finish()
            self.mark("all ended")
            return self.judge()
        finally:
            self.chain.abandon()

    def mark(self, what):
        self.marks.append(f"{what} {time.monotonic() - self.begin:.1f}")

    def check_sources(self):
        if self.cut_off:
            return
        for child, (_, _, err) in zip(self.chain.children, self.chain.sources):
            if child.returncode != 0:
                with open(err, encoding="utf-8", errors="replace") as file:
                    raise Violation(f"source ended with {child.returncode}: {file.read()[-300:]}")

    def finish(self):
        """What the source was told to be safe has to outlive a kill of all that is left."""
        self.chain.wait_for(self.chain.all_up, "all to be up")
        gentle = self.lossy or self.drops or self.rng.random() < 0.5
        if not gentle:
            self.faulted = True
            self.kills += len(self.chain.procs)
            self.chain.end(signal.SIGKILL)
        else:
            for name, code in self.chain.end(TERM).items():
                if code != 0 and not name.startswith("nats"):
                    raise Violation(f"{name} ended with {code} after SIGTERM: " + next(
                        p.last_words() for p in self.chain.procs if p.name == name))
        for sink in self.chain.sinks:
            if sink.name == "nats":
                sink.procs[0].start()

    # --- judging ------------------------------------------------------------------------

    def truth(self):
        text = ""
        dropped = {"dropped": 0, "unconfirmed": 0, "resent": 0, "sent": 0}
        for _, out, _ in self.chain.sources:
            with open(out, encoding="ascii") as file:
                text += file.read()
        truth = oracle.Truth("\n".join(
            line for line in text.splitlines() if not line.startswith("outbox")))
        for line in text.splitlines():
            if line.startswith("outbox"):
                for item in line.split()[1:]:
                    name, _, value = item.partition("=")
                    dropped[name] += int(value)
        truth.outbox = dropped
        return truth

    def shipper_dropped(self, url):
        """Events that shipper says it dropped, rejected or could not read, for that sink."""
        total = 0
        pattern = re.escape(url) + r": .* events dropped (\d+), rejected (\d+), unreadable (\d+)"
        if self.chain.shipper:
            for numbers in re.findall(pattern, self.chain.shipper.words()):
                total += sum(map(int, numbers))
        return total

    def judge(self):
        truth = self.truth()
        total = {"events": sum(filter(None, truth.numbers.values())) - sum(truth.lost.values())}
        for sink in self.chain.sinks:
            books = oracle.Books(truth)
            sink.read(books)
            self.judge_sink(truth, sink, books)
            for name, value in books.sums().items():
                if name != "events":
                    total[name] = total.get(name, 0) + value
        total["kills"] = self.kills
        total["dropped"] = truth.outbox["dropped"] + self.said.get("shipper", 0)
        total["lost"] = sum(truth.lost.values())
        total["resent"] = truth.outbox["resent"]
        return total

    def judge_sink(self, truth, sink, books):
        dropped = self.shipper_dropped(sink.url)
        self.said["shipper"] = self.said.get("shipper", 0) + dropped
        declared = None if self.cut_off else truth.all_lost() + dropped
        allowed = {"end"} if self.cut_off else set()
        if (self.faulted or truth.outbox["resent"] > 0) and not sink.once:
            allowed.add("twice")
        if self.lossy:
            allowed |= {"missing", "end", "twice", "declared"}
        if self.drops:
            # Who drops what it had sent cannot know whether it had arrived: it counts too many,
            # and who has it puts the declaration right, unless that was another run of it.
            allowed |= {"declared", "both"} if self.kills else {"declared"}
        wrong = [f"{w}: {t}" for w, t in books.judge(declared) if w not in allowed]
        here = books.sums()["declared"]
        if self.drops and not sum(truth.lost.values()) <= here <= declared:
            wrong.append(f"{here} events declared lost, but {declared} were counted")
        if not wrong:
            wrong = self.compare(sink, books)
        if wrong:
            raise Violation(f"{sink.url}: " + "; ".join(wrong[:8]))

    def compare(self, sink, books):
        """evcat --check has to come to the same numbers."""
        path = self.chain.place(f"all-{sink.name}.tap")
        with open(path, "wb") as file:
            file.write(b"".join(books.data))
        result = subprocess.run([self.chain.bin("evcat"), "--check", path],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        text, sums = result.stdout.decode(), books.sums()
        found = {
            "events declared lost": sum(map(int, re.findall(r"(\d+) events declared lost", text))),
            "events missing": sum(map(int, re.findall(r"(\d+) events missing", text))),
        }
        # The tail of a stream whose end did not arrive is not known to who reads it, and
        # loss before the first run only when somebody still has to declare it.
        seen = sums["missing"] - sum(self.unseen(books, key) for key in books.streams)
        wrong = []
        if sums["both"] == 0 and found["events declared lost"] != sums["declared"]:
            wrong.append(f"evcat --check says {found['events declared lost']} declared lost, "
                         f"the books {sums['declared']}")
        if found["events missing"] != seen:
            wrong.append(f"evcat --check says {found['events missing']} missing, the books {seen}")
        return wrong

    @staticmethod
    def unseen(books, key):
        stream = books.streams[key]
        numbers = stream.there | stream.declared
        low, high = (min(numbers), max(numbers) + 1) if numbers else (0, 0)
        high = max(high, stream.ended or 0)
        return sum(1 for n in books.missing(key) if n >= high or n < low)

    def fired(self):
        return self.chain.shipper.fired if self.chain.shipper else []


# --- kinds --------------------------------------------------------------------------

KINDS = {}


def kind(function):
    KINDS[function.__name__.replace("_", "-")] = function
    return function


@kind
def calm(_):
    pass


@kind
def plain(r):
    """No shipper: batchers and evcat, killed."""
    r.no_shipper = True
    r.kills_at(r.any_proc, 1, 4)


@kind
def kill_batcher(r):
    r.batcher_count = r.rng.choice([1, 2])
    r.kills_at(lambda: r.chain.batchers, 1, 5)


@kind
def kill_shipper_memory(r):
    r.spool = None
    r.kills_at(lambda: [r.chain.shipper], 1, 5)


@kind
def kill_shipper_spool(r):
    r.spool = r.rng.choice(SPOOLS)
    r.kills_at(lambda: [r.chain.shipper], 1, 5)


@kind
def kill_receiver(r):
    r.sinks = ["receiver"] + r.rng.sample(["file", "web", "hop"], r.rng.choice([0, 0, 1]))
    r.kills_at(r.sink_procs, 1, 4)


@kind
def kill_hop(r):
    r.sinks = ["hop"]
    r.kills_at(r.sink_procs, 1, 4)


@kind
def kill_nats(r):
    r.sinks = ["nats"]
    r.kills_at(r.sink_procs, 1, 2)


@kind
def kill_all(r):
    r.kills_at(r.any_proc, 4, 12)


def fault(point):
    def build(r):
        r.spool = r.rng.choice(SPOOLS if point in SPOOL_FAULTS else [None] + SPOOLS)
        r.faulted = True

        def arm():
            r.chain.shipper.faults = [
                f"{point}:{1 + int(r.rng.expovariate(0.3))}" for _ in range(r.rng.randint(1, 4))]
        r.before_start = arm
    build.__name__ = "fault_" + point.replace("-", "_")
    kind(build)


for name in FAULTS + SPOOL_FAULTS:
    fault(name)


@kind
def sink_down(r):
    """From the start, or for a time."""
    r.sinks = r.rng.sample(["receiver", "hop", "nats"], r.rng.choice([1, 2]))
    for _ in range(r.rng.randint(1, 2)):
        r.at(lambda: r.kill(r.rng.choice(r.sink_procs()), pause=r.rng.uniform(0.3, 1.0)),
             when=r.rng.choice([0.0, r.rng.uniform(0, r.seconds)]))


def web_kind(name, mode):
    def build(r):
        r.sinks = ["web"] + r.rng.sample(["file", "hop"], r.rng.choice([0, 0, 1]))
        r.at(r.web, mode, when=r.rng.choice([0.0, r.rng.uniform(0, r.seconds / 2)]))
        r.at(r.bite, when=r.seconds + r.rng.uniform(0, 0.4))
    build.__name__ = name
    kind(build)


web_kind("http_slow", "slow")
web_kind("http_500", "500")
web_kind("http_429", "429")
web_kind("http_413", "max=3000")
web_kind("http_cut", "cut")
web_kind("http_mix", "mix")


@kind
def http_401(r):
    """The token is wrong for a time."""
    r.sinks = [r.rng.choice(["web", "receiver"])]
    right = r.chain.token
    r.at(r.chain.write, "token", "not-the-token", when=r.rng.choice([0.0, r.seconds / 2]))
    r.lifts.append(lambda: r.chain.write("token", right))


@kind
def http_kill(r):
    r.sinks = ["web"]
    r.at(r.web, "mix", when=0.0)
    r.kills_at(lambda: r.chain.batchers + [r.chain.shipper], 2, 6)


@kind
def disk_full_spool(r):
    """The spool on a small file system, and nobody takes anything for a time."""
    r.spool = r.rng.choice(SPOOLS)
    r.sinks = [r.rng.choice(["web", "receiver"])]
    mount(r, "spool", "256k")
    r.at(down_all, r, when=0.0)


@kind
def disk_full_sink(r):
    """The sink's own disk; it gets more room later."""
    r.sinks = [r.rng.choice(["receiver", "file"])]
    mount(r, "sink0", "128k")
    r.faulted = True
    r.lifts.append(lambda: subprocess.run(
        ["mount", "-o", "remount,size=64m", r.chain.place("sink0")], check=True))


def mount(r, name, size):
    os.mkdir(r.chain.place(name))
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", r.chain.place(name)],
                   check=True)


def down_all(r):
    r.web("drop")
    for proc in r.sink_procs():
        r.kill(proc, pause=r.seconds + r.rng.uniform(0.2, 0.8))


@kind
def window_full(r):
    """A live source, whose window is too small for a consumer that hangs."""
    r.source_options = ["--policy", "drop", "--window", r.rng.choice(["16K", "64K"])]
    r.drops = True
    for _ in range(r.rng.randint(1, 2)):
        r.at(lambda: r.hang(r.any_proc()), when=r.rng.uniform(0, r.seconds / 2))


@kind
def window_full_kill(r):
    window_full(r)
    r.kills_at(r.any_proc, 1, 4)


@kind
def quota_drop(r):
    """shipper drops the oldest, of a sink that takes nothing for a time."""
    r.sinks = [r.rng.choice(["web", "receiver"])]
    r.spool = r.rng.choice([None] + SPOOLS)
    r.shipper_options = ["--on-full", "drop-oldest", "--spool-quota", "64K", "--window", "64K"]
    r.drops = True
    r.at(down_all, r, when=0.0)


@kind
def kill_source(r):
    """Its window is gone: what came before is whole, and the end is not there."""
    r.cut_off = True
    r.at(lambda: [child.kill() for child in r.chain.children],
         when=r.rng.uniform(0, r.seconds))


@kind
def no_acks(r):
    """Nothing is sent again: what a kill costs has to show at the far end."""
    r.chain.acks = False
    r.lossy = True
    r.kills_at(r.any_proc, 1, 3)


@kind
def no_acks_calm(r):
    """Nothing dies; if something is lost all the same, it shows."""
    r.chain.acks = False
    r.lossy = True


@kind
def sigterm(r):
    r.kills_at(r.any_proc, 1, 5, TERM)


@kind
def sigstop(r):
    for _ in range(r.rng.randint(1, 3)):
        r.at(lambda: r.hang(r.any_proc()))
        r.at(lambda: [proc.cont() for proc in r.chain.procs],
             when=r.seconds * r.rng.uniform(0.5, 2))


@kind
def clock_steps(r):
    path = r.chain.place("clock")
    with open(path, "wb") as file:
        file.write(bytes(4096))
    r.chain.env = {"CLOCKSTEP": path,
                   "LD_PRELOAD": os.path.join(r.chain.build, "tests", "clockstep.so")}
    r.sinks = r.rng.sample(["receiver", "file", "hop", "web"], 2)
    for _ in range(r.rng.randint(2, 6)):
        r.at(r.chain.step_clock, r.rng.choice([
            r.rng.randint(-HOUR_NS, HOUR_NS), r.rng.randint(-10**9, 10**9), -30 * 24 * HOUR_NS,
            30 * 24 * HOUR_NS, 0]))
    r.kills_at(r.any_proc, 0, 3)


@kind
def everything(r):
    """Kills, hangs, clean stops and bad answers together."""
    r.sinks = ["web", r.rng.choice(["receiver", "hop", "file"])]
    r.at(r.web, "mix", when=0.0)
    r.kills_at(r.any_proc, 1, 4)
    r.kills_at(r.any_proc, 1, 2, TERM)
    r.at(lambda: r.hang(r.any_proc()))


# Negative controls: rounds that have to fail, or the judge is blind.

CONTROLS = {}


def control(function):
    CONTROLS["control-" + function.__name__.replace("_", "-")] = function
    return function


@control
def spool_deleted(r):
    """A file goes that was acknowledged."""
    r.spool, r.sinks = "none", ["web"]
    r.at(r.web, "drop", when=0.0)
    r.batcher_count = 0

    def rob():
        def files():
            return [os.path.join(folder, name) for folder, _, names in os.walk(r.chain.spool)
                    for name in names if os.path.basename(folder) != "tmp" and len(name) > 40]
        # With shipper down: what it finds gone while it runs it declares.
        r.chain.wait_for(lambda: r.chain.sources_ended() and files(), "a file to rob")
        r.kill(r.chain.shipper, pause=0.3)
        os.unlink(r.rng.choice(files()[1:] or files()))
    r.at(rob, when=0.05)


@control
def no_acks_killed(r):
    """Judged as if there were acks."""
    r.chain.acks, r.spool, r.sinks, r.batcher_count = False, None, ["web"], 0
    r.at(r.web, "drop", when=0.0)
    r.at(lambda: (r.chain.wait_for(r.chain.sources_ended, "the source"),
                  r.kill(r.chain.shipper)), when=0.05)


@control
def segment_cut(r):
    """A segment that was complete loses its last batch."""
    r.spool, r.sinks = None, ["web"]

    def rob():
        r.chain.wait_for(r.chain.sources_ended, "the source")
        folder = r.chain.sinks[0].folder
        os.unlink(os.path.join(folder, sorted(os.listdir(folder))[-1]))
    r.at(rob, when=0.05)
