"""Mixed load with faults for half an hour, or SOAK_SECONDS.

A thousand good clients listen all the time. Beside them others storm, churn,
stall, lie and abort, and the configuration is read again. At the start, every
minute and at the end, when the bad ones have left, a line tells memory,
descriptors and lost events. The status is 1 when an event was lost, the
descriptors are not what they were, or the memory grows.
"""

import os
import pathlib
import random
import signal
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "integration"), str(HERE.parent / "faults")]

import crowd            # noqa: E402  (found by the line above)
import fcgi_client      # noqa: E402
import responder        # noqa: E402
import tools            # noqa: E402

GOOD = 1000
STORM_MIN, STORM_MAX = 500, 2000
# Beside a storm there may be what is left of the fault before it. Fewer than
# four times the good ones, so that no memory is given back behind it.
STORM_FIRST = STORM_MAX + 500
HALVED = fcgi_client.get("/clock", X="x" * 5000)
# What may be there at the end that was not at the first line.
GROWTH_MAX = 0.05
GROWTH_KIB_MIN = 384
SETTLE_S = 30


class Faults:
    """What happens to the responder. Each fault takes about a second, and
    leaves no client behind."""

    def __init__(self, process, load, chance):
        self.process = process
        self.load = load
        self.chance = chance
        self.counts = {}

        self.all = [self.storm, self.churn, self.stall, self.silent,
                    self.garbage, self.abort, self.half, self.reload]

    def each(self):
        """With what takes the most memory of all that may follow."""
        self.storm(STORM_FIRST)
        self.half(len(HALVED) - 1)
        for fault in self.all:
            fault()

    def one(self):
        fault = self.chance.choice(self.all)
        self.counts[fault.__name__] = self.counts.get(fault.__name__, 0) + 1
        fault()

    def storm(self, count=None):
        storm = crowd.Crowd(
            self.load, self.process.address,
            count or self.chance.randrange(STORM_MIN, STORM_MAX))
        storm.leave()

    def churn(self):
        for number in range(500):
            with self.process.client() as client:
                client.send(fcgi_client.get(
                    "/clock", REMOTE_ADDR=f"10.0.0.{number % 250}"))
                client.recv_some()

    def held(self, data, count, seconds=1):
        with crowd.peers() as peers:
            try:
                peers.add(self.process.address, data, count)
            except OSError:
                pass            # closed already, as it may be
            time.sleep(seconds)

    def stall(self):
        self.held(crowd.jammed_request(self.process, "interval=100ms"), 200, 4)

    def silent(self):
        self.held(self.chance.choice(
            (b"", fcgi_client.get_values("FCGI_MAX_CONNS"))), 500, 3)

    def half(self, size=None):
        self.held(HALVED[:size or self.chance.randrange(len(HALVED))], 500)

    def garbage(self):
        for _ in range(200):
            with self.process.client() as client:
                try:
                    client.send(self.chance.choice((b"", fcgi_client.begin()))
                                + self.chance.randbytes(200))
                except OSError:
                    pass        # closed already

    def abort(self):
        self.held(fcgi_client.get("/clock", keep=True)
                  + fcgi_client.abort()
                  + fcgi_client.get("/page.js", keep=True), 300, 0.2)

    def reload(self):
        self.process.process.send_signal(signal.SIGHUP)


class Soak:
    def __init__(self, process, good, seconds):
        self.process = process
        self.good = good
        self.seconds = seconds
        self.fds = process.fd_count()
        self.samples_kib = []
        self.problems = []

    def sample(self, elapsed_s):
        """A line, once those that have left are gone."""
        try:
            responder.wait_until(
                lambda: self.process.fd_count() == self.fds,
                f"back to {self.fds} descriptors", SETTLE_S)
        except AssertionError as late:
            self.problems.append(str(late))
        found = self.good.report()
        lost = sum((found["closed"], found["window"]["missing"],
                    found["window"]["mismatched"]))
        if lost:
            self.problems.append(f"{lost} events or streams are lost")
        self.samples_kib.append(self.process.rss_kib())
        print(f"{elapsed_s:5.0f} s  memory {self.samples_kib[-1]:6d} KiB  "
              f"descriptors {self.process.fd_count():5d}  "
              f"events {found['window']['events']:8d}  lost {lost}",
              flush=True)

    def run(self, faults):
        step_s = min(60, self.seconds / 6)
        # Each fault once, so that what it needs for ever is there.
        faults.each()
        self.sample(0)
        began = time.monotonic()
        for number in range(1, round(self.seconds / step_s) + 1):
            while time.monotonic() < began + number * step_s:
                faults.one()
            self.sample(time.monotonic() - began)

    def slope_kib(self):
        """Growth a line, by least squares, above what the first line told.
        Memory that was given back after a storm and is taken again is not
        growth.
        """
        values = [max(value, self.samples_kib[0])
                  for value in self.samples_kib[1:]]
        mean_at, mean = (len(values) - 1) / 2, sum(values) / len(values)
        above = sum((at - mean_at) * (value - mean)
                    for at, value in enumerate(values))
        return above / sum((at - mean_at) ** 2 for at in range(len(values)))

    def judge(self):
        lines = len(self.samples_kib) - 2
        slope_kib, base_kib = self.slope_kib(), self.samples_kib[0]
        growth_kib = slope_kib * lines
        print(f"slope {slope_kib:.1f} KiB a line, {growth_kib:.0f} KiB in all")
        if not responder.is_sanitized() and growth_kib > max(
                GROWTH_KIB_MIN, base_kib * GROWTH_MAX):
            self.problems.append(f"memory grows by {growth_kib:.0f} KiB")


def main():
    seconds = float(os.environ.get("SOAK_SECONDS", "1800"))
    seed = int(os.environ.get("TEST_SEED", "0")) or random.randrange(1 << 32)
    print(f"soak: {seconds:.0f} s, TEST_SEED={seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="fcgi-sse-soak-") as name:
        directory = pathlib.Path(name)
        load = tools.Tools(directory).load
        address = f"unix:{directory}/sock"
        process = responder.Responder(
            ["--listen", address, "--stall-timeout", "2s",
             "--request-timeout", "2s", "--log", f"{directory}/log",
             "--log-level", "error"], [address], await_ready=False)
        process.wait_up()
        good = crowd.Crowd(load, address, GOOD, interval_ms=500)
        soak = Soak(process, good, seconds)
        faults = Faults(process, load, random.Random(seed))
        try:
            soak.run(faults)
            soak.judge()
        finally:
            good.leave()
            process.stop()
    print("faults:", ", ".join(f"{name} {count}" for name, count
                               in sorted(faults.counts.items())))
    for problem in soak.problems:
        print("FAILED", problem)
    return 1 if soak.problems else 0


if __name__ == "__main__":
    sys.exit(main())
