"""What a process for each stream costs, as CGI starts it."""

import contextlib
import os
import pathlib
import select
import subprocess
import sys
import time

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path.append(str(TESTS / "integration"))

import fcgi_client      # noqa: E402  (found by the line above)
from procs import Broken, RESPONDER_CORE, pinned  # noqa: E402
from responder import clean_environ     # noqa: E402
from results import Row         # noqa: E402
from rows_store import driven_at        # noqa: E402

WAIT_S = 10
PAIRS, STARTS = 5, 20
WRITERS, UPDATES = 8, 2500
FULL_LOG_RATIO_MAX = 1.5
PRIVATE_KIB_MAX = 600


@contextlib.contextmanager
def stream(bench, path, query, url):
    """An open stream's process, and how long its first byte took in ms."""
    env = clean_environ({
        **fcgi_client.environ(path, query, mount="/sse.cgi"),
        "FCGI_SSE_STORE": url})
    begin = time.perf_counter()
    process = subprocess.Popen(
        [bench.responder_program], env=env, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        preexec_fn=pinned(RESPONDER_CORE))
    try:
        if not select.select([process.stdout], [], [], WAIT_S)[0] \
                or not os.read(process.stdout.fileno(), 65536):
            raise Broken(f"CGI {path}: no answer")
        yield process, (time.perf_counter() - begin) * 1000
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def start_ms(bench, path, query, url):
    """The shortest of several: what the machine does beside is no part."""
    times = []
    for _ in range(STARTS):
        with stream(bench, path, query, url) as (_, took_ms):
            times.append(took_ms)
    return min(times)


def private_kib(pid):
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(line.split()[1]) for line in text.splitlines()
               if line.startswith("Private_"))


def memory_kib(bench, path, query, url):
    """Of one of two, which share the pages of the program."""
    with stream(bench, path, query, url), \
            stream(bench, path, query, url) as (process, _):
        return private_kib(process.pid)


def urls(bench):
    """An empty log, and a long one."""
    found = []
    for name in ("empty", "long"):
        folder = bench.path(name)
        os.mkdir(folder, 0o700)
        found.append(f"sqlite:{folder}/events")
    driven_at(bench, found[1], "writers", WRITERS, UPDATES)
    return found


def cgi(bench):
    empty, long = urls(bench)
    topic = ("/events", "topic=bench")
    runs = {"clock": [], "empty": [], "long": []}
    for name in bench.alternating(PAIRS, names=tuple(runs)):
        runs[name].append(start_ms(
            bench, *(("/clock", "") if name == "clock" else topic),
            long if name == "long" else empty))
    count = WRITERS * UPDATES
    return [
        Row("CGI, first byte of a topic, and of the clock", "ms",
            runs["empty"], runs["clock"]),
        Row(f"CGI, {count} events in the log, and none: first byte", "ms",
            runs["long"], runs["empty"], limit=FULL_LOG_RATIO_MAX),
        Row("CGI, a stream of a topic: private memory", "KiB",
            [memory_kib(bench, *topic, long)], limit=PRIVATE_KIB_MAX,
            limit_on="value")]


def groups():
    """Names to choose from, and what they run."""
    return {"cgi": cgi}
