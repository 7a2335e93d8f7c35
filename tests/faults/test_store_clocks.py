"""The wall clocks of those who share a log disagree: ids ascend all the same,
and everybody has every event once, in one order."""

import os
import shutil
import socket
import subprocess

import pytest

from hub import start_hub
from responder import clean_environ, wait_until

HOUR_S, DAY_S = 3600, 86400
# Seconds from now back to a day of the year 2000.
TO_2000_S = -26 * 366 * DAY_S
REDIS = shutil.which("redis-server",
                     path=os.environ["PATH"] + ":/usr/sbin")


class Clock:
    """A wall clock that is wrong by as much as its file says."""

    def __init__(self, path):
        self.path = path
        self.set(0)

    def set(self, offset_s):
        after = self.path.with_suffix(".new")
        after.write_text(str(offset_s))
        after.rename(self.path)


@pytest.fixture
def clock(tmp_path):
    return Clock(tmp_path / "clock")


def is_listening(path):
    with socket.socket(socket.AF_UNIX) as sock:
        return sock.connect_ex(str(path)) == 0


@pytest.fixture
def broker(short_dir, tools, clock):
    """Starts a Redis whose clock is that one."""
    path = short_dir / "redis"
    running = []

    def start():
        running.append(subprocess.Popen(
            [REDIS, "--port", "0", "--unixsocket", path, "--save", "",
             "--dir", str(short_dir)], stdout=subprocess.DEVNULL,
            env=clean_environ({"LD_PRELOAD": str(tools.shim_of_others),
                               "SHIM_CLOCK": str(clock.path)})))
        wait_until(lambda: is_listening(path), "Redis")
        return f"redis+unix:{path}"

    yield start
    for process in running:
        process.kill()
        process.wait()


class Followed:
    """Hubs of one log, and what a reader at each is to have."""

    def __init__(self, *hubs):
        self.hubs = list(hubs)
        self.readers = [hub.subscribe("t") for hub in hubs]
        self.sent, self.ids = [], []

    def publish_by_all(self):
        for hub in self.hubs * 2:
            self.sent.append(str(len(self.sent)))
            self.ids.append(hub.publish("t", self.sent[-1]))

    def check(self):
        assert self.ids == sorted(set(self.ids))
        for reader in self.readers:
            events = reader.take(len(self.sent))
            assert [event.data for event in events] == self.sent
            assert [event.id for event in events] == self.ids
        for hub in self.hubs:
            half = len(self.sent) // 2
            assert hub.replay("t", last=self.ids[half - 1]) == (
                self.ids[half - 1], self.sent[half:])


    def check_span(self):
        """The clock was a day on in between, and ids do not go back."""
        first_ms, last_ms = (int(made.replace("-", "")[:12], 16)
                             for made in (self.ids[0][-36:],
                                          self.ids[-1][-36:]))
        assert last_ms - first_ms >= DAY_S * 1000


OFFSETS_S = [-HOUR_S, HOUR_S, DAY_S, 0, TO_2000_S, -DAY_S]


def test_one_of_two_processes_has_a_wrong_clock(fcgi_sse, short_dir, tools,
                                                clock):
    store = ("--store", f"sqlite:{short_dir}/log")
    right = start_hub(fcgi_sse, short_dir, *store)
    wrong = start_hub(fcgi_sse, short_dir, *store,
                      env=tools.preloaded(clock=clock.path))
    both = Followed(right, wrong)
    for offset_s in OFFSETS_S:
        clock.set(offset_s)
        both.publish_by_all()
        both.check()
    both.check_span()


def test_a_machine_starts_in_the_year_2000(fcgi_sse, short_dir, tools, clock):
    """Its clock is put right later. What was kept is still there."""
    store = ("--store", f"sqlite:{short_dir}/log")
    env = tools.preloaded(clock=clock.path)
    before = Followed(start_hub(fcgi_sse, short_dir, *store, env=env))
    before.publish_by_all()
    before.check()
    before.hubs[0].process.stop()
    clock.set(TO_2000_S)
    after = Followed(start_hub(fcgi_sse, short_dir, *store, env=env))
    assert after.hubs[0].replay("t", last=before.ids[0]) == (
        before.ids[0], before.sent[1:])
    after.publish_by_all()
    clock.set(0)
    after.publish_by_all()
    after.check()
    assert after.ids[0] > before.ids[-1]


@pytest.mark.skipif(not REDIS, reason="no redis-server")
def test_the_clock_of_the_broker_is_set(fcgi_sse, short_dir, broker, clock):
    url = broker()
    both = Followed(*(start_hub(fcgi_sse, short_dir, "--store", url)
                      for _ in range(2)))
    for offset_s in OFFSETS_S:
        clock.set(offset_s)
        both.publish_by_all()
        both.check()
    both.check_span()
