"""The clock behind a web server: its work and ours, with the floor as the
other responder behind the same server."""

import servers
from results import Row

CPU_MAX, STREAM_BYTES_MAX = 1.15, 6 * 1024
INTERVAL_MS = 500
BURST = 200
WINDOW_SECONDS = 2


def measure(bench, server_name, name, streams):
    """One window of ticks through the server to one contestant."""
    what = f"{server_name} {streams}, {name}"
    with bench.contestant(name, INTERVAL_MS, core=None) as responder, \
            servers.running(bench, server_name, responder.address) as server:
        found = bench.load(
            server.address,
            what,
            "--http",
            *("--path", f"{servers.PREFIX}/clock"),
            *("--query", f"interval={INTERVAL_MS}ms"),
            *("--streams", streams, "--burst", BURST),
            *("--window", WINDOW_SECONDS),
            pids=[server.pid, responder.pid],
            core=None,
        )
    events = max(found["window"]["events"], 1)
    used = found["processes"]
    return {
        "cpu": sum(p["cpu_us"] for p in used) / events,
        "server_cpu": used[0]["cpu_us"] / events,
        "memory": sum(p["pss_after"] - p["pss_before"] for p in used)
        / streams,
        "server_memory": (used[0]["pss_after"] - used[0]["pss_before"])
        / streams,
        "late": found["window"]["delay_ms"]["p99"],
    }


def behind(bench, server_name, streams):
    """CPU and memory of the server and the responder together."""
    runs = {"floor": [], "ours": []}
    for name in bench.alternating():
        runs[name].append(measure(bench, server_name, name, streams))

    def row(what, unit, key, limit=None, **kind):
        floor = [run[key] for run in runs["floor"]]
        ours = [run[key] for run in runs["ours"]]
        return Row(f"{server_name} {streams}: {what}", unit, ours, floor,
                   limit, **kind)

    return [
        row("CPU of both for an event", "us", "cpu", CPU_MAX),
        row("the server's part of it", "us", "server_cpu"),
        row("memory of both for a stream", "B", "memory",
            STREAM_BYTES_MAX if server_name == "lighttpd" else None,
            limit_on="value", digits=0),
        row("the server's part of it", "B", "server_memory", digits=0),
        row("99 of 100 arrived after the first", "ms", "late"),
    ]
