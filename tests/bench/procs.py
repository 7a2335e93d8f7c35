"""Starts what is measured and the load client, and stops it all again."""

import contextlib
import json
import os
import re
import socket
import subprocess
import tempfile
import time

START_SECONDS_MAX = 10
STOP_SECONDS_MAX = 10
LOAD_SECONDS_MAX = 120

# With two cores the responder and its clients have one each, so that neither
# waits for the other; the same for the floor.
RESPONDER_CORE, LOAD_CORE = 0, 1


class Broken(Exception):
    """A program did not start, or died, or hung."""


def pinned(core):
    """For preexec_fn: keeps the process on a core, if there are several."""
    if core is None or len(os.sched_getaffinity(0)) < 2:
        return None
    cores = sorted(os.sched_getaffinity(0))
    return lambda: os.sched_setaffinity(0, {cores[core]})


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def is_listening(address):
    """address: unix:PATH or HOST:PORT"""
    try:
        if address.startswith("unix:"):
            with socket.socket(socket.AF_UNIX) as sock:
                sock.connect(address[5:])
        else:
            host, port = address.rsplit(":", 1)
            socket.create_connection((host, int(port)), 1).close()
    except OSError:
        return False
    return True


class Process:
    """A program under test, its address and what it logs."""

    def __init__(self, argv, address, log, core=None):
        self.argv = argv
        self.address = address
        self.log = log
        with open(log, "ab") as out:
            self.child = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=dict(os.environ, TZ="UTC"),
                preexec_fn=pinned(core),
            )
        self.pid = self.child.pid

    def wait_listening(self):
        deadline = time.monotonic() + START_SECONDS_MAX
        while not is_listening(self.address):
            if self.child.poll() is not None:
                raise Broken(f"{self.argv[0]} ended: {self.log_tail()}")
            if time.monotonic() > deadline:
                raise Broken(f"{self.argv[0]} does not listen")
            time.sleep(0.02)

    def log_tail(self):
        with open(self.log, errors="replace", encoding="utf-8") as file:
            return file.read()[-500:]

    def fanouts_ms(self, subscribers):
        """From tick to last written, of each tick to so many subscribers."""
        pattern = re.compile(rf"fanout .*subscribers={subscribers} .*ms=(\S+)")
        with open(self.log, errors="replace", encoding="utf-8") as file:
            return [float(m[1]) for m in map(pattern.search, file) if m]

    def stop(self):
        """Ends it; a program that was gone already, or stays, is a fault."""
        if self.child.poll() is not None:
            raise Broken(f"{self.argv[0]} died: {self.log_tail()}")
        self.child.terminate()
        try:
            self.child.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired as hung:
            self.child.kill()
            self.child.wait()
            raise Broken(f"{self.argv[0]} does not stop") from hung


class Bench:
    """Where the programs are, how much to do, and what went wrong."""

    def __init__(self, build, is_quick):
        self.is_quick = is_quick
        self.broken = []
        self.responder_program = os.path.join(build, "fcgi-sse")
        self.floor_program = os.path.join(build, "tests/bench/floor")
        self.load_program = os.path.join(build, "tests/bench/load")
        self.publish_program = os.path.join(build, "tests/bench/publish")
        self.selectors_program = os.path.join(build, "tests/bench/selectors")
        self.patterns_program = os.path.join(build, "tests/bench/patterns")
        self.store_program = os.path.join(build, "tests/bench/store")
        self.store_redis_program = os.path.join(
            build, "tests/bench/store_redis")
        self.threads_program = os.path.join(
            build, "tests/bench/rivals/threads")
        self.serial = 0
        self.scratch = tempfile.TemporaryDirectory(prefix="fcgi-sse-bench-")

    def close(self):
        self.scratch.cleanup()

    def path(self, name):
        """A fresh name in the scratch directory."""
        self.serial += 1
        return os.path.join(self.scratch.name, f"{self.serial}-{name}")

    @contextlib.contextmanager
    def running(self, argv, address, core=None):
        process = Process(argv, address, self.path("log"), core)
        try:
            process.wait_listening()
            yield process
            process.stop()
        finally:
            if process.child.poll() is None:
                process.child.kill()
                process.child.wait()

    def floor(self, interval_ms, address=None, core=RESPONDER_CORE):
        address = address or self.unix_address()
        argv = [self.floor_program, "--listen", address]
        argv += ["--interval-ms", str(interval_ms)]
        return self.running(argv, address, core)

    def responder(self, *options, address=None, core=RESPONDER_CORE):
        address = address or self.unix_address()
        argv = [self.responder_program, "--listen", address, *options]
        return self.running(argv, address, core)

    def contestant(self, name, interval_ms, *options, **where):
        """The floor or fcgi-sse, by name."""
        if name == "floor":
            return self.floor(interval_ms, **where)
        return self.responder(*options, **where)

    def unix_address(self):
        return "unix:" + self.path("sock")

    def load(self, address, what, *options, pids=(), core=LOAD_CORE,
             is_exact=True):
        """Runs the load client; returns what it found.

        what: the words for the list of what broke.
        is_exact: whether all streams have the same ticks.
        """
        argv = [self.load_program, "--connect", address, *map(str, options)]
        for pid in pids:
            argv += ["--pid", str(pid)]
        try:
            done = subprocess.run(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                check=True,
                timeout=LOAD_SECONDS_MAX,
                preexec_fn=pinned(core),
            )
        except subprocess.SubprocessError as error:
            raise Broken(f"{what}: {error}") from error
        found = json.loads(done.stdout)
        self.check_complete(found, what, is_exact)
        return found

    def check_complete(self, found, what, is_exact):
        """Every stream was opened, stayed, and had every tick once."""
        counts = {
            key: found[key]
            for key in ("refused", "lost", "closed", "bad_status")
        }
        if is_exact:
            counts["missing"] = found["window"]["missing"]
            counts["unlike"] = found["window"]["mismatched"]
        bad = [f"{key} {count}" for key, count in counts.items() if count]
        if bad:
            self.broken.append(f"{what}: {', '.join(bad)}")

    def alternating(self, pairs=5, names=("floor", "ours")):
        """Names of the contestants, in an order that drift does not favour."""
        for i in range(2 if self.is_quick else pairs):
            yield from names if i % 2 == 0 else reversed(names)
