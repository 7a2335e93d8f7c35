"""The topic in the path: /events/t/TOPIC names one topic, as it is, and an
option has topics named nowhere else.
"""

import pytest

from checks import check_short
from hub import start_hub
from test_paths import SERVERS, TOLD, variables

pytestmark = pytest.mark.each_store


BESIDE = "400 Bad Request: the path names the topic: leave topic and match " \
    "out of the query\n"
DOTS = "400 Bad Request: a topic in the path has no . or .. between its " \
    "slashes\n"
NO_TOPIC = "400 Bad Request: behind /events/t/ the path takes a topic in " \
    "UTF-8 without control characters, of at most 4096 bytes\n"


def path_of(topic):
    return "/events/t/" + topic


def named(topic):
    """The variables of a server that decodes the path."""
    return {"SCRIPT_NAME": "/sse", "PATH_INFO": path_of(topic),
            "REQUEST_URI": None}


@pytest.mark.parametrize("topic", [
    "news", "orders/7", "/orders/7", "https://example.org/books/1?x=2#y",
    "a b", "a+b", "%41", "\u00e9\u4e16", "x.cgi", "/", "a//b", "a/", "a.b/..c",
    "{id}", "/books/{id}", "t/t", "events/t/x", "clock", "Case",
    "x" * 4096])
def test_one_topic_as_it_is(hub, topic):
    reader = hub.subscribe(path=path_of(topic), **named(topic))
    assert reader.answer.status == "200 OK"
    others = ["/books/1", "1", "A", "new", "case", "//", "/a"]
    for number, other in enumerate(others):
        hub.publish(other, "other", id=f"other{number}")
    hub.publish(topic, "one", id="1")
    answer = hub.post([("data", "two"), ("id", "2")], **named(topic))
    assert (answer.status, answer.body) == ("200 OK", b"2")
    assert [event.data for event in reader.take(2)] == ["one", "two"]
    assert hub.replay(topic, last="1") == ("1", ["two"])


@pytest.mark.parametrize("server", SERVERS)
def test_behind_each_server(fcgi_sse, short_dir, server):
    hub = start_hub(fcgi_sse, short_dir,
                    *([] if server in TOLD else
                      ["--mount", "/app", "--mount", "/"]))
    reader = hub.subscribe(**variables(server, "/app", path_of("a/b")))
    assert reader.answer.status == "200 OK"
    hub.publish("a/b", "x")
    assert reader.take(1)[0].data == "x"


def test_the_raw_path_is_decoded_once(hub):
    raw = {"SCRIPT_NAME": None, "PATH_INFO": None,
           "REQUEST_URI": "/events/t/%2Fa%2fb%20%2541+%C3%a9?last=1"}
    reader = hub.subscribe(**raw)
    hub.publish("/a/b %41+\u00e9", "x")
    assert reader.take(1)[0].data == "x"


def test_it_resumes_as_elsewhere(hub):
    for number in "123":
        hub.publish("t", number, id=number)
    reader = hub.subscribe(HTTP_LAST_EVENT_ID="1", **named("t"))
    assert reader.field == "1"
    assert [event.data for event in reader.take(2)] == ["2", "3"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("query", [
    "topic=a", "topic=t", "topic[]=a", "topic%5b0%5d=a", "topic=", "match=a",
    "match_exact=a", "match_urlpattern=/a", "MATCH=a", "last=1&topic=*"])
def test_no_topic_beside_it(hub, method, query):
    changes = named("t") | {"QUERY_STRING": query}
    answer = hub.post([("data", "d")], **changes) if method == "POST" else \
        hub.process.ask(method=method, **changes)
    assert answer.status == "400 Bad Request"
    assert answer.body.decode() == ("" if method == "HEAD" else BESIDE)


@pytest.mark.parametrize("name", ["topic", "topic[]", "topic[3]"])
def test_no_topic_in_the_form_beside_it(hub, name):
    answer = hub.post([(name, "t"), ("data", "d")], **named("t"))
    check_short(answer, "400 Bad Request",
                "400 Bad Request: the path names the topic: leave topic out "
                "of the form\n")


@pytest.mark.parametrize("topic, line", [
    ("", NO_TOPIC), ("x" * 4097, NO_TOPIC), ("a\tb", NO_TOPIC),
    ("a\nb", NO_TOPIC), (b"\xff", NO_TOPIC),
    ("..", DOTS), (".", DOTS), ("../clock", DOTS), ("a/..", DOTS),
    ("a/../b", DOTS), ("a/./b", DOTS), ("./a", DOTS),
    ("*", "400 Bad Request: the path names one topic, and * is all\n")])
def test_what_is_no_topic(hub, topic, line):
    changes = named("")
    changes["PATH_INFO"] = b"/events/t/" + (
        topic if isinstance(topic, bytes) else topic.encode())
    check_short(hub.process.ask(**changes), "400 Bad Request", line)
    answer = hub.post([("data", "d")], **changes)
    check_short(answer, "400 Bad Request", line)


def test_reserved_topics_stay_so(hub):
    answer = hub.post([("data", "d")], **named("/.well-known/mercure/x"))
    check_short(answer, "400 Bad Request",
                "400 Bad Request: topic names one that is reserved, as * and "
                "all at the hub's path are\n")


@pytest.mark.parametrize("path", ["/events/t", "/EVENTS/t/a", "/events/T/a",
                                  "//events/t/a", "/events//t/a",
                                  "/.well-known/mercure/t/a"])
def test_other_paths_are_none(hub, path):
    answer = hub.process.ask(SCRIPT_NAME="/sse", PATH_INFO=path)
    assert answer.status == "404 Not Found"


@pytest.mark.parametrize("path", ["/events/t/secret", "/clock", "/events"])
def test_a_line_feed_that_was_cut_off(hub, path):
    """As nginx does by a pattern that ends with `$`: its rules have looked at
    a path that is not the one that it passes on."""
    answer = hub.process.ask(
        "", "topic=t" if path == "/events" else "", SCRIPT_NAME="/sse",
        PATH_INFO=path, REQUEST_URI=f"/sse{path}%0A")
    assert answer.status == "404 Not Found"
    assert answer.body.startswith(f"404 Not Found: /sse{path}%0A".encode())


def test_the_404_says_which_mount_to_set(hub):
    answer = hub.process.ask("/app/events/t/a/b", mount="",
                             SCRIPT_NAME="/app/events/t/a/b", PATH_INFO=None)
    assert b"If this is mounted at /app, have" in answer.body


@pytest.mark.parametrize("path", ["/events", "/.well-known/mercure"])
def test_the_option_closes_the_query(fcgi_sse, short_dir, path):
    hub = start_hub(fcgi_sse, short_dir, "--topic-by", "path")
    line = "403 Forbidden: the option topic-by has topics in the path " \
        "alone: /events/t/TOPIC\n"
    for query in "topic=t", "match=t", "topic=*", "":
        check_short(hub.process.ask(path, query), "403 Forbidden", line)
    for form in [("topic", "t")], []:
        check_short(hub.post(form, path=path), "403 Forbidden", line)
    reader = hub.subscribe(**named("t"))
    assert hub.post([("data", "d")], **named("t")).status == "200 OK"
    assert reader.take(1)[0].data == "d"


def test_the_option_closes_the_path(fcgi_sse, short_dir):
    hub = start_hub(fcgi_sse, short_dir, "--topic-by", "query")
    line = "404 Not Found: the option topic-by has topics in the query alone\n"
    check_short(hub.process.ask(**named("t")), "404 Not Found", line)
    check_short(hub.post([("data", "d")], **named("t")), "404 Not Found", line)
    assert hub.subscribe("t").answer.status == "200 OK"
