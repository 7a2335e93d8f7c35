"""Subscribers who follow topics by a selector: a URI template of draft 07, a
URL pattern or a name of draft 08.
"""

import itertools
import urllib.parse

import pytest

from hub import END, Subscriber, start_hub

pytestmark = pytest.mark.each_store


ENDS = itertools.count()


def seen(hub, pairs, **changes):
    """What is sent of all that is kept to who selects so."""
    end = f"{END}/{next(ENDS)}"
    query = urllib.parse.urlencode(
        [*pairs, ("match", end), ("lastEventID", "earliest")])
    reader = Subscriber(hub.process, query, "/events", **changes)
    hub.publish(end, end, type_=END)
    events = reader.take_to_end(end)
    reader.close()
    return [event.data for event in events if event.type != END]


@pytest.mark.parametrize("pairs, expected", [
    ([("topic", "/books/{id}")], ["one", "two"]),
    ([("topic", "/{kind}/{id}")], ["one", "film", "two"]),
    ([("topic", "/books/{id}"), ("topic", "/books/1")], ["one", "two"]),
    ([("topic[]", "/books/{id}"), ("topic[]", "other")], ["one", "two"]),
    ([("topic", "*")], ["one", "film", "two", "braces"]),
    ([("topic", "{braces")], ["braces"]),
    ([("match", "/books/1")], ["one"]),
    ([("match_exact", "/books/2"), ("match", "/films/1")], ["film", "two"]),
    ([("match", "/books/{id}")], []),
    ([("match_urlpattern", "/books/:id")], ["one", "two"]),
    ([("match_urlpattern", "/:kind/1")], ["one", "film"]),
    ([("match_urlpattern", "/books/:id"), ("topic", "/{kind}/1")],
     ["one", "film", "two"]),
], ids=str)
def test_replay(hub, pairs, expected):
    hub.publish("/books/1", "one")
    hub.publish("/films/1", "film")
    hub.publish(["other", "/books/2"] if "other" in str(pairs)
                else "/books/2", "two")
    hub.publish("{braces", "braces")
    assert seen(hub, pairs) == expected
    assert seen(hub, pairs) == expected


@pytest.mark.parametrize("selector", [
    ("topic", "/books/{id}"), ("match_urlpattern", "/books/:id"),
    ("match_urlpattern", "*"), ("match", "*"), ("match_exact", "*"),
], ids=str)
def test_live(hub, selector):
    reader = Subscriber(hub.process, urllib.parse.urlencode([selector]),
                        "/events")
    hub.publish("/books/1", "one")
    hub.publish(["/films/1", "/books/2", "/books/3"], "two")
    hub.publish("/books/4", "secret", private="on")
    hub.publish("/books/5", "last")
    reader.take(3)
    assert [event.data for event in reader.events] == ["one", "two", "last"]


@pytest.mark.parametrize("query", [
    "", "match=", "match_exact=", "match_urlpattern=", "Match=a",
    "topic=t&MATCH_EXACT=a", "match_regexp=a", "matcher=a", "match[]=a",
    "match=%00", "match=%ff", "match=a%C2%AD", "match_urlpattern=(",
    "match_urlpattern=https://[::1]/x&topic=t", "match=" + 4097 * "a",
    "&".join(f"match=t{number}" for number in range(257)),
], ids=lambda query: query[:30])
def test_what_is_refused(hub, query):
    answer = hub.process.ask("/events", QUERY_STRING=query)
    assert answer.status == "400 Bad Request"


def test_a_client_comes_back_to_a_pattern(hub):
    hub.publish("/books/1", "one", id="1")
    hub.publish("/films/1", "film", id="2")
    hub.publish("/books/2", "two", id="3")
    assert hub.replay("/books/{id}", last="1") == ("1", ["two"])
    assert hub.replay("/books/{id}", last="3") == ("3", [])


def test_the_history_of_a_pattern_survives_its_first_subscriber(fcgi_sse,
                                                                short_dir):
    hub = start_hub(fcgi_sse, short_dir, "--history-events", "2")
    for number in range(5):
        hub.publish("/a", str(number), id=str(number))
    assert hub.replay("/{x}", last="3") == ("3", ["4"])
    assert hub.replay("/{x}", last="1") == ("earliest", ["3", "4"])
