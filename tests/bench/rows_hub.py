"""What publishers send, to all subscribers: beside a bare loop of write(2)
where it is one event to many, else beside what the row names."""

import contextlib
import functools
import statistics

import rows_clock
import updates
from procs import RESPONDER_CORE
from results import Row

CPU_MAX, FANOUT_MAX = 1.25, 1.3
OTHERS_COST_MAX, SINGLE_P99_MS_MAX = 1.5, 10
INTERVAL_MS = 250
WINDOW_SECONDS = 1
PAIRS = 11
PATH = ("--path", "/events")
HERE = (*PATH, "--query", f"topic={updates.TOPIC}")
# So many events to one subscriber, so fast, for the cost of one.
SINGLE_COUNT, SINGLE_RATE = 4000, 2000
RESUME_EVENTS = 100
TOPICS_STREAMS, TOPICS_EVENTS, TOPICS_RATE, TOPICS_COST_MAX = 400, 200, 100, 1.5


@contextlib.contextmanager
def hub(bench, *options):
    """A responder that lets the publisher publish."""
    with bench.responder(*updates.key_options(bench), *options) as process:
        yield process


@contextlib.contextmanager
def source(bench, name):
    """The floor with its own timer, or the responder and a publisher."""
    if name == "floor":
        argv = [bench.floor_program, "--updates"]
        argv += ["--interval-ms", str(INTERVAL_MS)]
        address = bench.unix_address()
        with bench.running([*argv, "--listen", address], address,
                           RESPONDER_CORE) as process:
            yield process
        return
    with hub(bench, "--log-level", "debug") as process, \
            updates.publishing(bench, process.address,
                               *("--rate", 1000 / INTERVAL_MS)):
        yield process


def measure_delivery(bench, process, what, streams, *options):
    """CPU for a delivery of what somebody publishes, from publish to the last
    write, and memory."""
    found = bench.load(
        process.address, what, *HERE, "--updates", *options,
        *("--streams", streams, "--window", WINDOW_SECONDS),
        pids=[process.pid])
    fanouts = process.fanouts_ms(streams)
    used = found["processes"][0]
    if not fanouts:
        bench.broken.append(f"{what}: no fan-out")
    return {"cpu": used["cpu_us"] / max(found["window"]["events"], 1),
            "fanout": statistics.median(fanouts or [0]),
            "resident": (used["rss_after"] - used["rss_before"]) / streams}


def measure_fanout(bench, name, streams):
    what = f"hub {streams}, {name}"
    with source(bench, name) as process:
        found = bench.load(
            process.address, what, *HERE, "--updates",
            *("--streams", streams, "--window", WINDOW_SECONDS),
            pids=[process.pid])
    window, used = found["window"], found["processes"][0]
    fanouts = process.fanouts_ms(streams)
    if not fanouts or window["unordered"]:
        bench.broken.append(f"{what}: no fan-out, or out of order")
    events = max(window["events"], 1)
    return {
        "cpu": used["cpu_us"] / events,
        "fanout": statistics.median(fanouts or [0]),
        "resident": (used["rss_after"] - used["rss_before"]) / streams,
        "p50": window["delay_ms"]["p50"],
        "p99": window["delay_ms"]["p99"],
        "last": window["delay_ms"]["last"],
        "writes": used["writes"] / events,
        "bytes": window["bytes"] / events,
    }


def fanout(bench, streams):
    """One event to all subscribers of one topic."""
    runs = {"floor": [], "ours": []}
    for name in bench.alternating(PAIRS):
        runs[name].append(measure_fanout(bench, name, streams))
    rows_clock.check_same_bytes(bench, runs)

    def row(what, unit, key, limit=None, **kind):
        floor, ours = ([run[key] for run in runs[n]]
                       for n in ("floor", "ours"))
        return Row(f"hub, one to {streams}: {what}", unit, ours, floor, limit,
                   **kind)

    return [
        row("CPU for a delivery", "us", "cpu", CPU_MAX),
        row("published to last written", "ms", "fanout", FANOUT_MAX),
        row("half received", "ms", "p50"),
        row("99 of 100 received", "ms", "p99"),
        row("last received", "ms", "last"),
        row("resident for a subscriber", "B", "resident", digits=0),
        row("write calls for a delivery", "", "writes"),
    ]


def cost_of_single(bench, others):
    """CPU for an event to one subscriber while others wait elsewhere."""
    with hub(bench) as process, updates.subscribers(
            bench, process.address, f"{others} on other topics", others, None,
            *PATH, "--query", "topic=other-%d"), updates.subscribers(
            bench, process.address, f"one beside {others}", 1, SINGLE_COUNT,
            *HERE, pids=[process.pid]) as one:
        updates.publish(bench, process.address, SINGLE_COUNT,
                        *("--rate", SINGLE_RATE))
    return one.found["processes"][0]["cpu_us"] / SINGLE_COUNT


def others(bench, count):
    """What the subscribers of other topics cost."""
    runs = {10: [], count: []}
    for name in bench.alternating(5, names=(10, count)):
        runs[name].append(cost_of_single(bench, name))
    return [Row(f"hub, one to 1, beside {count} on other topics, and 10: "
                "CPU for an event", "us", runs[count], runs[10],
                OTHERS_COST_MAX)]


def single_beside_busy(bench, count):
    """One subscriber while another topic sends to very many."""
    events, rate = (200, 100) if bench.is_quick else (1000, 100)
    p99, worst = [], []
    for _ in range(1 if bench.is_quick else 3):
        with hub(bench) as process, updates.subscribers(
                bench, process.address, f"busy topic of {count}", count, None,
                *PATH, "--query", "topic=busy"), updates.subscribers(
                bench, process.address, "one beside a busy topic", 1, events,
                *HERE) as one, updates.publishing(
                bench, process.address, "--topic", "busy", "--rate", 10):
            updates.urgent(process.pid)
            updates.urgent(one.child.pid)
            updates.publish(bench, process.address, events, "--rate", rate,
                            is_urgent=True)
        p99.append(one.found["window"]["delay_ms"]["p99"])
        worst.append(one.found["window"]["delay_ms"]["max"])
    title = f"hub, one to 1, another topic 10/s to {count}"
    return [Row(f"{title}: 99 of 100 received", "ms", p99,
                limit=SINGLE_P99_MS_MAX, limit_on="value"),
            Row(f"{title}: slowest", "ms", worst)]


def cost_of_topics(bench, count):
    """CPU for a request that names so many topics, and for an event to one of
    them, with a stream of its own for each request."""
    query = "&".join([f"topic={updates.TOPIC}"]
                     + [f"topic=other-{number}" for number in range(1, count)])
    with hub(bench) as process, updates.subscribers(
            bench, process.address, f"streams of {count} topics",
            TOPICS_STREAMS, TOPICS_EVENTS, *PATH, "--query", query,
            pids=[process.pid]) as load:
        updates.publish(bench, process.address, TOPICS_EVENTS,
                        *("--rate", TOPICS_RATE))
    used = load.found["processes"][0]
    return (used["open_cpu_us"] / TOPICS_STREAMS,
            used["cpu_us"] / TOPICS_EVENTS / TOPICS_STREAMS)


def topics(bench, count):
    """What it costs a stream to follow many topics."""
    runs = {1: [], count: []}
    for name in bench.alternating(5, names=(1, count)):
        runs[name].append(cost_of_topics(bench, name))
    return [Row(f"hub, a stream of {count} topics, and of 1: CPU for {what}",
                "us", [run[at] for run in runs[count]],
                [run[at] for run in runs[1]], limit)
            for at, (what, limit) in enumerate((
                ("a request", None), ("a delivery", TOPICS_COST_MAX)))]


def stream_of_events(bench, title, streams, events, pace, options=()):
    """Many events: nothing lost, in order, and what they take."""
    with hub(bench, *options) as process, updates.subscribers(
            bench, process.address, title, streams, events, *HERE,
            pids=[process.pid]) as load:
        updates.publish(bench, process.address, events, *pace)
    window, used = load.found["window"], load.found["processes"][0]
    deliveries = streams * events
    return [
        Row(f"{title}: CPU for a delivery", "us",
            [used["cpu_us"] / deliveries]),
        Row(f"{title}: write calls for an event", "",
            [used["writes"] / events]),
        Row(f"{title}: write calls for a delivery", "",
            [used["writes"] / deliveries], digits=3),
        Row(f"{title}: 99 of 100 received", "ms", [window["delay_ms"]["p99"]]),
        Row(f"{title}: all received after", "s", [window["seconds"]]),
    ]


def resume(bench, streams):
    """All come back at once and catch up."""
    times, cpu = [], []
    deliveries = streams * RESUME_EVENTS
    for _ in range(1 if bench.is_quick else 3):
        with hub(bench) as process:
            updates.publish(bench, process.address, RESUME_EVENTS + 1, "--ids")
            with updates.subscribers(
                    bench, process.address, f"resume {streams}", streams,
                    RESUME_EVENTS, *HERE, "--last-event-id", "u-000000",
                    pids=[process.pid]) as load:
                pass
        found = load.found
        times.append(found["window"]["end_ms"])
        used = found["processes"][0]
        cpu.append((used["cpu_us"] + used["open_cpu_us"]) / deliveries)
    title = f"hub, {streams} come back, {RESUME_EVENTS} events behind"
    return [Row(f"{title}: all caught up", "ms", times, digits=0),
            Row(f"{title}: CPU for a delivery", "us", cpu)]


def groups(is_quick):
    """Names to choose from, and what they run."""
    many = 2000 if is_quick else 10000
    seconds = 10 if is_quick else 30
    burst = 2000 if is_quick else 10000
    return {
        f"hub-fanout-{many}": functools.partial(fanout, streams=many),
        f"hub-others-{many}": functools.partial(others, count=many),
        "hub-topics-256": functools.partial(topics, count=256),
        f"hub-busy-{many}": functools.partial(single_beside_busy, count=many),
        "hub-steady": functools.partial(
            stream_of_events, title="hub, 1000/s to 100", streams=100,
            events=1000 * seconds, pace=("--rate", 1000)),
        "hub-burst": functools.partial(
            stream_of_events, title=f"hub, burst of {burst} to 1000",
            streams=1000, events=burst, pace=("--ahead", 64)),
        f"hub-resume-{many}": functools.partial(resume, streams=many),
    }
