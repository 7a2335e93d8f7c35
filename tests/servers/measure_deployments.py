#!/usr/bin/python3
"""measure_deployments.py [--idle SECONDS] [--only WORD]: measures each file of
deploy/ behind its web server, and prints the table of doc/operation.md.

The environment's FCGI_SSE names the program. An idle stream is watched for
SECONDS, 0 unless given; the longest default timeout is six minutes.
"""

import argparse
import concurrent.futures
import json
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "integration"), str(TESTS / "servers")]

import servers                                      # noqa: E402
import streams                                      # noqa: E402
import test_deployments                             # noqa: E402
import test_http2                                   # noqa: E402
from place import seconds                           # noqa: E402
from responder import BINARY, clean_environ, wait_until     # noqa: E402

TICK_S = 0.5
ROUNDS = 5
STREAM_COUNT = 200
WARM_UP_COUNT = 50
# What bounds the number of streams first, as Debian has it. Not measured.
LIMITS = {
    "ApacheFcgid": "`max-streams`: 80",
    "ApacheCgi": "`max-streams`: 10",
    "ApachePrefork": "`MaxRequestWorkers`, in the file: 1000",
    "Apache": "`MaxRequestWorkers`: 150",
    "Lighttpd": "`server.max-fds`: a third of it",
    "Nginx": "`worker_connections`: 384 a worker",
    "HAProxy": "`maxconn`: half of it",
    "Caddy": "`LimitNOFILE`: half of it",
    "H2o": "`max-connections`: 1024",
    "Varnish": "`thread_pool_max`: 5000",
}


def deployments():
    """The fronts by name; a name is that of the first that has it."""
    found = {}
    for front in servers.FRONTS + test_deployments.FRONTS:
        found.setdefault(front.name, front)
    return found


def limit_of(front):
    if front.is_cgi:
        return LIMITS["ApacheCgi"]
    names = [kind.__name__ for kind in front.server.__mro__]
    return next(LIMITS[name] for name in names if name in LIMITS)


def site_of(front, heartbeat):
    site = servers.Site(front)
    site.place.set_environ(FCGI_SSE_HEARTBEAT=heartbeat)
    return site


class Running:
    """A site that runs, until it is left or all of them are stopped."""

    running = set()
    is_over = False

    def __init__(self, front, heartbeat="1s"):
        self.site = site_of(front, heartbeat)
        self.lock = threading.Lock()

    def __enter__(self):
        Running.running.add(self)
        with self.lock:
            assert not Running.is_over, "all sites are to stop"
            self.site.start()
        return self.site

    def __exit__(self, *_):
        with self.lock:
            if self not in Running.running:
                return
            Running.running.remove(self)
            self.site.stop()
            self.site.place.remove()

    @classmethod
    def stop_all(cls):
        cls.is_over = True
        for one in list(cls.running):
            one.__exit__()


def noticed_ms(site):
    """From a client's end, half way between two ticks, to the log's line."""
    took = []
    for _ in range(ROUNDS):
        count = len(site.place.log_lines("disconnect"))
        with site.open(f"/clock?interval={TICK_S * 1000:.0f}ms") as stream:
            stream.read_event()
            stream.read_event()
            wait_until(lambda: 0.2 < time.time() % TICK_S < 0.3, "between")
            lost_at = time.time()
        wait_until(lambda: len(site.place.log_lines("disconnect")) > count,
                   "it is found lost", 30)
        line = site.place.log_lines("disconnect")[-1]
        took.append((seconds(line["time"]) - lost_at) * 1000)
    return statistics.median(took)


def descendants(pid):
    parents = {}
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue                # it has ended
        parents.setdefault(int(fields[1]), []).append(int(path.parts[2]))
    found = [pid]
    for parent in found:
        found += parents.get(parent, [])
    return set(found)


def pss_kib(pids):
    total = 0
    for pid in pids:
        try:
            text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        total += int(re.search(r"^Pss:\s+(\d+)", text, re.M)[1])
    return total


def memory_of(site):
    """The KiB that the web server has, and that fcgi-sse has."""
    ours = set(site.processes())
    roots = [site.server.process.pid]
    if hasattr(site.server, "behind"):
        roots.append(site.server.behind.process.pid)
    theirs = set().union(*map(descendants, roots)) - ours
    return pss_kib(theirs), pss_kib(ours)


def open_streams(site, count):
    opened = [site.open("/clock?interval=1h") for _ in range(count)]
    for stream in opened:
        stream.read_event()
    return opened


def close_streams(site, opened):
    for stream in opened:
        stream.close()
    wait_until(lambda: len(site.place.log_lines("disconnect")) ==
               len(site.place.log_lines("connect")), "all are gone", 30)


def stream_kib(site, front):
    """What a stream takes of the web server's memory, and of ours."""
    count = min(STREAM_COUNT, front.clients)
    close_streams(site, open_streams(site, min(count, WARM_UP_COUNT)))
    before = memory_of(site)
    opened = open_streams(site, count)
    after = memory_of(site)
    close_streams(site, opened)
    return [(now - then) / count for then, now in zip(before, after)]


def idle_ends(front, seconds_max):
    """When the web server ends a stream that is silent, as words."""
    if not seconds_max:
        return "not measured"
    with Running(front, "1h") as site, \
            site.open("/counter?count=2&interval=1h") as stream:
        stream.read_event()
        began = time.monotonic()
        try:
            stream.read_event(timeout=seconds_max)
        except TimeoutError:
            return f"not within {seconds_max} s"
        except (streams.Cut, OSError, AssertionError):
            pass                    # cut, or with a page at its end
        return f"{time.monotonic() - began:.0f} s"


def is_there(front):
    if front.name == "lighttpd":
        return test_http2.LIGHTTPD_TLS.exists()
    return shutil.which(front.name, path="/usr/sbin:/usr/bin")


def http2_streams():
    """How many one connection gets, by the name of the web server's class."""
    found = {}
    for front in test_http2.FRONTS.values():
        if not is_there(front):
            continue
        with Running(front) as site:
            done = subprocess.run(
                [BINARY, "doctor", "--quick", "--json", "--insecure",
                 f"https://localhost:{site.server.tls_port}/sse/"],
                capture_output=True, text=True, env=clean_environ(),
                timeout=60)
        for finding in json.loads(done.stdout)["findings"]:
            count = re.search(r"of \d+ streams over one connection (\d+)",
                              finding["saw"])
            if finding["check"] == "streams-at-once" and count:
                found[front.server.__mro__[2].__name__] = count[1]
    return found


def row(name, front, idle, http2):
    kinds = [kind.__name__ for kind in front.server.__mro__]
    at_once = next((http2[kind] for kind in kinds if kind in http2), "–")
    if "ApachePrefork" in kinds:        # for which there is no HTTP/2
        at_once = "–"
    with Running(front) as site:
        noticed = noticed_ms(site)
        theirs, ours = stream_kib(site, front)
    return (f"| {name} | {max(noticed, 0):,.0f} ms | {idle.result()} | {theirs:.1f} "
            f"| {ours:.1f} | {at_once} | {limit_of(front)} |")


HEAD = """\
| deployment | a lost client is noticed after | an idle stream ends after \
| KiB for a stream, web server | the same, fcgi-sse | HTTP/2 streams at once \
| first limit |
|---|---|---|---|---|---|---|"""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--idle", type=int, default=0)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    chosen = {name: front for name, front in deployments().items()
              if options.only in name}
    http2 = {} if options.only else http2_streams()
    print(HEAD, flush=True)
    with concurrent.futures.ThreadPoolExecutor(len(chosen) or 1) as pool:
        try:
            idle = {name: pool.submit(idle_ends, front, options.idle)
                    for name, front in chosen.items()}
            for name, front in chosen.items():
                print(row(name, front, idle[name], http2), flush=True)
        finally:
            Running.stop_all()      # ends the streams that are watched


def end(number, _frame):
    sys.exit(128 + number)


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, end)
    main()
