"""How late an event is when many clients take turns on an Apache of 20 workers,
of which 14 are for streams, and how long a page of the site takes meanwhile.

    FCGI_SSE=PROGRAM tests/bench/turns_apache.py [CLIENTS [SECONDS...]]

For each number of seconds, as --turn-max, and each MPM one row. It needs what
tests/servers needs.
"""

import pathlib
import sys
import threading
import time

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "servers"), str(TESTS / "integration")]

# pylint: disable=wrong-import-position
import streams
from deployed import ApachePreforkTurns, ApacheTurns
from followers import Followers
from responder import wait_until
from turns import TurnSite

MPMS = {"event": ApacheTurns, "prefork": ApachePreforkTurns}
PAGE_EVERY_S = 0.05
PAGE = "page.txt"


class Timed(Followers):
    """They note how late each event is."""

    def __init__(self, *args):
        self.publisher = None
        self.delays = []
        self.lost = self.twice = 0
        super().__init__(*args)

    def _take(self, one, block):
        had, now = one.last, time.monotonic()
        super()._take(one, block)
        if "data: " not in block or "event: refused" in block:
            return
        self.delays.append(now - self.publisher.sent_at[one.last])
        self.lost += max(0, one.last - had - 1)
        self.twice += one.last <= had


def part(values, percent):
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]


class Pages:
    """Somebody who looks at the site's own pages, one after the other."""

    def __init__(self, port):
        self.port = port
        self.seconds = []
        self.is_ending = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.is_ending:
            began = time.monotonic()
            page = streams.ask(self.port, f"/{PAGE}")
            assert page.status == 200
            self.seconds.append(time.monotonic() - began)
            time.sleep(PAGE_EVERY_S)

    def end(self):
        self.is_ending = True
        self.thread.join(20)


def measure(name, site, count, turn_s):
    with site:
        followers = site.follow(Timed, count)
        wait_until(lambda: all(one.last_id for one in followers.all),
                   "all know their position", 30 + 5 * turn_s)
        publisher = followers.publisher = site.publish()
        pages = Pages(site.port)
        time.sleep(20 + 2 * turn_s)
        pages.end()
        sent = publisher.end()
        wait_until(lambda: followers.have(sent), "all have all",
                   30 + 5 * turn_s)
        print(f"| {name} | {count} | {turn_s} s | "
              f"{part(followers.delays, 50):.1f} s | "
              f"{part(followers.delays, 99):.1f} s | {followers.lost} | "
              f"{followers.twice} | {part(pages.seconds, 99) * 1000:.0f} ms |",
              flush=True)


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    turns_s = [int(word) for word in sys.argv[2:]] or [1, 5, 15, 60]
    print("| MPM | clients | turn-max | median | 99 of 100 | lost | twice | "
          "page, 99 of 100 |\n|---|---|---|---|---|---|---|---|")
    for mpm in MPMS:
        for turn_s in turns_s:
            measure(mpm, TurnSite(MPMS[mpm], turn_max=f"{turn_s}s"), count,
                    turn_s)


if __name__ == "__main__":
    main()
