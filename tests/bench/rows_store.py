"""What a store that several processes share costs, beside the memory store."""

import contextlib
import functools
import json
import os
import resource
import shutil
import socket
import subprocess
import time

import updates
from procs import Broken, LOAD_CORE, LOAD_SECONDS_MAX
from results import Row
from rows_hub import HERE, INTERVAL_MS, hub, measure_delivery

DELIVERY_MAX = 1.03
PUBLISH_RATE, PUBLISH_COUNT = 1000, 3000
PUBLISH_US_MAX, PUBLISH_P99_MS_MAX = 30, 5
WRITERS_LONGEST_MS_MAX, START_MS_MAX = 100, 500
BELL_P50_MS_MAX, BELL_P99_MS_MAX = 1, 10
LEAN_IDLE_MAX, LEAN_ONE_US_MAX, LEAN_ALL_P99_MS_MAX = 0.5, 300, 30
BROKER_US_MAX, BROKER_P99_MS_MAX = {1000: 100, 10000: 20}, 10
PAIRS = 5
SHARED_EVENTS, SPARE_DESCRIPTORS = 10, 200


def cpu_us(pid):
    """What the process has used, all its threads."""
    return time.clock_gettime_ns((~pid << 3) | 2) / 1000


@contextlib.contextmanager
def redis(bench):
    """A broker, or None where this machine has none."""
    program = shutil.which("redis-server")
    if not program:
        yield None
        return
    sock = bench.path("redis")
    argv = [program, "--port", "0", "--unixsocket", sock, "--save", "",
            "--appendonly", "yes", "--dir", bench.scratch.name]
    with bench.running(argv, f"unix:{sock}", LOAD_CORE) as process:
        yield process


@contextlib.contextmanager
def store_url(bench, kind):
    """A fresh store of that kind."""
    if kind == "memory":
        yield kind
    elif kind == "sqlite":
        folder = bench.path("store")
        os.mkdir(folder, 0o700)
        yield f"sqlite:{folder}/events"
    else:
        with redis(bench) as process:
            yield f"redis+unix:{process.address[5:]}"


def kinds(bench):
    has_redis = shutil.which("redis-server") and os.path.exists(
        bench.store_redis_program)
    return ("memory", "sqlite", "redis") if has_redis else ("memory", "sqlite")


def delivery_run(bench, kind, streams):
    with store_url(bench, kind) as url, hub(
            bench, "--log-level", "debug", "--store", url) as process, \
            updates.publishing(bench, process.address,
                               "--rate", 1000 / INTERVAL_MS):
        return measure_delivery(bench, process, f"{kind}, one to {streams}",
                                streams)


def delivery(bench, streams):
    """Streams never touch the store."""
    runs = {kind: [] for kind in kinds(bench)}
    for kind in bench.alternating(PAIRS, names=tuple(runs)):
        runs[kind].append(delivery_run(bench, kind, streams))
    return [Row(f"{kind}, and memory, one to {streams}: {what}", unit,
                [run[key] for run in runs[kind]],
                [run[key] for run in runs["memory"]], DELIVERY_MAX)
            for kind in list(runs)[1:]
            for key, unit, what in (
                ("cpu", "us", "CPU for a delivery"),
                ("fanout", "ms", "published to last written"))]


def publish_run(bench, kind):
    """CPU of the responder for a publish, and how soon it is answered."""
    with store_url(bench, kind) as url, hub(bench, "--store", url) as process:
        updates.publish(bench, process.address, 100)
        used = cpu_us(process.pid)
        times = json.loads(updates.publish(
            bench, process.address, PUBLISH_COUNT, "--rate", PUBLISH_RATE,
            "--times"))
        used = cpu_us(process.pid) - used
    return {"cpu": used / PUBLISH_COUNT, **times}


def publish(bench):
    """A thousand publishes a second, each answered when it is kept."""
    runs = {kind: [] for kind in kinds(bench)}
    for kind in bench.alternating(3, names=tuple(runs)):
        runs[kind].append(publish_run(bench, kind))
    rows = []
    for kind in list(runs)[1:]:
        title = f"{kind}, {PUBLISH_RATE} publishes/s"
        above = [run["cpu"] - beside["cpu"]
                 for run, beside in zip(runs[kind], runs["memory"])]
        rows += [
            Row(f"{title}: CPU for a publish above memory's", "us", above,
                limit=PUBLISH_US_MAX, limit_on="value"),
            Row(f"{title}: half answered", "ms",
                [run["p50_ms"] for run in runs[kind]],
                [run["p50_ms"] for run in runs["memory"]]),
            Row(f"{title}: 99 of 100 answered", "ms",
                [run["p99_ms"] for run in runs[kind]],
                limit=PUBLISH_P99_MS_MAX, limit_on="value")]
    return rows


def driven_at(bench, url, *mode):
    """What tests/bench/store prints for this file."""
    try:
        done = subprocess.run(
            [bench.store_program, url, *map(str, mode)], text=True,
            stdout=subprocess.PIPE, check=True, timeout=LOAD_SECONDS_MAX)
    except subprocess.SubprocessError as error:
        raise Broken(f"store {mode}: {error}") from error
    return json.loads(done.stdout)


def driven(bench, *mode):
    """The same for a fresh file."""
    with store_url(bench, "sqlite") as url:
        return driven_at(bench, url, *mode)


def value(title, unit, figure, limit=None):
    return Row(title, unit, [figure], limit=limit, limit_on="value")


def file_rows(bench):
    """One file and several processes, driven through the store alone."""
    writers = driven(bench, "writers", 8, 500)
    bell = driven(bench, "bell", 1000, 3)
    load = driven(bench, "load", 64)
    return [
        value("sqlite, 8 writers: 99 of 100 kept", "ms", writers["p99_us"] / 1000),
        value("sqlite, 8 writers: longest", "ms", writers["max_us"] / 1000,
              WRITERS_LONGEST_MS_MAX),
        value("sqlite, to another process, 1000/s: half", "ms",
              bell["p50_us"] / 1000, BELL_P50_MS_MAX),
        value("sqlite, to another process, 1000/s: 99 of 100", "ms",
              bell["p99_us"] / 1000, BELL_P99_MS_MAX),
        value("sqlite, 64 MiB of events read at a start", "ms",
              load["load_ms"], START_MS_MAX)]


def lean_rows(bench):
    """One process for each stream, as CGI has it."""
    count = 60 if bench.is_quick else 300
    found = driven(bench, "lean", count, 20)
    return [
        value(f"sqlite, {count} processes of a stream: idle, all", "%",
              found["idle_percent"], LEAN_IDLE_MAX),
        value(f"sqlite, {count} processes, an event to one: CPU of all", "us",
              found["one"]["cpu_us"], LEAN_ONE_US_MAX),
        value(f"sqlite, {count} processes, an event to all: 99 of 100", "ms",
              found["all"]["p99_us"] / 1000, LEAN_ALL_P99_MS_MAX)]


def broker_rows(bench):
    """What ten processes cost their broker."""
    if "redis" not in kinds(bench):
        return []
    rows = []
    for rate, most in BROKER_US_MAX.items():
        with redis(bench) as broker:
            done = subprocess.run(
                [bench.store_redis_program,
                 f"redis+unix:{broker.address[5:]}", str(broker.pid), "10",
                 str(rate), "3"], text=True, stdout=subprocess.PIPE,
                check=True, timeout=LOAD_SECONDS_MAX)
        found = json.loads(done.stdout)
        if found["delivered"] != found["expected"]:
            bench.broken.append(f"redis, {rate}/s: {done.stdout}")
        title = f"redis, 10 processes, {rate}/s"
        rows += [value(f"{title}: the broker's CPU for an event", "us",
                       found["broker_us"], most),
                 value(f"{title}: 99 of 100 delivered", "ms",
                       found["p99_ms"], BROKER_P99_MS_MAX)]
    return rows


@contextlib.contextmanager
def processes(bench, count, url):
    """Several on one socket, as spawn-fcgi -F starts them."""
    address = bench.unix_address()
    argv = [bench.responder_program, *updates.key_options(bench),
            "--store", url]
    children = []
    with socket.socket(socket.AF_UNIX) as sock, \
            open(bench.path("log"), "ab") as log:
        sock.bind(address[5:])
        sock.listen(4096)
        try:
            for _ in range(count):
                children.append(subprocess.Popen(argv, stdin=sock,
                                                 stdout=log, stderr=log))
            yield address, [child.pid for child in children]
            if any(child.poll() is not None for child in children):
                raise Broken("a process ended early")
        finally:
            for child in children:
                child.kill()
                child.wait()


def shared_run(bench, count, streams):
    """So many streams of one topic for each process."""
    what = f"{count} processes, {streams} streams each"
    with store_url(bench, "sqlite") as url, \
            processes(bench, count, url) as (address, pids), \
            updates.subscribers(bench, address, what, count * streams,
                                SHARED_EVENTS, *HERE, pids=pids) as load:
        updates.publish(bench, address, SHARED_EVENTS, "--rate", 2)
    return load.found["window"]["delay_ms"]["last"]


def shared(bench, streams):
    """Two processes on one socket, beside one with half of the streams: as
    many as the load client may have descriptors for."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    streams = min(streams, (most - SPARE_DESCRIPTORS) // 2)
    runs = {1: [], 2: []}
    for count in bench.alternating(3, names=tuple(runs)):
        runs[count].append(shared_run(bench, count, streams))
    return [Row(f"sqlite, 2 processes of {streams} streams, and 1: last "
                "received", "ms", runs[2], runs[1])]


def groups(is_quick):
    """Names to choose from, and what they run."""
    many = 2000 if is_quick else 10000
    return {
        f"store-delivery-{many}": functools.partial(delivery, streams=many),
        "store-publish": publish,
        "store-shared": functools.partial(
            shared, streams=5000 if is_quick else 25000),
        "store-file": file_rows,
        "store-lean": lean_rows,
        "store-broker": broker_rows,
    }
