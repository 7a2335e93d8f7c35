"""Private updates tell who subscribes to what, in the shapes of both dialects,
as long as somebody does.
"""

import json
import pathlib
import re
import tempfile
import time
import urllib.parse

import pytest

from hub import END, Hub, Subscriber, write_keys
from responder import Responder, wait_until
from tokens import bearer, key_args, new, old, sign

ALL = bearer(old(publish=["*"], subscribe=["*"]))
CLIENT = {"REMOTE_ADDR": "192.0.2.7"}
BELOW = "/.well-known/mercure/subscriptions"
ADA = {"name": "Ada", "tags": ["ä", None, 1]}


def start(directory, mode, *args):
    address = f"unix:{directory}/s{mode}{len(args)}"
    process = Responder(["--listen", address, "--publish-key-file",
                         str(write_keys(directory)), "--anonymous", "yes",
                         "--subscriptions", mode, *args,
                         *key_args(directory)], [address])
    return Hub(process)


@pytest.fixture(name="hubs", scope="module")
def fixture_hubs():
    """A hub for each value of the option, started when it is wanted."""
    started = {}
    with tempfile.TemporaryDirectory(prefix="fcgi-sse-") as name:
        def get(mode):
            if mode not in started:
                started[mode] = start(pathlib.Path(name), mode)
            return started[mode]
        try:
            yield get
        finally:
            for hub in started.values():
                hub.process.stop()


@pytest.fixture(name="name")
def fixture_name(request):
    """A topic that no other test has."""
    return "/" + request.node.name.replace("[", "/").replace("]", "")


def listen(hub):
    return hub.subscribe("*", **ALL)


def subscribe(hub, query, **changes):
    return Subscriber(hub.process, urllib.parse.urlencode(query),
                      **{**CLIENT, **changes})


def publish_end(hub, topic, data):
    """On a connection of its own: the hub may have been idle for long."""
    answer = hub.post([("topic", topic), ("data", data), ("type", END)])
    assert answer.status == "200 OK"


def told(listener, *selectors):
    """What was announced of these selectors: (event's type, document)."""
    documents = [(event.type, json.loads(event.data))
                 for event in listener.events if event.data.startswith("{")]
    return [(type_, document) for type_, document in documents
            if document.get("topic", document.get("match")) in selectors]


def wait_told(listener, count, *selectors, is_active=True):
    def found():
        return [one for one in told(listener, *selectors)
                if one[1]["active"] == is_active]
    listener.client.recv_until(listener.answer,
                               lambda _: len(found()) >= count, 20)
    assert len(found()) == count
    return found()


def segment(text):
    return urllib.parse.quote(text, safe="")


def check_old(one, selector, is_active, **more):
    type_, document = one
    subscriber = document["subscriber"]
    assert type_ == "message"
    assert subscriber.startswith("urn:uuid:")
    assert document == {
        "@context": "https://mercure.rocks/", "type": "Subscription",
        "id": f"{BELOW}/{segment(selector)}/{segment(subscriber)}",
        "topic": selector, "subscriber": subscriber, "active": is_active,
        **more}


def check_new(one, kind, selector, is_active, **more):
    type_, document = one
    subscriber = document["subscriber"]
    assert type_ == "mercure"
    assert document == {
        "type": "subscription", "match_type": kind, "match": selector,
        "id": f"{BELOW}/{kind}/{segment(selector)}/{segment(subscriber)}",
        "subscriber": subscriber, "active": is_active, **more}


def test_join_and_leave_as_in_0_x(hubs, name):
    hub = hubs("0.x")
    selector = f"https://e.example{name}/ü/{{id}}"
    token = sign({"alg": "HS256", "typ": "JWT"},
                 {"mercure": {"subscribe": [], "payload": ADA}})
    listener = listen(hub)
    reader = subscribe(hub, {"topic": selector}, **bearer(token))
    [there] = wait_told(listener, 1, selector)
    check_old(there, selector, True, payload=ADA)
    reader.client.reset()
    [gone] = wait_told(listener, 1, selector, is_active=False)
    check_old(gone, selector, False, payload=ADA)
    assert gone[1]["subscriber"] == there[1]["subscriber"]
    assert gone[1]["id"] == there[1]["id"]
    listener.close()


def test_join_and_leave_as_in_1_0(hubs, name):
    """The payload is that of the first detail that names the selector."""
    hub = hubs("1.0")
    pattern = f"https://e.example{name}/:id"
    kind = "https://mercure.rocks/authorization-detail"
    details = [{"type": kind, "actions": ["subscribe"],
                "topics": [{"match": topic}], "payload": {"of": topic}}
               for topic in (f"{name}/1", pattern)]
    listener = listen(hub)
    reader = subscribe(
        hub, [("match", name), ("match_urlpattern", pattern),
              ("match_exact", f"{name}/1")],
        **bearer(new(authorization_details=details)))
    wanted = [(name, "exact", {}),
              (pattern, "urlpattern", {"payload": {"of": pattern}}),
              (f"{name}/1", "exact", {"payload": {"of": f"{name}/1"}})]
    for selector, matcher, more in wanted:
        [one] = wait_told(listener, 1, selector)
        check_new(one, matcher, selector, True, **more)
    assert len({one[1]["subscriber"] for one in
                told(listener, *(row[0] for row in wanted))}) == 1
    reader.close()
    for selector, matcher, more in wanted:
        [one] = wait_told(listener, 1, selector, is_active=False)
        check_new(one, matcher, selector, False, **more)
    listener.close()


@pytest.mark.parametrize("mode", ["0.x", "1.0", "both"])
def test_each_shape_has_what_it_can_tell(hubs, name, mode):
    hub = hubs(mode)
    template, pattern = name + "/{id}", name + "/:id"
    listener = listen(hub)
    reader = subscribe(hub, [("topic", name), ("topic", template),
                             ("match_urlpattern", pattern),
                             ("match", f"{name}/last")])
    count = 2 if mode == "both" else 1
    wait_told(listener, count, f"{name}/last")
    wait_told(listener, count, name)
    wait_told(listener, int(mode != "1.0"), template)
    wait_told(listener, int(mode != "0.x"), pattern)
    reader.close()
    wait_told(listener, 2 * count + 1 + (mode == "both"), name, template,
              pattern, f"{name}/last", is_active=False)
    listener.close()


def test_only_for_those_who_may(hubs, name):
    """By the topic of the announcement, live and later."""
    hub = hubs("0.x")
    listener = listen(hub)
    own = bearer(old(subscribe=[f"{BELOW}/{segment(name)}{{/who}}"]))
    other = bearer(old(subscribe=[f"{BELOW}/{segment(name + '/x')}{{/who}}",
                                  name]))
    readers = [(hub.subscribe("*", **changes), count)
               for changes, count in ((own, 1), (other, 0), ({}, 0))]
    one = subscribe(hub, {"topic": name})
    wait_told(listener, 1, name)
    publish_end(hub, f"{name}/end", name)
    for reader, count in readers:
        reader.take_to_end(name)
        assert len(told(reader, name)) == count
        reader.close()
    for changes, count in ((own, 1), (other, 0), ({}, 0)):
        later = hub.subscribe("*", last="earliest", **changes)
        later.take_to_end(name)
        assert len(told(later, name)) == count
        later.close()
    one.close()
    listener.close()


def test_flapping_is_told_once_a_second(hubs, name):
    """Nothing is told of most who come and go; of the others both is."""
    hub = hubs("0.x")
    listener = listen(hub)
    began = time.monotonic()
    for _ in range(50):
        subscribe(hub, {"topic": name}).close()
    reader = subscribe(hub, {"topic": name})
    hub.process.wait_log("disconnect", client=CLIENT["REMOTE_ADDR"], count=50)
    took_s = time.monotonic() - began

    def there():
        documents = [one[1] for one in told(listener, name)]
        gone = {one["subscriber"] for one in documents if not one["active"]}
        came = [one["subscriber"] for one in documents if one["active"]]
        assert len(came) <= took_s + 3
        return came and came[-1] not in gone and gone == set(came[:-1])

    listener.client.recv_until(listener.answer, lambda _: there(), 20)
    reader.close()
    listener.close()


def test_metrics_count_the_selectors(hubs, name):
    hub = hubs("1.0")

    def metric(what):
        text = hub.process.ask("/metrics", REMOTE_ADDR="127.0.0.1").body
        return int(re.search(rf"(?m)^fcgi_sse_presence_{what} (\d+)$",
                             text.decode()).group(1))

    wait_until(lambda: metric("selectors") == 0, "those before have left")
    reader = subscribe(hub, [("match", name), ("match", name + "/2")])
    wait_until(lambda: metric("selectors") == 2, "both")
    reader.close()
    wait_until(lambda: metric("selectors") == 0, "none")
    assert metric("unheard_total") == 0


def test_off(hubs, name):
    hub = hubs("no")
    listener = listen(hub)
    subscribe(hub, {"topic": name}).close()
    hub.process.wait_log("disconnect", client=CLIENT["REMOTE_ADDR"])
    publish_end(hub, name, "end")
    assert listener.take_to_end("end") == []
    listener.close()


def test_over_processes_and_at_the_end_of_one(short_dir):
    """A process that ends tells that its subscribers are gone."""
    store = ["--store", f"sqlite:{short_dir}/log"]
    first = start(short_dir, "both", *store)
    second = start(short_dir, "1.0", *store)
    try:
        listener = listen(second)
        reader = subscribe(first, [("match", "/a"), ("match", "/b")])
        wait_told(listener, 4, "/a", "/b")
        first.process.stop()
        wait_told(listener, 4, "/a", "/b", is_active=False)
        reader.close()
        listener.close()
    finally:
        for hub in first, second:
            if hub.process.is_alive():
                hub.process.stop()
