"""Somebody sets the clock that tokens are judged by. Nobody reads for longer
than was said when the stream began, and good tokens stay good."""

import time

import pytest

from hub import start_hub
from responder import wait_until
from tokens import bearer, key_args, new, old

PATH = "/.well-known/mercure"
HOUR_S = 3600
ENDS_S = 5


class Clock:
    """The responder's time of day, off by as much as its file says."""

    def __init__(self, path):
        self.path = path
        self.set(0)

    def set(self, offset_s):
        self.offset_s = offset_s
        after = self.path.with_suffix(".new")
        after.write_text(str(offset_s))
        after.rename(self.path)

    def now(self):
        return time.time() + self.offset_s


@pytest.fixture(name="clock")
def fixture_clock(tmp_path):
    return Clock(tmp_path / "clock")


@pytest.fixture(name="hub")
def fixture_hub(fcgi_sse, short_dir, tools, clock):
    return start_hub(fcgi_sse, short_dir, *key_args(short_dir),
                     env=tools.preloaded(clock=clock.path))


def status(hub, token):
    return hub.process.ask(PATH, "topic=t", method="HEAD",
                           **bearer(token)).status.split()[0]


def tokens(**claims):
    return old(subscribe=["*"], **claims), new(["subscribe"], **claims)


def read_to_end(reader, wait_s=30):
    reader.client.recv_until(reader.answer, lambda answer: answer.end, wait_s)
    return [event.type for event in reader.events]


@pytest.mark.parametrize("offset_s", [0, HOUR_S, -HOUR_S])
def test_times_are_those_of_the_clock(hub, clock, offset_s):
    """Of the clock as it is now, for tokens that are known already too."""
    now = time.time()
    for token in tokens(exp=now + 600, nbf=now - 600, iat=now + 9 * HOUR_S):
        assert status(hub, token) == "200"
        clock.set(offset_s)
        assert status(hub, token) == ("401" if offset_s else "200")
        clock.set(0)
        assert status(hub, token) == "200"
    late = tokens(exp=now - 600, nbf=now - 2 * HOUR_S)
    early = tokens(exp=now + 2 * HOUR_S, nbf=now + 600)
    clock.set(offset_s)
    for token in late:
        assert status(hub, token) == ("200" if offset_s < 0 else "401")
    for token in early:
        assert status(hub, token) == ("200" if offset_s > 0 else "401")


def test_the_clock_is_set_back(hub, clock):
    """A stream ends when its token's time would have been over; one that
    begins then has the whole time of its token."""
    began = time.monotonic()
    readers = [hub.subscribe("t", path=PATH, **bearer(token))
               for token in tokens(exp=clock.now() + ENDS_S)]
    for_ever = hub.subscribe("t", path=PATH, **bearer(old(subscribe=["*"])))
    clock.set(-HOUR_S)
    stays = [hub.subscribe("t", path=PATH, **bearer(token))
             for token in tokens(exp=clock.now() + 600)]
    for reader in readers:
        assert read_to_end(reader) == ["token-expired"]
    assert ENDS_S - 2 < time.monotonic() - began
    # Set right again, the others do not end before their time.
    clock.set(-HOUR_S + 300)
    hub.publish("t", "all are there")
    for reader in [*stays, for_ever]:
        assert reader.take(1)[0].data == "all are there"
    hub.process.wait_log("disconnect", 2)
    lines = [line for line in hub.process.log if line.has(event="disconnect")]
    assert [line["reason"] for line in lines] == ["token-expired"] * 2


def test_the_clock_is_set_back_and_right_again(hub, clock):
    """What was good all the time is not ended."""
    reader = hub.subscribe("t", path=PATH, **bearer(old(
        subscribe=["*"], exp=clock.now() + 600)))
    for offset_s in -HOUR_S, 0, -2 * HOUR_S, -300, 0:
        clock.set(offset_s)
        # Another one begins, by which the clock is looked at.
        other = hub.subscribe("t", path=PATH, **bearer(old(
            subscribe=["*"], exp=clock.now() + 600)))
        hub.publish("t", str(offset_s))
        assert other.take(1)[0].data == str(offset_s)
        other.close()
    assert [event.data for event in reader.take(5)][-1] == "0"


def test_the_clock_is_set_forward(hub, clock):
    """Whose time is over by it is sent away, once the clock is looked at."""
    short = [hub.subscribe("t", path=PATH, **bearer(token))
             for token in tokens(exp=clock.now() + 600)]
    long = hub.subscribe("t", path=PATH, **bearer(old(
        subscribe=["*"], exp=clock.now() + 2 * HOUR_S)))
    clock.set(HOUR_S)
    for reader in short:
        assert read_to_end(reader) == ["token-expired"]
    hub.publish("t", "x")
    assert long.take(1)[0].data == "x"
    wait_until(lambda: hub.metric("streams_open") == 1, "one is left")
