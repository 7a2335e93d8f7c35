"""By --topic-in-event a comment in each event tells its topic, as far as its
readers may know it, and nothing else changes.
"""

import re

import pytest

from hub import END, start_hub
from tokens import bearer, key_args, new, old

pytestmark = pytest.mark.each_store

TOPIC = "https://example.org/books/1"
OTHER = "https://example.org/\u00e9/a b:"
ALL = bearer(old(publish=["*"], subscribe=["*"]))


@pytest.fixture(name="hub")
def fixture_hub(fcgi_sse, short_dir):
    return start_hub(fcgi_sse, short_dir, "--topic-in-event", "comment",
                     "--anonymous", "yes", *key_args(short_dir))


def publish_all(hub):
    """Updates of all forms, with ids that do not depend on the time."""
    hub.publish(TOPIC, "one\ntwo", id="1")
    hub.publish([OTHER, TOPIC], "", id="2", type_="news", retry="2000")
    hub.publish("t", ": topic x", id="3")
    hub.publish("end", "end", id="4", type_=END)


def told(reader, data="end"):
    """The topics that comments tell, and the events before the last one."""
    events = reader.take_to_end(data)
    comments = reader.parser.comments
    return ([comment.removeprefix("topic ") for comment in comments
             if comment.startswith("topic ")],
            [tuple(event) for event in events])


EVENTS = [("message", "one\ntwo", "1"), ("news", "", "2"),
          ("message", ": topic x", "3")]
TOPICS = [TOPIC, OTHER, "t", "end"]


def test_each_event_tells_its_topic(hub):
    live = hub.subscribe("*")
    publish_all(hub)
    assert told(live) == (TOPICS, EVENTS)
    assert live.parser.retry_ms == 2000
    assert told(hub.subscribe("*", last="earliest")) == (TOPICS, EVENTS)


def test_it_is_one_line_of_the_event(hub):
    reader = hub.subscribe("*")
    publish_all(hub)
    reader.take_to_end("end")
    text = reader.answer.body.decode()
    assert f"id: 1\n: topic {TOPIC}\ndata: one\ndata: two\n\n" in text
    assert f"id: 2\n: topic {OTHER}\nretry: 2000\nevent: news\ndata: \n\n" \
        in text


def test_nothing_else_changes(hub, fcgi_sse, short_dir):
    """Without the option the bytes are those, less the comments."""
    bodies = []
    for where in (hub, start_hub(fcgi_sse, short_dir, "--store", "memory")):
        publish_all(where)
        reader = where.subscribe("*", last="earliest")
        reader.take_to_end("end")
        bodies.append(reader.answer.body.decode())
    assert ": topic http" in bodies[0]
    assert ": topic http" not in bodies[1]
    with_topic, without = (body[body.index("id: 1\n"):] for body in bodies)
    assert re.sub(r"(?m)^: topic .*\n", "", with_topic) == without


def test_the_topic_of_the_path(hub):
    reader = hub.subscribe("*")
    answer = hub.post([("data", "d")], path="/events/t/orders/7")
    assert answer.status == "200 OK"
    hub.publish("end", "end", type_=END)
    assert told(reader)[0] == ["orders/7", "end"]


@pytest.mark.parametrize("make", ["07", "08"])
def test_private_topics_are_told_to_nobody_else(hub, make):
    """Who has a right to one topic learns of no other one."""
    only = bearer(old(subscribe=["/mine"]) if make == "07" else
                  new(["subscribe"], ["/mine"]))
    readers = [hub.subscribe("*", **ALL),
               hub.subscribe("/mine", "end", **only)]
    hub.publish(["/secret", "/mine"], "a", private="on")
    hub.publish("/mine", "b", private="on")
    hub.publish("end", "end", type_=END)
    for reader in readers:
        topics, events = told(reader)
        assert topics == ["/mine", "end"]
        assert [event[1] for event in events] == ["a", "b"]
        assert b"/secret" not in reader.answer.body


def test_no_topic_makes_a_line_of_its_own(hub):
    for text in ("a\ndata: b", "a\rb", "a\x00b"):
        answer = hub.post([("topic", text), ("data", "d")])
        assert answer.status == "400 Bad Request"
