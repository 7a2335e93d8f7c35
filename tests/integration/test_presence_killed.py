"""Presence where each stream has a process of its own: of one that was killed
the others tell that its subscribers have left, each once; and if there is no
other, the next that comes.
"""

import contextlib
import json
import os
import random
import signal
import time

from cgi_program import read_some
from responder import wait_until
from test_presence_shared import (          # noqa: F401
    ALL, count, fixture_site, program, wait_listed)

WAIT_S = 60


class Listener:
    """A program that has a stream of all topics, with all that is kept."""

    def __init__(self, started, answer):
        self.process = started.process
        self.answer = answer

    def told(self, *topics):
        """Whether active, whose, and the topic, of these, in order."""
        documents = [json.loads(event.data) for event in self.answer.events
                     if event.data.startswith("{")]
        return [(document["active"], document["subscriber"],
                 document["topic"])
                for document in documents if document["topic"] in topics]

    def left_count(self, *topics):
        return sum(not active for active, *_ in self.told(*topics))

    def read_until(self, is_enough):
        deadline = time.monotonic() + WAIT_S
        while not is_enough():
            piece = read_some(self.process.stdout)
            assert piece, "the stream has ended"
            assert time.monotonic() < deadline, self.answer.body
            self.answer.out += piece

    def wait_told(self, *topics, came, left):
        """Until so many have come and left; then nobody has left twice."""
        def is_enough():
            found = self.told(*topics)
            return (sum(active for active, *_ in found) >= came
                    and sum(not active for active, *_ in found) >= left)
        self.read_until(is_enough)
        found = self.told(*topics)
        assert len(set(found)) == len(found) == came + left
        return found


@contextlib.contextmanager
def listen(site):
    with program(site, "topic=*", HTTP_LAST_EVENT_ID="earliest",
                 **ALL) as (started, answer):
        yield Listener(started, answer)


def join(stack, site, *topics):
    query = "&".join("topic=" + topic for topic in topics)
    started, _ = stack.enter_context(program(site, query, **ALL))
    return started.process


def kill(*processes):
    for process in processes:
        os.kill(process.pid, signal.SIGKILL)
    for process in processes:
        process.wait()


def wills(site):
    """What is left to be said, of those that were killed or live."""
    return [path for folder in site.directory.rglob("*-wills")
            for path in folder.iterdir()]


def test_others_tell_that_a_killed_one_has_left(site):
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(listen(site))
        first, second = join(stack, site, "/a", "/b"), join(stack, site, "/a")
        listener.wait_told("/a", came=2, left=0)
        listener.wait_told("/b", came=1, left=0)
        kill(first)
        [(_, gone, _), _] = listener.wait_told("/b", came=1, left=1)
        found = listener.wait_told("/a", came=2, left=1)
        assert (False, gone, "/a") in found
        # Those who serve many streams know of the same.
        hubs = [site.start() for _ in range(2)]
        wait_listed(hubs, {"/a": 1, "*": 1})
        kill(second)
        listener.wait_told("/a", came=2, left=2)
        wait_listed(hubs, {"*": 1})
        assert [count(hub, topic) for hub in hubs for topic in ("/a", "/b")] \
            == [0] * 4
        wait_until(lambda: len(wills(site)) == 1, "only the listener's")


def test_the_next_one_tells_that_all_were_killed(site):
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(listen(site))
        first, second = join(stack, site, "/a", "/b"), join(stack, site, "/b")
        listener.wait_told("/a", came=1, left=0)
        listener.wait_told("/b", came=2, left=0)
        kill(first, second, listener.process)
        # Several come at the same time.
        for again in [stack.enter_context(listen(site)) for _ in range(3)]:
            again.wait_told("/a", came=1, left=1)
            again.wait_told("/b", came=2, left=2)
        wait_until(lambda: len(wills(site)) == 3, "only those who live")
    # An orderly end leaves nothing to be said.
    with listen(site) as listener:
        listener.wait_told("/a", "/b", came=3, left=3)


def test_who_tells_it_is_killed_too(site):
    """At whatever moment: the next one goes on, and says nothing twice."""
    topics = [f"/{number}" for number in range(60)]
    with contextlib.ExitStack() as stack:
        with listen(site) as listener:
            first = join(stack, site, *topics)
            listener.wait_told(*topics, came=60, left=0)
            kill(first, listener.process)
        for _ in range(6):
            with listen(site) as listener:
                listener.read_until(lambda: listener.left_count(*topics)
                                    >= random.randrange(1, 60))
                kill(listener.process)
        with listen(site) as listener:
            listener.wait_told(*topics, came=60, left=60)
            # All who told it have left, too; their ends may be behind it.
            listener.read_until(
                lambda: len({whose for _, whose, _ in listener.told("*")})
                == listener.left_count("*") + 1)
            listener.wait_told(*topics, came=60, left=60)


def test_who_was_only_suspended_is_there_again(site):
    """Whoever serves many streams takes it for dead."""
    hub = site.start()
    with contextlib.ExitStack() as stack:
        process = join(stack, site, "/a")
        wait_listed([hub], {"/a": 1})
        process.send_signal(signal.SIGSTOP)
        wait_listed([hub], {})
        process.send_signal(signal.SIGCONT)
        wait_listed([hub], {"/a": 1})
        with listen(site) as listener:
            came, left, again = listener.wait_told("/a", came=2, left=1)
        assert came[1] == left[1] != again[1]
        assert [came[0], left[0], again[0]] == [True, False, True]


def test_a_will_that_is_damaged(site):
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(listen(site))
        first = join(stack, site, "/a", "/b")
        listener.wait_told("/a", "/b", came=2, left=0)
        own = next(path for path in wills(site)
                   if b"/a" in path.read_bytes())
        good = own.read_bytes()
        lines = [b"", b"+", b"+[", b"+[1]", b"-{}", b"\0\xff\n", b"[" * 9000,
                 good.split(b"\n")[0].replace(b"/a", b"/c").replace(
                     own.name.encode(), b"0123456789ab")]
        own.write_bytes(b"\n".join(lines) + b"\n" + good + good[:30])
        (own.parent / "00000000000a").write_bytes(b"garbage\n" * 1000)
        (own.parent / "00000000000a").chmod(0o600)
        kill(first)
        listener.wait_told("/a", "/b", came=2, left=2)
        assert listener.told("/c") == []
        wait_until(lambda: len(wills(site)) == 1, "only the listener's")
        wait_listed([site.start()], {"*": 1})
