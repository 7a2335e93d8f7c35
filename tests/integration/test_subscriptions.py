"""The list of who subscribes to what, for those who may know."""

import json

import pytest

from responder import wait_until
from test_presence import (                                 # noqa: F401
    ADA, BELOW, CLIENT, check_old, fixture_hubs, segment, subscribe)
from tokens import bearer, new, old, sign

ALL = bearer(old(subscribe=["*"]))
NEW = bearer(new())


@pytest.fixture(name="name")
def fixture_name(request):
    """A topic that no other test has, with what a path has to encode."""
    return f"https://e.example/{request.node.name}?ü%2F"


def get(hub, *parts, base="/events", token=ALL, **changes):
    path = "/".join([f"{base}/subscriptions", *map(segment, parts)])
    plain = "/".join([f"{base}/subscriptions", *parts])
    return hub.process.ask(plain, SCRIPT_NAME=plain, REQUEST_URI=path,
                           **{**CLIENT, **token, **changes})


def read(hub, *parts, **options):
    answer = get(hub, *parts, **options)
    assert answer.status == "200 OK", answer.body
    assert answer.headers["Cache-Control"] == "private, no-cache"
    return json.loads(answer.body)


def wait_count(hub, count, *parts, **options):
    wait_until(lambda: len(read(hub, *parts, **options)["subscriptions"])
               == count, "the list")
    return read(hub, *parts, **options)


@pytest.mark.parametrize("mode", ["0.x", "both"])
@pytest.mark.parametrize("base", ["/events", "/.well-known/mercure"])
def test_the_list_in_the_shape_of_0_x(hubs, name, mode, base):
    hub = hubs(mode)
    token = sign({"alg": "HS256", "typ": "JWT"},
                 {"mercure": {"subscribe": [], "payload": ADA}})
    reader = subscribe(hub, [("topic", name), ("topic", name + "/2")],
                       **bearer(token))
    found = wait_count(hub, 1, name, base=base)
    [one] = found.pop("subscriptions")
    last_id = found.pop("lastEventID")
    assert last_id
    assert found == {"@context": "https://mercure.rocks/",
                     "type": "Subscriptions",
                     "id": f"{BELOW}/{segment(name)}"}
    check_old(("message", {"@context": "https://mercure.rocks/", **one}),
              name, True, payload=ADA)
    everything = read(hub, base=base)
    assert everything["id"] == BELOW
    assert one in everything["subscriptions"]

    alone = read(hub, name, one["subscriber"], base=base)
    assert alone.pop("lastEventID")
    assert alone == {"@context": "https://mercure.rocks/", **one}
    for unknown in (name, one["subscriber"] + "0"), \
            (name + "/3", one["subscriber"]):
        assert get(hub, *unknown, base=base).status == "404 Not Found"
    reader.client.reset()
    wait_count(hub, 0, name, base=base)
    assert get(hub, name, one["subscriber"],
               base=base).status == "404 Not Found"


@pytest.mark.parametrize("mode", ["1.0", "both"])
def test_the_list_in_the_shape_of_1_0(hubs, name, mode):
    hub = hubs(mode)
    pattern = "https://e.example/:id/" + mode
    reader = subscribe(hub, [("match", name), ("match_urlpattern", pattern)])
    wait_count(hub, 1, "urlpattern", pattern, token=NEW)
    answer = get(hub, "exact", name, token=NEW)
    assert answer.headers["Content-Type"] == "application/json"
    assert 'rel="mercure"; last-event-id="' in answer.headers["Link"]
    found = json.loads(answer.body)
    [one] = found.pop("subscriptions")
    assert found == {"id": f"{BELOW}/exact/{segment(name)}",
                     "type": "subscriptions"}
    assert one == {"id": f"{found['id']}/{segment(one['subscriber'])}",
                   "type": "subscription", "match_type": "exact",
                   "match": name, "subscriber": one["subscriber"],
                   "active": True}
    assert read(hub, "exact", name, one["subscriber"], token=NEW) == one
    assert get(hub, "urlpattern", name, one["subscriber"],
               token=NEW).status == "404 Not Found"
    assert get(hub, "like", name, token=NEW).status == "400 Bad Request"
    assert get(hub, "exact", token=NEW).status == "404 Not Found"
    reader.close()


def test_only_for_those_who_may(hubs, name):
    hub = hubs("0.x")
    own = bearer(old(subscribe=[f"{BELOW}/{segment(name)}{{/who}}"]))
    other = bearer(old(subscribe=[name, "/events/subscriptions",
                                  f"{BELOW}/{segment(name)}/x"]))
    assert get(hub, name, token=own).status == "200 OK"
    assert get(hub, token=own).status == "403 Forbidden"
    assert get(hub, name, token=other).status == "403 Forbidden"
    assert get(hub, token={}).status == "401 Unauthorized"
    assert get(hub, token=bearer("x.y.z")).status == "401 Unauthorized"
    assert get(hub, token=bearer(old(publish=["*"]))).status == "403 Forbidden"


def test_what_is_known_is_not_sent_again(hubs, name):
    hub = hubs("0.x")
    first = get(hub, name)
    tag = first.headers["ETag"]
    head = get(hub, name, REQUEST_METHOD="HEAD")
    assert head.status == "200 OK" and head.body == b""
    assert head.headers["Content-Length"] == str(len(first.body))
    reader = subscribe(hub, {"topic": name})
    wait_until(lambda: get(hub, name, HTTP_IF_NONE_MATCH=tag).status
               == "200 OK", "another list")

    def is_known():
        """Until all that is told of other streams is behind."""
        answer = get(hub, name)
        again = get(hub, name, HTTP_IF_NONE_MATCH=answer.headers["ETag"])
        return again.status == "304 Not Modified" and again.body == b""
    wait_until(is_known, "the same list")
    reader.close()


def test_another_position_is_another_answer(hubs):
    """In this shape only the head tells it."""
    hub = hubs("1.0")
    tag = get(hub, token=NEW).headers["ETag"]
    hub.publish("x", "y")
    wait_until(lambda: get(hub, token=NEW, HTTP_IF_NONE_MATCH=tag).status
               == "200 OK", "another position")


def test_the_position_is_no_id_that_others_may_not_know(hubs, name):
    hub = hubs("0.x")
    lists = bearer(old(subscribe=[f"{BELOW}{{/topic}}"]))
    secret = None
    for _ in range(5):
        secret = hub.publish(name, "x", private="on")
        assert read(hub, name, token=lists)["lastEventID"] != secret
    last_id = hub.publish(name, "x")
    assert read(hub, name, token=lists)["lastEventID"] == last_id


def test_paths_that_are_none(hubs, name):
    hub = hubs("0.x")

    def status(rest, before=""):
        path = "/events/subscriptions/"
        return hub.process.ask(path + "x", SCRIPT_NAME=path + "x",
                               REQUEST_URI=before + path + rest, **ALL).status
    assert status("%zz") == status("%0") == "400 Bad Request"
    assert status("a%00b") == "400 Bad Request"
    assert status("a" * 4097) == "400 Bad Request"
    assert status("") == status("a//b") == status("a/b/c/d") \
        == status("a/b/c") == "404 Not Found"
    assert status("a/b?c/d/e/f") == "404 Not Found"
    assert status(segment(name) + "?a/b/c/d") == "200 OK"
    # What was asked for is not in a query.
    assert status("a/b/c/d", before="/x?") == "200 OK"


def test_off(hubs):
    hub = hubs("no")
    for token in ALL, {}:
        assert get(hub, token=token).status == "404 Not Found"
        assert get(hub, "x", token=token).status == "404 Not Found"


@pytest.mark.parametrize("mode", ["no", "0.x", "1.0", "both"])
def test_page_is_told_of_the_shapes(hubs, mode):
    settings = json.loads(hubs(mode).process.ask("/page.json").body)
    assert settings["subscriptions"] == mode


def test_what_is_too_much_is_left_out(hubs, name):
    """Of 1 MiB, by long topics."""
    hub = hubs("0.x")
    topics = [("topic", f"{name}/{number}/" + "x" * 3900)
              for number in range(20)]
    readers = [subscribe(hub, topics) for _ in range(8)]

    def is_cut():
        answer = get(hub)
        assert len(answer.body) < 1100000
        found = json.loads(answer.body)
        own = [one for one in found["subscriptions"]
               if one["topic"].startswith(name)]
        assert "omitted" not in found or own
        return len(own) + found.get("omitted", 0) == 160
    wait_until(is_cut, "all")
    assert 0 < read(hub)["omitted"] < 160
    for reader in readers:
        reader.close()
