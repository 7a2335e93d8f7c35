"""The same fan-out by Nchan, nginx's module, with its memory store. It speaks
HTTP itself, so fcgi-sse stands behind lighttpd beside it, and both are
counted; then it stands alone. The same clients subscribe and publish."""

import contextlib
import functools
import os
import pathlib

import servers
import updates
from procs import Broken, free_port
from results import Row

MODULE = pathlib.Path("/usr/lib/nginx/modules/ngx_nchan_module.so")
CONFIG = "{user} load_module {module};" + servers.NGINX_HEAD + """
	keepalive_requests 1000000;
	server {{
		listen 127.0.0.1:{port} backlog=4096;
		{store}
		location = /publish {{
			nchan_publisher;
			nchan_channel_id $arg_topic;
		}}
		location = /events {{
			nchan_subscriber eventsource;
			nchan_channel_id $arg_topic;
		}}
	}}
}}
"""
QUERY = ("--query", f"topic={updates.TOPIC}")
BEHIND = ("--http", "--path", f"{servers.PREFIX}/events")
BURST = 200
PAIRS = 3
# Behind lighttpd, the rate of events and what --coalesce takes.
RATE, COALESCE = 100, "20ms"


@contextlib.contextmanager
def nchan(bench, *_, store=""):
    program = servers.program("nginx")
    if program is None or not MODULE.exists():
        raise Broken("nginx's module Nchan is not installed")
    root = bench.path("nchan")
    os.mkdir(root)
    port = free_port()
    config = os.path.join(root, "conf")
    with open(config, "w", encoding="utf-8") as file:
        file.write(CONFIG.format(
            root=root, port=port, module=MODULE, store=store,
            user="user root;" if os.geteuid() == 0 else ""))
    argv = [program, "-c", config, "-p", root]
    with bench.running(argv, f"127.0.0.1:{port}") as server:
        yield (server.address, [server.pid],
               ("--http", "--path", "/events", *QUERY),
               ("--http", "--raw", "--path", "/publish", *QUERY))


@contextlib.contextmanager
def behind_lighttpd(bench, *options):
    keys = updates.key_options(bench)
    with bench.responder(*keys, *options, core=None) as responder, \
            servers.running(bench, "lighttpd", responder.address) as server:
        yield (server.address, [server.pid, responder.pid],
               (*BEHIND, *QUERY), BEHIND)


@contextlib.contextmanager
def alone(bench, *options):
    keys = updates.key_options(bench)
    with bench.responder(*keys, *options, core=None) as process:
        yield (process.address, [process.pid],
               ("--path", "/events", *QUERY), ())


@contextlib.contextmanager
def broker(bench):
    program = servers.program("redis-server")
    if program is None:
        raise Broken("redis-server is not installed")
    port = free_port()
    with bench.running([program, "--port", str(port), "--save", "",
                        "--dir", bench.scratch.name],
                       f"127.0.0.1:{port}") as process:
        yield process


@contextlib.contextmanager
def apart(bench, one):
    """Two servers that share a broker: who subscribes asks the one, who
    publishes the other."""
    with broker(bench) as redis, one(bench, redis.address) as here, \
            one(bench, redis.address) as there:
        yield (here[0], [*here[1], *there[1], redis.pid], here[2], there[3],
               there[0])


def nchan_redis(bench, *_):
    return apart(bench, lambda bench, redis: nchan(
        bench, store=f'nchan_redis_url "redis://{redis}"; nchan_use_redis on;'))


def lighttpd_redis(bench, *_):
    return apart(bench, lambda bench, redis: behind_lighttpd(
        bench, "--store", f"redis://{redis}"))


def measure(bench, contestant, streams, events, rate, *options):
    what = f"{contestant.__name__} {streams}"
    with contestant(bench, *options) as (address, pids, subscribe, publish,
                                         *other):
        with updates.subscribers(
                bench, address, what, streams, events, *subscribe,
                *("--burst", BURST), pids=pids, core=None) as load:
            updates.publish(bench, *(other or [address]), events,
                            *("--rate", rate), *publish, core=None)
    used, delay = load.found["processes"], load.found["window"]["delay_ms"]
    return {
        "cpu": sum(p["cpu_us"] for p in used) / (streams * events),
        "memory": sum(p["pss_after"] - p["pss_before"] for p in used)
        / streams,
        "p50": delay["p50"],
        "p99": delay["p99"],
        "last": delay["last"],
    }


def fanout(bench, streams):
    """A few events a second, to all subscribers of one topic."""
    contestants = (nchan, behind_lighttpd, alone)
    runs = {contestant: [] for contestant in contestants}
    for contestant in bench.alternating(PAIRS, names=contestants):
        runs[contestant].append(measure(bench, contestant, streams, 12, 4))

    def row(ours, title, what, unit, key, limit=None, digits=2):
        values = ([run[key] for run in runs[name]] for name in (ours, nchan))
        return Row(f"{title} {streams}, beside Nchan: {what}", unit, *values,
                   limit, digits=digits)

    rows = []
    for ours, title, limits in (
            (behind_lighttpd, "hub with lighttpd", {"memory": 1}),
            (alone, "hub alone", {"cpu": 1 / 3})):
        rows += [
            row(ours, title, "CPU for a delivery", "us", "cpu",
                limits.get("cpu")),
            row(ours, title, "memory for a subscriber", "B", "memory",
                limits.get("memory"), digits=0),
            row(ours, title, "half received", "ms", "p50"),
            row(ours, title, "99 of 100 received", "ms", "p99"),
            row(ours, title, "last received", "ms", "last"),
        ]
    return rows


def coalesce(bench, streams=1000):
    """Many events a second, which leave some together."""
    seconds = 3 if bench.is_quick else 5
    runs = {nchan: [], behind_lighttpd: []}
    for contestant in bench.alternating(PAIRS, names=tuple(runs)):
        runs[contestant].append(
            measure(bench, contestant, streams, seconds * RATE, RATE,
                    *("--coalesce", COALESCE)))

    def row(what, unit, key, limit=None):
        values = ([run[key] for run in runs[name]]
                  for name in (behind_lighttpd, nchan))
        return Row(f"hub with lighttpd {streams}, {RATE}/s, --coalesce "
                   f"{COALESCE}, beside Nchan: {what}", unit, *values, limit)

    return [row("CPU for a delivery", "us", "cpu", 1),
            row("99 of 100 received", "ms", "p99")]


def shared(bench, streams):
    """The same over two servers each, which share a Redis."""
    runs = {nchan_redis: [], lighttpd_redis: []}
    for contestant in bench.alternating(PAIRS, names=tuple(runs)):
        runs[contestant].append(measure(bench, contestant, streams, 12, 4))
    return [Row(f"redis, two servers, {streams}, beside Nchan: {what}", unit,
                [run[key] for run in runs[lighttpd_redis]],
                [run[key] for run in runs[nchan_redis]], limit, digits=digits)
            for what, unit, key, limit, digits in (
                ("CPU of all for a delivery", "us", "cpu", None, 2),
                ("memory for a subscriber", "B", "memory", 1, 0),
                ("99 of 100 received", "ms", "p99", None, 2),
                ("last received", "ms", "last", None, 2))]


def groups(is_quick):
    """Names to choose from, and what they run."""
    chosen = {
        f"nchan-{streams}": functools.partial(fanout, streams=streams)
        for streams in ((500,) if is_quick else (1000, 5000))
    }
    chosen["nchan-coalesce"] = coalesce
    chosen["nchan-redis"] = functools.partial(
        shared, streams=500 if is_quick else 5000)
    return chosen
