"""Web servers that start a process for each stream, and one of these is killed:
the others announce that its subscribers have left, and if all were killed, the
next one does. What serves many streams with the same store lists the same.
"""

import contextlib
import json
import os
import signal
import sys

import pytest

import fcgi_client
from mercure_path import add_keys
from place import External
from responder import ROOT, wait_until
from servers import FRONTS, Site, Started
import streams

sys.path.append(str(ROOT / "tests" / "integration"))

from tokens import bearer, old          # noqa: E402  (found by the line above)

ALL = {"Authorization": bearer(old(subscribe=["*"]))["HTTP_AUTHORIZATION"]}


class Presence(Started):
    """A site whose streams have a process each, and two beside it that serve
    many with the same store."""

    def __init__(self, name):
        self.site = Site(next(one for one in FRONTS if one.name == name))
        self.place = self.site.place
        add_keys(self.place)
        self.place.set_environ(
            FCGI_SSE_STORE=f"sqlite:{self.place.dir}/log.db",
            FCGI_SSE_ANONYMOUS="yes", FCGI_SSE_COUNT="yes",
            FCGI_SSE_SUBSCRIPTIONS="0.x", FCGI_SSE_SUBSCRIPTIONS_LEASE="9s")
        self.hubs = [External(self.place, f"unix:{self.place.dir}/hub{number}")
                     for number in range(2)]

    def start(self):
        self.site.start()

    def stop(self):
        self.site.stop()
        for hub in self.hubs:
            hub.stop()
        for pid in self.site.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not self.site.processes(), "they end")

    def join(self, topic):
        stream = self.site.open(f"/events?topic={topic}", headers=ALL)
        assert stream.status == 200
        return stream

    def listen(self):
        """What it tells begins with all that is kept."""
        return self.join("*&lastEventID=earliest")

    def known(self):
        """What each of the hubs lists and counts, and its tag."""
        found = []
        for hub in self.hubs:
            answer = fcgi_client.ask(
                hub.listen, "/events/subscriptions",
                HTTP_AUTHORIZATION=ALL["Authorization"])
            topics = [one["topic"] for one in
                      json.loads(answer.body)["subscriptions"]]
            counts = [int(fcgi_client.ask(hub.listen, "/events/count",
                                          f"topic={topic}").body)
                      for topic in ("/a", "/b")]
            found.append((topics, counts, answer.headers["ETag"]))
        return found

    def wait_known(self, *topics):
        """Until both know of these and of nothing else."""
        def is_so():
            first, second = self.known()
            return (first == second and sorted(first[0]) == sorted(topics)
                    and first[1] == [topics.count("/a"), topics.count("/b")])
        wait_until(is_so, f"both know of {topics}", 60)


def wait_told(stream, told, came, left):
    """Reads until of /a and /b together so many have come and left, and nobody
    twice; told: what was read of them before."""
    def is_enough():
        return [sum(one[1] == active for one in told)
                for active in (True, False)] == [came, left]
    while not is_enough():
        event = stream.read_event()
        if event.data and event.data.startswith("{"):
            document = json.loads(event.data)
            one = document["topic"], document["active"], document["subscriber"]
            if one[0] != "*":
                assert one not in told
                told.append(one)


def kill(pids):
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("name", ["lighttpd-cgi", "apache-cgi",
                                  "apache-fcgid"])
def test_a_killed_process(name):
    with Presence(name) as presence, contextlib.ExitStack() as stack:
        site, told = presence.site, []
        listener = stack.enter_context(presence.listen())
        listening = set(site.processes())
        for topic in "/a", "/b":
            stack.enter_context(presence.join(topic))
        wait_told(listener, told, came=2, left=0)
        victims = [pid for pid in site.processes() if pid not in listening]
        assert len(victims) == 2
        kill(victims[:1])
        wait_told(listener, told, came=2, left=1)
        for hub in presence.hubs:
            hub.start()
        there = {"/a", "/b"} - {told[-1][0]}
        presence.wait_known("*", *there)
        # What is listed without them, too, when all were killed.
        kill([*victims[1:], *listening])
        told.clear()
        with presence.listen() as late:
            wait_told(late, told, came=2, left=2)
            presence.wait_known("*")
            stack.enter_context(presence.join("/b"))
            wait_told(late, told, came=3, left=2)
            presence.wait_known("*", "/b")
