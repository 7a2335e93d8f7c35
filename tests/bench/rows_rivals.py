"""The same clock by what is copied everywhere: the Node sample with an interval
for each client, and a thread for each client on libfcgi. The same client
measures all in the same run.

Node speaks HTTP itself, so fcgi-sse stands behind lighttpd there and both are
counted. The threads answer FastCGI, as fcgi-sse does: the memory of theirs is
what is resident, without the kernel's stacks.
"""

import contextlib
import pathlib

import servers
from procs import Broken, free_port
from results import Row

RIVALS = pathlib.Path(__file__).resolve().parent / "rivals"
# Each client of theirs has its own ticks, some time after it came; a pause
# between two of them all tells the rounds apart.
INTERVAL_MS = 3000
WINDOW_SECONDS = 6
BURST = 200
PAIRS = 3
QUERY = ("--query", f"interval={INTERVAL_MS}ms")
HTTP = ("--http", "--path", f"{servers.PREFIX}/clock", *QUERY)


@contextlib.contextmanager
def node(bench):
    program = servers.program("node")
    if program is None:
        raise Broken("node is not installed")
    address = f"127.0.0.1:{free_port()}"
    argv = [program, str(RIVALS / "clock.js"), address.split(":")[1],
            str(INTERVAL_MS)]
    with bench.running(argv, address) as process:
        yield address, [process.pid], HTTP


@contextlib.contextmanager
def behind_lighttpd(bench):
    with bench.responder(core=None) as responder, \
            servers.running(bench, "lighttpd", responder.address) as server:
        yield server.address, [server.pid, responder.pid], HTTP


@contextlib.contextmanager
def threads(bench):
    address = bench.unix_address()
    argv = [bench.threads_program, address.removeprefix("unix:"),
            str(INTERVAL_MS)]
    with bench.running(argv, address) as process:
        yield address, [process.pid], QUERY


@contextlib.contextmanager
def alone(bench):
    with bench.responder(core=None) as process:
        yield process.address, [process.pid], QUERY


def measure(bench, contestant, streams):
    with contestant(bench) as (address, pids, options):
        found = bench.load(
            address, f"{contestant.__name__} {streams}", *options,
            *("--streams", streams, "--burst", BURST),
            *("--window", WINDOW_SECONDS), pids=pids, core=None,
            is_exact=False)
    used = found["processes"]
    return {
        "cpu": sum(p["cpu_us"] for p in used)
        / max(found["window"]["events"], 1),
        "memory": sum(p["pss_after"] - p["pss_before"] for p in used)
        / streams,
    }


def against(bench, rival, ours, title, limits, streams):
    """CPU for an event and memory for a stream of both."""
    runs = {rival: [], ours: []}
    for contestant in bench.alternating(PAIRS, names=(rival, ours)):
        runs[contestant].append(measure(bench, contestant, streams))

    def row(what, unit, key, digits):
        values = ([run[key] for run in runs[name]] for name in (ours, rival))
        return Row(f"{title} {streams}: {what}", unit, *values,
                   limits.get(key), digits=digits)

    return [row("CPU for an event", "us", "cpu", 1),
            row("memory for a stream", "B", "memory", 0)]


def rivals(bench, streams):
    return [
        *against(bench, node, behind_lighttpd,
                 "with lighttpd, beside Node alone",
                 {"cpu": 1, "memory": 0.5}, streams),
        *against(bench, threads, alone,
                 "beside a thread for each client", {}, streams),
    ]
