# SPDX-License-Identifier: BSD-2-Clause
"""See tests/soak/delivery. Each round is a process of its own, in namespaces of its own:
network (fixed ports), mounts (small disks) and processes (none is left behind, also when this
one is killed)."""
import argparse
import collections
import concurrent.futures
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time

from chain import Violation
from matrix import CONTROLS, KINDS, Round

ROUND_DEADLINE = 300
SUMS = ("events", "kills", "resent", "twice", "lost", "dropped", "declared", "missing")


# --- one round ----------------------------------------------------------------------

def play(kind, seed, folder, cert):
    """In the namespaces: prints one line of JSON."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    begin = time.monotonic()
    this = Round(kind, seed, folder, os.environ["BUILD"], cert)
    (KINDS | CONTROLS)[kind](this)
    result = {"kind": kind, "seed": seed}
    try:
        result["sums"] = this.run()
    except Violation as violation:
        result["violation"] = str(violation)
    answers = collections.Counter()
    for sink in this.chain.sinks:
        answers.update(getattr(sink, "answers", {}))
    answers.pop("200", None)
    result.update(marks=", ".join(this.marks), sinks=this.sinks, spool=this.spool, fired=this.fired(), answers=answers,
                  seconds=round(time.monotonic() - begin, 1))
    print(json.dumps(result))
    sys.stdout.flush()
    os._exit(0)  # whatever threads still wait


def namespaces():
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    return ["setpriv", "--pdeathsig", "KILL", "unshare", *user, "--net", "--mount", "--pid", "--fork", "--kill-child",
            "--mount-proc"]


def start(kind, seed, folder, cert):
    os.makedirs(folder)
    try:
        done = subprocess.run([*namespaces(), sys.executable, os.path.abspath(__file__), "--play",
                               kind, "--seed", str(seed), folder, cert],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=ROUND_DEADLINE)
    except subprocess.TimeoutExpired:
        return {"kind": kind, "seed": seed, "violation": f"took over {ROUND_DEADLINE} s"}
    try:
        return json.loads(done.stdout)
    except ValueError:
        return {"kind": kind, "seed": seed,
                "violation": "the driver failed: " + done.stderr.decode()[-2000:]}


# --- all of them ----------------------------------------------------------------------

def make_certificate(prefix, build):
    """Valid long before today: clocks are stepped."""
    with open(prefix + ".clock", "wb") as file:
        file.write(struct.pack("=q", -400 * 24 * 3600 * 10**9).ljust(4096, b"\0"))
    env = {**os.environ, "CLOCKSTEP": prefix + ".clock",
           "LD_PRELOAD": os.path.join(build, "tests", "clockstep.so")}
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-days", "3650", "-subj", "/CN=soak",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", prefix + ".key", "-out",
                    prefix + ".pem"], check=True, stderr=subprocess.DEVNULL, env=env)


def line_of(number, result):
    sums = result.get("sums", {})
    words = [f"{name} {sums[name]}" for name in SUMS if sums.get(name)]
    words += [f"{name} x{count}" for name, count in
              sorted(collections.Counter(result.get("fired", [])).items())]
    words += [f"http {name} x{count}" for name, count in sorted(result.get("answers", {}).items())]
    return (f"{number} {result['kind']} seed {result['seed']} "
            f"[{'+'.join(result.get('sinks', []))}, spool {result.get('spool') or 'off'}] "
            f"{', '.join(words)}; {result.get('seconds', '?')} s")


class Table:
    def __init__(self):
        self.rows = collections.defaultdict(collections.Counter)

    def add(self, result):
        row = self.rows[result["kind"]]
        row.update(rounds=1, seconds=result.get("seconds", 0), **result.get("sums", {}))
        row.update(faults=len(result.get("fired", [])) + sum(result.get("answers", {}).values()))

    def show(self):
        names = ("rounds", "events", "kills", "faults", "resent", "twice", "lost", "dropped",
                 "declared", "missing", "seconds")
        total = collections.Counter()
        print(f"{'kind':22}" + "".join(f"{name:>10}" for name in names))
        for kind in [*KINDS, *CONTROLS]:
            if kind in self.rows:
                total.update(self.rows[kind])
                print(f"{kind:22}" + "".join(f"{self.rows[kind][n]:10.0f}" for n in names))
        print(f"{'all':22}" + "".join(f"{total[n]:10.0f}" for n in names), flush=True)


def keep(folder, result, build):
    print(f"violation: {result['violation']}")
    print(f"kept: {folder}")
    print(f"again: BUILD={build} tests/soak/delivery --kind {result['kind']} "
          f"--seed {result['seed']} --rounds 1", flush=True)


def run(options, base):
    build = os.environ["BUILD"]
    seeds = random.Random(options.seed)
    kinds = options.kind or list(KINDS)
    cert = os.path.join(base, "cert")
    make_certificate(cert, build)
    print(f"soak-delivery: {options.rounds} rounds, seed {options.seed}", flush=True)
    plan = [(number, kinds[(number - 1) % len(kinds)],
             options.seed if options.rounds == 1 else seeds.getrandbits(40))
            for number in range(1, options.rounds + 1)]
    table, failed, end = Table(), 0, time.monotonic() + (options.seconds or 1e9)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        def one(item):
            if (failed and not options.go_on) or time.monotonic() > end:
                return None
            return start(item[1], item[2], os.path.join(base, str(item[0])), cert)
        for (number, _, _), result in zip(plan, pool.map(one, plan)):
            folder = os.path.join(base, str(number))
            if result is None:
                continue
            print(line_of(number, result), flush=True)
            table.add(result)
            if "violation" in result:
                failed += 1
                keep(folder, result, build)
            elif options.keep:
                print(f"kept: {folder}: {result['marks']}")
            else:
                shutil.rmtree(folder)
    table.show()
    print(f"soak-delivery: {sum(r['rounds'] for r in table.rows.values())} rounds, "
          f"{failed} violations, seed {options.seed}")
    return failed


def main():
    parser = argparse.ArgumentParser(prog="delivery")
    parser.add_argument("--kind", action="append", choices=[*KINDS, *CONTROLS])
    parser.add_argument("--rounds", type=int, default=int(os.environ.get("ROUNDS", "1000")))
    parser.add_argument("--seed", type=int,
                        default=int(os.environ.get("SEED", random.SystemRandom().getrandbits(32))))
    parser.add_argument("--jobs", type=int, default=int(os.environ.get("JOBS", "2")))
    parser.add_argument("--seconds", type=float, help="begin no round after that")
    parser.add_argument("--go-on", action="store_true", help="after a violation")
    parser.add_argument("--keep", action="store_true", help="every round's folder")
    parser.add_argument("--list", action="store_true", help="the kinds")
    parser.add_argument("--play", metavar="KIND", help=argparse.SUPPRESS)
    parser.add_argument("place", nargs="*", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.list:
        print("\n".join(KINDS))
        return
    if options.play:
        play(options.play, options.seed, *options.place)
    base = tempfile.mkdtemp(prefix="soak-delivery.", dir=os.environ.get("TMPDIR", "/tmp"))
    failed = run(options, base)
    if not failed and not options.keep:
        shutil.rmtree(base)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
