"""What faults cost: slow and hostile clients, storms, a full house, a stop."""

import functools
import pathlib
import signal
import statistics
import sys
import threading
import time

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path += [str(TESTS / "integration"), str(TESTS / "faults")]

import crowd            # noqa: E402  (found by the line above)
import fcgi_client      # noqa: E402
from procs import Broken        # noqa: E402
from results import Row         # noqa: E402

INTERVAL_MS = 250
QUERY = f"interval={INTERVAL_MS}ms"
STALLED_RATIO_MAX, MEMORY_RATIO_MAX = 1.1, 1.05
GOOD_REQUEST_MS_MAX = 5
STORMS = 5
# Nobody is to come back sooner: a restart may take so long.
RETURN_MS_MIN = 1000
SPREAD_MS = 5000


def groups(is_quick):
    streams = 2000 if is_quick else 10000
    found = {
        f"stalled-{streams}": functools.partial(
            stalled_readers, streams=streams),
        f"storms-{streams}": functools.partial(storms, streams=streams),
        "refused": refused,
        f"drain-{streams}": functools.partial(drain, streams=streams),
        "reused": reused_descriptors,
        "hostile": hostile_peers,
    }
    return found


class Asked:
    """What crowd.py wants of a responder."""

    def __init__(self, address):
        self.address = address

    def ask(self, path, **changes):
        return fcgi_client.ask(self.address, path, **changes)

    def metric(self, name):
        text = self.ask("/metrics", REMOTE_ADDR="127.0.0.1").body.decode()
        return next(float(line.split()[1]) for line in text.splitlines()
                    if line.startswith(f"fcgi_sse_{name} "))


def wait_for(question, what, wait_s=30):
    deadline = time.monotonic() + wait_s
    while not question():
        if time.monotonic() > deadline:
            raise Broken(f"not within {wait_s} s: {what}")
        time.sleep(0.02)


def resident_bytes(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


def descriptors(pid):
    return len(list(pathlib.Path(f"/proc/{pid}/fd").iterdir()))


def stalled_run(bench, streams, stalled_count):
    """Latency of the others, while so many have stopped reading."""
    what = f"stalled {stalled_count} of {streams}"
    with bench.responder("--stall-timeout", "1h") as process, \
            crowd.peers() as stalled:
        asked = Asked(process.address)
        if stalled_count > 0:
            stalled.add(process.address,
                        crowd.jammed_request(asked, QUERY), stalled_count)
        wait_for(lambda: asked.metric("streams_stalled") == stalled_count,
                 "all have stalled")
        found = bench.load(
            process.address, what, "--query", QUERY, "--streams",
            streams - streams // 10, "--window", 2, pids=[process.pid])
        left = asked.metric("streams_stalled")
        if left != stalled_count:
            bench.broken.append(f"{what}: only {left:.0f} are stalled still")
    return found


def stalled_readers(bench, streams):
    runs = {0: [], streams // 10: []}
    for count in bench.alternating(names=tuple(runs)):
        runs[count].append(stalled_run(bench, streams, count))
    without, beside = runs.values()

    def row(what, unit, value, limit=None):
        return Row(f"{streams // 10} of {streams} stalled, beside none: "
                   f"{what}", unit, list(map(value, beside)),
                   list(map(value, without)), limit)

    return [
        *(row(f"{words} of the others' ticks", "ms",
              lambda found, key=key: found["window"]["delay_ms"][key],
              STALLED_RATIO_MAX)
          for key, words in (("p50", "half"), ("p99", "99 of 100"),
                             ("max", "last"))),
        row("CPU for an event", "us", lambda found:
            found["processes"][0]["cpu_us"] / found["window"]["events"]),
    ]


def storms(bench, streams):
    """All connect at once, have their first event, and leave at once."""
    recoveries_ms, sizes, counts = [], [], []
    with bench.responder() as process:
        Asked(process.address).ask("/nope")
        sizes.append(resident_bytes(process.pid))
        before = descriptors(process.pid)
        for _ in range(STORMS):
            found = bench.load(process.address, f"storm of {streams}",
                               "--streams", streams)
            recoveries_ms.append(found["open_ms"]["max"])
            wait_for(lambda: descriptors(process.pid) == before,
                     "descriptors as before")
            # The last ones are freed in the turn after.
            Asked(process.address).ask("/nope")
            sizes.append(resident_bytes(process.pid))
            counts.append(descriptors(process.pid) - before)
    title = f"{STORMS} storms of {streams}"
    return [
        Row(f"{title}: all have their first event", "ms", recoveries_ms,
            digits=1),
        Row(f"{title}: resident, beside before the first", "KiB",
            [sizes[-1] / 1024], [sizes[0] / 1024], MEMORY_RATIO_MAX,
            digits=0),
        Row(f"{title}: resident, beside after the first", "KiB",
            [sizes[-1] / 1024], [sizes[1] / 1024], MEMORY_RATIO_MAX,
            digits=0),
        Row(f"{title}: descriptors more than before", "", counts, limit=0,
            digits=0),
    ]


def times_ms(question, count):
    found = []
    for _ in range(count):
        began = time.monotonic()
        question()
        found.append((time.monotonic() - began) * 1000)
    return found


def refused(bench):
    """How long one waits to hear that there is no room."""
    count = 1000
    with bench.responder("--max-streams", str(count)) as process, \
            crowd.peers() as held:
        asked = Asked(process.address)
        held.add(process.address, fcgi_client.get("/clock", QUERY), count)
        wait_for(lambda: asked.metric("streams_open") == count, "all open")

        def ask():
            answer = asked.ask("/clock", HTTP_ACCEPT="text/event-stream")
            if answer.events[0].type != "refused":
                bench.broken.append("refused: one was let in")

        waits_ms = times_ms(ask, count)
    return quantiles("refused beside 1000 streams", waits_ms)


def quantiles(title, waits_ms, limit=None):
    cuts = statistics.quantiles(waits_ms, n=100)
    return [
        Row(f"{title}: half have their answer", "ms", [cuts[49]],
            limit=limit),
        Row(f"{title}: 99 of 100 have their answer", "ms", [cuts[98]]),
    ]


def drain(bench, streams):
    """From SIGTERM until all have their end, and when they come back."""
    with bench.responder("--drain-spread", f"{SPREAD_MS}ms") as process, \
            crowd.peers() as held:
        asked = Asked(process.address)
        held.add(process.address, fcgi_client.get("/clock", "interval=1h"),
                 streams)
        wait_for(lambda: asked.metric("streams_open") == streams, "all open")
        began = time.monotonic()
        process.child.send_signal(signal.SIGTERM)
        status = process.child.wait(30)
        drain_ms = (time.monotonic() - began) * 1000
        answers = crowd.read_to_end(held.socks, 60)
        retries_ms = [answer.parser.retry_ms for answer in answers]
        if status != 0 or any(answer.end is None for answer in answers):
            bench.broken.append(f"drain: status {status}, or a cut response")
        process.child = Done()
    tenths = [0] * 10
    for retry_ms in retries_ms:
        tenths[min((retry_ms - RETURN_MS_MIN) * 10 // SPREAD_MS, 9)] += 1
    title = f"stop under {streams} streams"
    return [
        Row(f"{title}: until the process is gone", "ms", [drain_ms], digits=0),
        Row(f"{title}: clients come back within", "ms",
            [max(retries_ms) - min(retries_ms)], digits=0),
        Row(f"{title}: fullest tenth of that time, beside the mean",
            "clients", [max(tenths)], [streams / 10], 1.25, digits=0),
    ]


class Done:
    """Stands for a process that was stopped on purpose."""

    def poll(self):
        return None

    def terminate(self):
        pass

    def wait(self, _seconds=None):
        pass

    kill = terminate


def rain(address, until, counts):
    """Bad requests whose descriptors are closed, and given out again."""
    drops = [b"\xff" * 8, fcgi_client.get("/nope"), b"",
             fcgi_client.begin() + b"?", fcgi_client.get("/clock")]
    while time.monotonic() < until:
        try:
            socks = [fcgi_client.connect(address) for _ in range(20)]
        except BlockingIOError:
            continue            # the queue is full: they have begun
        for number, sock in enumerate(socks):
            try:
                sock.sendall(drops[number % len(drops)])
            except OSError:
                pass            # closed already
        for sock in socks:
            sock.close()
        counts.append(len(socks))


def reused_descriptors(bench):
    streams, window_s = 1500, 5
    counts = []
    with bench.responder() as process:
        thread = threading.Thread(target=rain, args=(
            process.address, time.monotonic() + window_s + 2, counts))
        thread.start()
        found = bench.load(
            process.address, "bad requests rain", "--query", QUERY,
            "--streams", streams, "--window", window_s)
        thread.join()
    title = f"bad requests rain on {streams} streams"
    return [
        Row(f"{title}: a second", "", [sum(counts) / (window_s + 2)],
            digits=0),
        Row(f"{title}: ticks that a good one missed", "",
            [found["window"]["missing"]], limit=0, digits=0),
    ]


def hostile_peers(bench):
    whole = fcgi_client.get("/clock")
    kinds = (b"", whole[:len(whole) // 2],
             fcgi_client.get_values("FCGI_MAX_CONNS"))
    with bench.responder("--request-timeout", "1h") as process, \
            crowd.peers() as peers:
        def ask():
            fcgi_client.ask(process.address, "/nope")

        def idle_cpu_us():
            return bench.load(process.address, "hostile", "--streams", 0,
                              "--window", 2,
                              pids=[process.pid])["processes"][0]["cpu_us"]

        before_ms, before_us = times_ms(ask, 1000), idle_cpu_us()
        for kind in kinds:
            peers.add(process.address, kind, 1000)
        beside_ms, beside_us = times_ms(ask, 1000), idle_cpu_us()
    title = "beside 3000 hostile peers"
    return [
        *quantiles(f"a request {title}", beside_ms, GOOD_REQUEST_MS_MAX),
        Row("a request without them: half have their answer", "ms",
            [statistics.median(before_ms)]),
        Row(f"CPU in 2 s {title}, more than without", "us",
            [beside_us - before_us], digits=0),
    ]
