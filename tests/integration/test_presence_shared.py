"""Presence of all processes that share a store: any of them lists and counts
the subscribers of all, and tells of one that died that its have left."""

import contextlib
import itertools
import json
import os
import signal
import urllib.parse

import pytest

from cgi_program import Program
from hub import END, Hub, Subscriber, write_keys
from responder import Responder, wait_until
from test_presence import ADA, BELOW, CLIENT, segment, told, wait_told
from tokens import bearer, key_args, old, sign

ALL = bearer(old(publish=["*"], subscribe=["*"]))
# Long enough for a process that a busy machine holds up.
LEASE = ["--subscriptions-lease", "5s"]


class Site:
    """Processes with one store."""

    def __init__(self, directory, store):
        self.numbers = itertools.count()
        self.directory = directory
        self.args = ["--store", store, "--anonymous", "yes",
                     "--subscriptions", "0.x", *LEASE, "--publish-key-file",
                     str(write_keys(directory)), *key_args(directory), "--count"]
        self.processes = []

    def start(self, *args):
        address = f"unix:{self.directory}/p{next(self.numbers)}"
        process = Responder(["--listen", address, *self.args, *args],
                            [address])
        self.processes.append(process)
        return Hub(process)

    def stop(self):
        for process in self.processes:
            if process.is_alive():
                process.stop()


@pytest.fixture(name="site", params=["sqlite", "redis"])
def fixture_site(request, short_dir):
    store = f"sqlite:{short_dir}/log"
    if request.param == "redis":
        server = request.getfixturevalue("redis_of_all")
        store = f"{server.url}?key=presence-{short_dir.name}"
    made = Site(short_dir, store)
    yield made
    made.stop()


def join(hub, *topics, **changes):
    query = urllib.parse.urlencode([("topic", topic) for topic in topics])
    return Subscriber(hub.process, query, **{**CLIENT, **changes})


def kill(hub):
    hub.process.process.kill()
    hub.process.process.wait()


def ask_list(hub, *parts, token=ALL, **changes):
    path = "/".join(["/events/subscriptions", *map(segment, parts)])
    plain = "/".join(["/events/subscriptions", *parts])
    return hub.process.ask(plain, SCRIPT_NAME=plain, REQUEST_URI=path,
                           **{**CLIENT, **token, **changes})


def listed(hub, *parts):
    """The topics in the list, and how many subscribers each has."""
    answer = ask_list(hub, *parts)
    assert answer.status == "200 OK", answer.body
    topics = [one["topic"] for one in
              json.loads(answer.body)["subscriptions"]]
    return {topic: topics.count(topic) for topic in topics}


def count(hub, topic):
    answer = hub.process.ask("/events/count", "topic=" + segment(topic))
    assert answer.status == "200 OK", answer.body
    return int(answer.body)


def wait_listed(hubs, topics):
    """Until each process knows of all, and of nothing else."""
    for hub in hubs:
        wait_until(lambda hub=hub: listed(hub) == topics
                   == {topic: count(hub, topic) for topic in topics},
                   f"all of {topics}", 30)


def test_a_template_is_no_topic_that_is_counted(site):
    first, second = site.start(), site.start()
    with contextlib.closing(join(first, "/a/{id}", "/a/{", "/b")):
        wait_until(lambda: count(second, "/b") == 1, "it is heard of")
        assert count(second, "/a/{id}") == count(first, "/a/{id}") == 0


def test_each_knows_of_all(site):
    hubs = [site.start() for _ in range(3)]
    token = bearer(sign({"alg": "HS256", "typ": "JWT"},
                        {"mercure": {"subscribe": [], "payload": ADA}}))
    readers = [join(hubs[0], "/a", "/b"), join(hubs[1], "/a", **token),
               join(hubs[2], "/c")]
    wait_listed(hubs, {"/a": 2, "/b": 1, "/c": 1})
    for hub in hubs:
        assert listed(hub, "/a") == {"/a": 2}
        assert count(hub, "/d") == 0
    # The order, the payload and the tag are the same everywhere.
    wait_until(lambda: len({(answer.headers["ETag"], answer.body)
                            for answer in map(ask_list, hubs)}) == 1,
               "the same list", 20)
    answer = ask_list(hubs[0])
    assert ask_list(hubs[2], HTTP_IF_NONE_MATCH=answer.headers["ETag"]
                    ).status == "304 Not Modified"
    [ada] = [one for one in json.loads(answer.body)["subscriptions"]
             if one.get("payload") == ADA]
    for hub in hubs:
        alone = json.loads(ask_list(hub, "/a", ada["subscriber"]).body)
        assert alone.pop("lastEventID")
        assert {**ada, "@context": "https://mercure.rocks/"} == alone
        assert ask_list(hub, "/b", ada["subscriber"]).status \
            == "404 Not Found"
    # Who may see it is the same for those of other processes.
    own = bearer(old(subscribe=[f"{BELOW}/%2Fb{{/who}}"]))
    assert ask_list(hubs[1], "/b", token=own).status == "200 OK"
    assert ask_list(hubs[1], "/a", token=own).status == "403 Forbidden"
    assert ask_list(hubs[1], token=own).status == "403 Forbidden"
    assert ask_list(hubs[1], token={}).status == "401 Unauthorized"
    readers[1].close()
    wait_listed(hubs, {"/a": 1, "/b": 1, "/c": 1})
    for reader in readers[::2]:
        reader.close()


def test_a_killed_process_has_left_once(site):
    hubs = [site.start() for _ in range(3)]
    subscribers = [hub.subscribe("*", **ALL) for hub in hubs[1:]]
    readers = [join(hubs[0], "/a", "/b"), join(hubs[1], "/a")]
    for subscriber in subscribers:
        wait_told(subscriber, 2, "/a")
        wait_told(subscriber, 1, "/b")
    kill(hubs[0])
    for subscriber in subscribers:
        [gone] = wait_told(subscriber, 1, "/b", is_active=False)
        wait_told(subscriber, 1, "/a", is_active=False)
        assert gone[1]["subscriber"] in {
            one[1]["subscriber"] for one in told(subscriber, "/b")}
    wait_listed(hubs[1:], {"/a": 1, "*": 2})
    # One that starts later learns of those who are there, not of the dead.
    hubs[0] = site.start()
    wait_listed(hubs, {"/a": 1, "*": 2})
    readers.append(join(hubs[0], "/b"))
    wait_listed(hubs, {"/a": 1, "/b": 1, "*": 2})
    for subscriber in subscribers:
        wait_told(subscriber, 2, "/b")
        assert len(told(subscriber, "/a")) == 3
        assert len(told(subscriber, "/b")) == 3
        assert all("lease" not in event.data for event in subscriber.events)
        subscriber.close()
    log = [line for hub in hubs[1:] for line in hub.process.lines
           if " presence-ended " in line]
    assert len(log) == 1 and "subscriptions=2" in log[0]
    for reader in readers[1:]:
        reader.close()


def test_who_starts_later_learns_what_the_log_has_no_more(site):
    site.args += ["--history-age", "1s"]
    first = site.start()
    readers = [join(first, "/a", f"/{number}", REMOTE_ADDR=f"192.0.2.{number}")
               for number in range(20)]
    topics = {"/a": 20, **{f"/{number}": 1 for number in range(20)}}
    wait_until(lambda: first.metric("store_published_total") >= 40,
               "all are announced", 20)
    wait_until(lambda: first.metric("store_updates") < 10,
               "the log has forgotten them", 60)
    second = site.start()
    wait_listed([first, second], topics)
    assert second.metric("presence_others") == 40
    assert second.metric("presence_others_unheard_total") == 0
    first.process.stop()
    wait_listed([second], {})
    for reader in readers:
        reader.close()


def test_who_was_only_suspended_is_there_again(site):
    first, second = site.start(), site.start()
    subscriber = second.subscribe("*", **ALL)
    reader = join(first, "/a")
    wait_told(subscriber, 1, "/a")
    first.process.process.send_signal(signal.SIGSTOP)
    wait_told(subscriber, 1, "/a", is_active=False)
    wait_listed([second], {"*": 1})
    first.process.process.send_signal(signal.SIGCONT)
    wait_told(subscriber, 2, "/a")
    wait_listed([first, second], {"/a": 1, "*": 1})
    # It has left once, and what has come is a subscription of its own.
    came, left, again = told(subscriber, "/a")
    assert [one[1]["active"] for one in (came, left, again)] \
        == [True, False, True]
    assert came[1]["subscriber"] == left[1]["subscriber"] \
        != again[1]["subscriber"]
    for stream in reader, subscriber:
        stream.close()


@contextlib.contextmanager
def program(site, query, enough=lambda answer: answer.head, **changes):
    """A stream of a process of its own, by CGI, and what it answers at first.
    """
    env = {"XDG_STATE_HOME": str(site.directory)}
    for name, value in zip(site.args[::2], site.args[1::2]):
        if name in ("--store", "--subscriptions", "--subscriptions-lease",
                    "--token-key", "--token-audience"):
            name = "FCGI_SSE_" + name[2:].upper().replace("-", "_")
            # Of the two keys that of the older dialect.
            env.setdefault(name, value)
    with Program("/events", query, env=env, **changes) as started:
        yield started, started.read_until(enough)


def test_a_killed_program_of_cgi_has_left(site):
    hub = site.start()
    subscriber = hub.subscribe("*", **ALL)
    with program(site, "topic=/a", **ALL) as (started, _):
        wait_told(subscriber, 1, "/a")
        wait_listed([hub], {"/a": 1, "*": 1})
        os.kill(started.process.pid, signal.SIGKILL)
        wait_told(subscriber, 1, "/a", is_active=False)
    wait_listed([hub], {"*": 1})
    subscriber.close()


def test_nobody_can_write_or_read_it(site):
    hub = site.start()
    reader = join(hub, "/a")
    wait_listed([hub], {"/a": 1})
    wait_until(lambda: hub.metric("store_updates") >= 2, "a record")
    topic = "/.well-known/mercure/lease"
    for changes in {}, ALL:
        answer = hub.post([("topic", topic), ("data", "{}")], **changes)
        assert answer.status == "400 Bad Request"
        assert b"reserved" in answer.body
    field, events = hub.replay("*", topic, last="earliest", **ALL)
    assert field and events
    assert not any('"process"' in event for event in events)
    with program(site, "topic=*", HTTP_LAST_EVENT_ID="earliest",
                 enough=lambda answer: answer.head and any(
                     event.type == END for event in answer.events),
                 **ALL) as (_, answer):
        assert b'"subscriber"' in answer.body
        assert b'"process"' not in answer.body
    reader.close()
