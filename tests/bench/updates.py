"""Publishers, and load clients that count what these publish."""

import contextlib
import json
import os
import select
import subprocess

from procs import LOAD_CORE, LOAD_SECONDS_MAX, Broken, pinned

KEY = "benchmark"
TOPIC = "bench"


def key_options(bench):
    """The responder's options that let the publisher publish."""
    path = bench.path("keys")
    with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "w",
              encoding="utf-8") as file:
        file.write(KEY + "\n")
    return ("--publish-key-file", path)


def argv_of_publisher(bench, address, options):
    return [bench.publish_program, "--connect", address, "--key", KEY,
            *map(str, options)]


@contextlib.contextmanager
def publishing(bench, address, *options, core=LOAD_CORE):
    """A publisher that goes on as long as the block."""
    argv = argv_of_publisher(bench, address, (*options, "--count", 1000000))
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL,
                          preexec_fn=pinned(core)) as child:
        try:
            yield
            if child.poll() is not None:
                raise Broken("the publisher ended early")
        finally:
            child.kill()


def publish(bench, address, count, *options, core=LOAD_CORE,
            is_urgent=False):
    """Publishes so many and waits until the last is accepted; returns what
    the publisher prints."""
    argv = argv_of_publisher(bench, address, (*options, "--count", count))
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, text=True,
                          preexec_fn=pinned(core)) as child:
        if is_urgent:
            urgent(child.pid)
        try:
            printed, _ = child.communicate(timeout=LOAD_SECONDS_MAX)
        except subprocess.TimeoutExpired as hung:
            child.kill()
            raise Broken("the publisher hangs") from hung
    if child.returncode != 0:
        raise Broken(f"the publisher ended with {child.returncode}")
    return printed


def urgent(pid):
    """Lets the process run as soon as it can, whatever else the machine does:
    what is late then is late because of the process itself. Takes root."""
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(pid, os.SCHED_FIFO, os.sched_param(1))


class Subscribers:
    """A load client whose streams are open, and what it has found at its
    end."""

    def __init__(self, argv, what, core):
        self.what = what
        self.child = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            preexec_fn=pinned(core))
        self.found = None
        self.opened = self.read()

    def read(self):
        if not select.select([self.child.stdout], [], [],
                             LOAD_SECONDS_MAX)[0]:
            raise Broken(f"{self.what}: the load client hangs")
        line = self.child.stdout.readline()
        if not line:
            raise Broken(f"{self.what}: the load client ended")
        return json.loads(line)

    def finish(self):
        self.child.stdin.close()
        self.found = self.read()
        self.child.wait()


@contextlib.contextmanager
def subscribers(bench, address, what, count, expected, *options, pids=(),
                core=LOAD_CORE):
    """Streams that wait for so many events each; `found` after the block.

    expected: None when the end of the block is their end.
    """
    argv = [bench.load_program, "--connect", address,
            *("--streams", str(count)),
            *("--expect", str(count * (expected or 0))), *map(str, options)]
    if expected is None:
        argv.append("--held")
    for pid in pids:
        argv += ["--pid", str(pid)]
    load = Subscribers(argv, what, core)
    try:
        yield load
        load.finish()
    finally:
        load.child.kill()
        load.child.wait()
    check_in_order(bench, load.found, what, count, expected)


def check_in_order(bench, found, what, count, expected):
    """Nothing lost, nothing twice, all in the order of publishing."""
    bench.check_complete(found, what, is_exact=expected is not None)
    window = found["window"]
    if window["unordered"]:
        bench.broken.append(f"{what}: {window['unordered']} out of order")
    if expected is not None and window["events"] != count * expected:
        bench.broken.append(
            f"{what}: {window['events']} of {count * expected} events")
