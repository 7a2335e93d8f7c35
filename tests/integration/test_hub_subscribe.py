"""What a subscriber is sent, now and when it comes back: the subscription and
reconnection parts of the Mercure protocol.
"""

import urllib.parse

import re

import pytest

from checks import STREAM_HEAD, check_form
from hub import END, Hub, Subscriber, start_hub

pytestmark = pytest.mark.each_store


LINK = {"Link": '</.well-known/mercure>; rel="mercure"'}
ORIGIN = "https://example.org"


def numbers(first, last):
    return [str(number) for number in range(first, last + 1)]


def fill(hub, topic="t", count=5):
    """Updates 1 to count, whose ids are their data."""
    for number in numbers(1, count):
        hub.publish(topic, number, id=number)


# The response

@pytest.mark.parametrize("path", ["/events", "/.well-known/mercure"])
@pytest.mark.parametrize("mount", ["", "/app"])
def test_head_and_first_bytes(hub, path, mount):
    reader = hub.subscribe("t", path=path, SCRIPT_NAME=mount,
                           REQUEST_URI=mount + path)
    assert reader.answer.headers == STREAM_HEAD | LINK
    assert reader.answer.body == b":\n"
    assert reader.answer.out_sizes == [len(reader.answer.out)]
    hub.publish("t", "x", id="1")
    reader.take(1)
    assert reader.answer.body == b":\nid: 1\ndata: x\n\n"


@pytest.mark.parametrize("query, last, field", [
    ("topic=t", None, None),
    ("topic=t", "", None),
    ("topic=t&lastEventID=", None, None),
    ("topic=t&lastEventID=", "", None),
    ("topic=t", "2", "2"),
    ("topic=t&lastEventID=2", None, "2"),
    ("topic=t&lastEventID=2", "", "2"),
    ("topic=t&lastEventID=earliest", None, "earliest"),
    ("topic=t", "earliest", "earliest"),
    ("topic=t&lastEventID=nope", None, "earliest"),
    ("topic=t", "nope", "earliest"),
    ("topic=t&lastEventID=4", "2", "2"),
    ("topic=t&lastEventID=2", "4", "4"),
    ("topic=t&lastEventID=2", "nope", "earliest"),
    ("topic=t&lastEventID=nope", "2", "2"),
    ("topic=t&lastEventID=2&lastEventID=4", None, "2"),
    ("topic=t&lastEventID=5", None, "5"),
    ("topic=t&lastEventID=+2+", None, "2"),
    ("topic=t", "  2 ", "2"),
    ("topic=t&lastEventID=2%00", None, "earliest"),
    ("topic=t&lastEventID=2%0d%0aX-Evil:1", None, "earliest"),
    ("topic=t&lastEventID=Earliest", None, "earliest"),
    ("topic=t&lastEventID=" + "x" * 5000, None, "earliest"),
    ("topic=t&lasteventid=2&LASTEVENTID=2", None, None),
    ("topic=t&lastEventId=2", None, "2"),
    ("topic=t&last_event_id=2", None, "2"),
    ("topic=t&Last-Event-ID=2", None, "2"),
    ("topic=t&evs_last_event_id=2", None, "2"),
    ("topic=t&lastEventId=2", "4", "4"),
    ("topic=t&last_event_id=2&evs_last_event_id=2", "4", "4"),
    # What a polyfill adds is newer than the page's own.
    ("topic=t&lastEventID=1&lastEventId=4", None, "4"),
    ("topic=t&last_event_id=1&evs_last_event_id=4", None, "4"),
    ("topic=t&lastEventId=&lastEventID=2", None, "2"),
    ("topic=t&lastEventId=2%00&lastEventID=4", None, "earliest"),
    ("topic=*", "2", "2"),
    ("topic=*&lastEventID=earliest", None, "earliest"),
    ("topic=*&topic=t", "2", "2"),
    ("topic=t&topic=nobody", "2", "2"),
    ("topic=nobody", "2", "2"),
])
def test_where_the_replay_starts(hub, query, last, field):
    """The response's field says it, and the events bear it out."""
    fill(hub)
    reader = Subscriber(hub.process, query + "&topic=end",
                        HTTP_LAST_EVENT_ID=last)
    hub.publish("end", type_=END)
    assert reader.answer.status == "200 OK"
    assert (reader.field and reader.field.strip(" ")) == field
    assert "X-Evil" not in reader.answer.head.decode()
    first = {None: 6, "earliest": 1}.get(field) or int(field or 0) + 1
    if query.startswith("topic=nobody"):
        first = 6
    found = [event.data for event in reader.take_to_end()]
    assert found == numbers(first, 5)


@pytest.mark.parametrize("names", [
    ("topic[0]", "topic[1]"), ("topic[]", "topic[]"), ("topic", "topic[]"),
    ("topic[a]", "topic[b]")])
def test_topics_as_lists_are_written(hub, names):
    """As by PHP's http_build_query, in queries and in forms."""
    reader = Subscriber(hub.process, urllib.parse.urlencode(
        list(zip(names, ("a", "b")))))
    assert reader.answer.status == "200 OK"
    for topics in ("a", "x"), ("x", "b"), ("a", "b"):
        answer = hub.post([*zip(names, topics), ("data", "".join(topics))])
        assert answer.status == "200 OK"
    assert [e.data for e in reader.take(3)] == ["ax", "xb", "ab"]


@pytest.mark.parametrize("name", [
    "urn:uuid:0191e9a0-0000-7000-8000-000000000000", "a b", "a&b=c",
    "https://example.org/\u00e9", "\u4e16", "x" * 1024, ": ", "0", "-1"])
def test_any_id_is_found_again(hub, name):
    hub.publish("t", "1")
    hub.publish("t", "2", id=name)
    hub.publish("t", "3")
    for options in {"last": name}, {"HTTP_LAST_EVENT_ID": name}:
        field, found = hub.replay("t", **options)
        assert (field.strip(" "), found) == (name.strip(" "), ["3"])


@pytest.mark.parametrize("query", [
    "", "topic=", "topic", "topics=t", "Topic=t", "topic=t&topic=",
    "topic=a%0Ab", "topic=%00", "topic=%7f", "topic=%ff", "topic=%",
    "lastEventID=1", "topic=" + "t" * 4097,
    "&".join(f"topic={number}" for number in range(257))])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_queries_that_are_refused(hub, query, method):
    answer = hub.process.ask("/events", query, method=method)
    check_form(answer)
    assert answer.status == "400 Bad Request"
    assert (method == "HEAD") == (answer.body == b"")


@pytest.mark.parametrize("last, field", [
    (None, None), ("earliest", "earliest"), ("2", "2")])
def test_head_request(hub, last, field):
    """The head that a GET would have."""
    fill(hub)
    answer = hub.process.ask("/events", "topic=t", method="HEAD",
                             HTTP_LAST_EVENT_ID=last)
    assert answer.headers == STREAM_HEAD | LINK | (
        {"Last-Event-ID": field, "Mercure-Last-Event-ID": field}
        if field else {})
    assert answer.body == b""
    assert hub.metric("streams_open") == 0


def test_other_methods(hub):
    for method in "PUT", "DELETE", "PATCH":
        answer = hub.process.ask("/events", "topic=t", method=method)
        assert answer.status == "405 Method Not Allowed"
        assert answer.headers["Allow"] == "GET, HEAD, POST, QUERY, OPTIONS"


def test_cross_origin_subscriber_may_read_the_field(fcgi_sse, short_dir):
    hub = start_hub(fcgi_sse, short_dir, "--allow-origin", ORIGIN)
    fill(hub)
    reader = hub.subscribe("t", last="2", HTTP_ORIGIN=ORIGIN)
    assert reader.answer.headers == STREAM_HEAD | LINK | {
        "Last-Event-ID": "2", "Mercure-Last-Event-ID": "2", "Vary": "Origin",
        "Access-Control-Allow-Origin": ORIGIN,
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Expose-Headers":
            "Last-Event-ID, Mercure-Last-Event-ID, Link"}


@pytest.mark.parametrize("query, header", [
    ("topic=t&last_event_id=", None), ("topic=t&lastEventID=", None),
    ("topic=t", ""), ("topic=t&lastEventID=", "")])
def test_an_empty_id_is_told_where_it_begins(hub, query, header):
    """By draft 08's field alone, and to HEAD as well."""
    changes = {} if header is None else {"HTTP_LAST_EVENT_ID": header}
    name = "Mercure-Last-Event-ID"
    for count in 0, 3:
        for number in range(count):
            hub.publish("t", str(number))
        head = hub.process.ask("/events", query, method="HEAD", **changes)
        reader = Subscriber(hub.process, query, **changes)
        begin = reader.answer.headers[name]
        assert head.headers[name] == begin
        assert "Last-Event-ID" not in reader.answer.headers
        hub.publish("t", "next")
        assert reader.take(1)[0].data == "next"
        assert hub.replay("t", last=begin)[1][-1:] == ["next"]
    assert begin != "earliest"
    assert hub.replay("t", last=begin) == (begin, ["next"])
    assert name not in hub.subscribe("t").answer.headers


# Which events, and in which order

def test_only_the_topics_that_were_asked_for(hub):
    readers = {topics: hub.subscribe(*topics) for topics in (
        ("a",), ("b",), ("a", "b"), ("b", "a", "b"), ("*",), ("*", "a"))}
    for number in range(60):
        hub.publish("abc"[number % 3], f"{'abc'[number % 3]}{number}")
    hub.publish(["a", "b", "c"], type_=END)
    for topics, reader in readers.items():
        found = [event.data for event in reader.take_to_end()]
        assert found == [f"{'abc'[number % 3]}{number}"
                         for number in range(60)
                         if "*" in topics or "abc"[number % 3] in topics]


def test_order_over_several_topics_is_that_of_publishing(hub):
    """Live, replayed from anywhere, and replayed then live."""
    topics = ["a", "b", "c", "d"]
    live = hub.subscribe(*topics)
    for number in range(1, 101):
        hub.publish([topics[number * 7 % 4], topics[number * 5 % 4]],
                    str(number), id=str(number))
    late = [(at, hub.subscribe(*topics, last=str(at)))
            for at in (1, 50, 99, 100)]
    for number in range(101, 151):
        hub.publish(topics[number * 3 % 4], str(number), id=str(number))
    assert [event.data for event in live.take(150)] == numbers(1, 150)
    for at, reader in late:
        assert [event.id for event in reader.take(150 - at)] == \
            numbers(at + 1, 150)


def test_a_topic_has_nobody_at_first(hub):
    assert hub.replay("t", last="earliest") == ("earliest", [])
    assert hub.replay("t") == (None, [])


def test_replay_of_some_topics_only(hub):
    for number in range(1, 13):
        hub.publish("abc"[number % 3], str(number), id=str(number))
    assert hub.replay("b", last="1") == ("1", ["4", "7", "10"])
    # An event of another topic is a position in the whole hub.
    assert hub.replay("b", last="2") == ("2", ["4", "7", "10"])
    assert hub.replay("b", "c", last="2")[1] == \
        ["4", "5", "7", "8", "10", "11"]
    assert hub.replay("*", last="2") == ("2", numbers(3, 12))


def test_repeated_ids(hub):
    """Of several updates with an id the oldest counts, on these topics."""
    for topic, name, data in (
            ("a", "1", "a1"), ("a", "2", "a2"), ("b", "1", "b1"),
            ("a", "1", "a3"), ("b", "2", "b2"), ("a", "1", "a4")):
        hub.publish(topic, data, id=name)
    assert hub.replay("a", last="1") == ("1", ["a2", "a3", "a4"])
    assert hub.replay("a", last="2") == ("2", ["a3", "a4"])
    assert hub.replay("b", last="1") == ("1", ["b2"])
    assert hub.replay("b", last="2") == ("2", [])
    assert hub.replay("a", "b", last="2")[1] == ["b1", "a3", "b2", "a4"]
    assert hub.replay("*", last="1")[1] == ["a2", "b1", "a3", "b2", "a4"]


def test_an_id_of_an_alternate_topic(hub):
    hub.publish(["a", "b"], "1", id="1")
    for topic in "b", "a", "c":
        hub.publish(topic, topic)
    assert hub.replay("a", last="1") == ("1", ["a"])
    assert hub.replay("b", last="1") == ("1", ["b"])
    assert hub.replay("c", last="1") == ("1", ["c"])


def test_no_event_is_lost_or_repeated_where_replay_becomes_live(hub):
    """Subscribers that come while the hub is published to."""
    readers = []
    for number in range(1, 301):
        hub.publish("t", str(number), id=str(number))
        if number % 10 == 0:
            readers.append((number // 2, hub.subscribe(
                *(["t"] if number % 20 else ["t", "u", "*"]),
                last=str(number // 2))))
    for at, reader in readers:
        assert [event.id for event in reader.take(300 - at)] == \
            numbers(at + 1, 300)


def test_a_subscriber_who_does_not_read_catches_up(hub):
    reader = hub.subscribe("t", rcvbuf_bytes=4096)
    other = hub.subscribe("t")
    for number in range(200):
        hub.publish("t", f"{number} " + "x" * 20000)
    for each in other, reader:
        assert [event.data.split()[0] for event in each.take(200)] == \
            numbers(0, 199)


@pytest.mark.memory_alone(reason="the others outlive the process")
def test_hub_is_forgotten_at_a_restart(fcgi_sse, short_dir):
    """Ids of an earlier process are unknown ones, and never mistaken."""
    hub = start_hub(fcgi_sse, short_dir)
    name = hub.publish("t", "old")
    hub.process.stop()
    hub = Hub(fcgi_sse("--publish-key-file", str(short_dir / "keys")))
    hub.publish("t", "new")
    assert hub.replay("t", last=name) == ("earliest", ["new"])


@pytest.mark.memory_alone(
    reason="the others keep it for who comes back")
def test_stop_ends_the_streams_and_says_when_to_return(hub):
    readers = [hub.subscribe(topic) for topic in ("t", "*")]
    hub.publish("t", "last")
    hub.process.send_stop()
    for reader in readers:
        reader.client.recv_end(reader.answer)
        assert reader.events[0].data == "last"
        assert reader.parser.retry_ms is not None


def last_id(reader):
    """Of the last id field, in whatever block it stands: what a browser that
    comes back sends."""
    reader.client.recv_until(reader.answer, lambda a: a.end)
    text = bytes(reader.answer.out[len(reader.answer.head):]).decode()
    assert re.search(r"(?:^|\n)(?:id: \S+\n)?retry: \d+\n\n\Z", text), text
    return re.findall(r"(?m)^id: (\S+)$", text)[-1]


def test_a_stream_that_ends_before_its_first_event(fcgi_sse, short_dir):
    """Nothing is lost between its end and the client's return."""
    hub = start_hub(fcgi_sse, short_dir, "--stream-lifetime", "1s")
    hub.publish("t", "before")
    readers = [hub.subscribe("t"), hub.subscribe("quiet", "t"),
               hub.subscribe("quiet")]
    ids = [last_id(reader) for reader in readers]
    hub.publish("t", "missed")
    for last in ids:
        assert hub.replay("t", last=last) == (last, ["missed"])
        assert hub.replay("t", "u", HTTP_LAST_EVENT_ID=last) == \
            (last, ["missed"])
    assert hub.replay("quiet", last=ids[2]) == (ids[2], [])


def test_a_stream_that_ends_before_anything_was_published(fcgi_sse,
                                                          short_dir):
    hub = start_hub(fcgi_sse, short_dir, "--stream-lifetime", "1s")
    last = last_id(hub.subscribe("t"))
    hub.publish("t", "first")
    assert hub.replay("t", last=last) == (last, ["first"])


# The last events

def last_of(hub, query, count, **changes):
    """The data of the first so many events of a stream."""
    reader = Subscriber(hub.process, query, "/events", **changes)
    hub.publish(["t", "u"], "end")
    reader.take(count)
    reader.close()
    assert reader.events[-1].data == "end"
    return reader.field, [event.data for event in reader.events[:-1]]


@pytest.mark.parametrize("query, expected", [
    ("topic=t&last=1", ["4"]),
    ("topic=t&last=2", ["3", "4"]),
    ("topic=t&last=1000", ["1", "3", "4"]),
    ("topic=t&topic=u&last=3", ["3", "4", "5"]),
    ("topic=*&last=2", ["5", "6"]),
    ("topic={x}&last=2", ["5", "6"]),
    ("topic={x}&topic=t&last=2", ["5", "6"]),
    ("topic=none&topic=t&last=1", ["4"]),
], ids=str)
def test_last(hub, query, expected):
    for topics, data in [("t", "1"), ("u", "2"), (["t", "u"], "3"),
                         ("t", "4"), ("u", "5"), ("v", "6")]:
        hub.publish(topics, data)
    hub.publish("t", "private", private="on")
    assert last_of(hub, query, len(expected) + 1) == (None, expected)


def test_last_does_not_count_for_who_comes_back(hub):
    fill(hub)
    assert last_of(hub, "topic=t&last=4", 1, HTTP_LAST_EVENT_ID="5") == \
        ("5", [])


@pytest.mark.parametrize("last", ["0", "1001", "-1", "", "x", "1&last=1"])
def test_last_takes_a_number(hub, last):
    answer = hub.process.ask("/events", QUERY_STRING=f"topic=t&last={last}")
    assert answer.status == "400 Bad Request"
