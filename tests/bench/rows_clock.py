"""The clock straight at the socket, beside a bare loop of write(2)."""

import statistics

from procs import free_port
from results import Row

INTERVAL_MS = 250
QUERY = f"interval={INTERVAL_MS}ms"
CPU_MAX, TICK_MAX, RESIDENT_BYTES_MAX = 1.25, 1.3, 1024
OPEN_MS_MAX = 300
IDLE_SECONDS = 5
# Short windows, and many: what else the machine does comes and goes.
WINDOW_SECONDS = 1
PAIRS = 11


def measure(bench, name, streams, is_tcp):
    """One window of ticks to one contestant."""
    what = f"clock {streams}, {name}"
    address = f"127.0.0.1:{free_port()}" if is_tcp else None
    options = ("--log-level", "debug")
    with bench.contestant(
        name, INTERVAL_MS, *options, address=address
    ) as process:
        found = bench.load(
            process.address,
            what,
            *("--query", QUERY, "--streams", streams),
            *("--window", WINDOW_SECONDS),
            pids=[process.pid],
        )
    window, used = found["window"], found["processes"][0]
    fanouts = process.fanouts_ms(streams)
    if not fanouts:
        bench.broken.append(f"{what}: no fan-out in the log")
    return {
        "cpu": used["cpu_us"] / max(window["events"], 1),
        "tick": statistics.median(fanouts or [0]),
        "resident": (used["rss_after"] - used["rss_before"]) / streams,
        "late": window["delay_ms"]["p99"],
        "last": window["delay_ms"]["max"],
        "bytes": (
            found["first_bytes_min"],
            window["bytes"] / max(window["events"], 1),
        ),
    }


def check_same_bytes(bench, runs):
    """The floor is one only if it sends what fcgi-sse sends."""
    sent = {run["bytes"] for run in runs["floor"] + runs["ours"]}
    if len(sent) > 1:
        bench.broken.append(f"floor and fcgi-sse send not the same: {sent}")


def clock(bench, streams, is_tcp=False):
    """CPU for an event, time to the last stream, memory for a stream."""
    runs = {"floor": [], "ours": []}
    for name in bench.alternating(PAIRS):
        runs[name].append(measure(bench, name, streams, is_tcp))
    check_same_bytes(bench, runs)
    title = f"tcp {streams}" if is_tcp else f"clock {streams}"
    has_limits = not is_tcp

    def row(what, unit, key, limit=None, **kind):
        floor = [run[key] for run in runs["floor"]]
        ours = [run[key] for run in runs["ours"]]
        limit = limit if has_limits else None
        return Row(f"{title}: {what}", unit, ours, floor, limit, **kind)

    # The pages that every process needs would be charged to few streams.
    resident_max = RESIDENT_BYTES_MAX if streams > 1000 else None
    return [
        row("CPU for an event", "us", "cpu", CPU_MAX),
        row("tick to last written", "ms", "tick", TICK_MAX),
        row("99 of 100 arrived after the first", "ms", "late"),
        row("last arrived after the first", "ms", "last"),
        row("resident for a stream", "B", "resident", resident_max,
            limit_on="value", digits=0),
    ]


def open_at_once(bench, streams):
    """Everybody connects at once, with the log as it is by default."""
    runs = {"floor": [], "ours": []}
    for name in bench.alternating():
        with bench.contestant(name, 1000) as process:
            found = bench.load(
                process.address,
                f"open {streams}, {name}",
                *("--path", "/clock", "--streams", streams),
                pids=[process.pid],
            )
        runs[name].append(found)

    def row(what, unit, value, limit=None):
        floor, ours = (list(map(value, runs[n])) for n in ("floor", "ours"))
        return Row(f"open {streams} at once: {what}", unit, ours, floor, limit,
                   limit_on="value")

    return [
        row("all have their first event", "ms",
            lambda found: found["open_ms"]["max"], OPEN_MS_MAX),
        row("half have their first event", "ms",
            lambda found: found["open_ms"]["p50"]),
        row("CPU for a stream", "us",
            lambda found: found["processes"][0]["open_cpu_us"] / streams),
    ]


def idle(bench):
    """After the last client has gone nothing may tick."""
    with bench.responder() as process:
        def load(*options):
            return bench.load(process.address, "idle", *options,
                              pids=[process.pid])

        load("--query", QUERY, "--streams", 10, "--window", 1)
        load("--streams", 0, "--window", 1)
        found = load("--streams", 0, "--window", IDLE_SECONDS)
    used = found["processes"][0]["cpu_us"]
    name = f"idle: CPU in {IDLE_SECONDS} s"
    return [Row(name, "us", [used], limit=0, digits=0)]
