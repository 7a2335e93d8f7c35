"""Subscribing by QUERY (RFC 10008): a GET whose query goes on in a form."""

import urllib.parse

import pytest

from checks import check_short
from hub import FORM, Subscriber, start_hub


ORIGIN = "https://example.org"


def request_of(pairs, changes):
    body = (pairs if isinstance(pairs, bytes)
            else urllib.parse.urlencode(pairs).encode())
    return {"method": "QUERY", "body": body, "CONTENT_TYPE": FORM,
            "CONTENT_LENGTH": str(len(body))} | changes


def query(hub, pairs, url="", path="/events", **changes):
    return Subscriber(hub.process, url, path, **request_of(pairs, changes))


def refusal(hub, pairs, url="", path="/events", **changes):
    return hub.process.ask(path, url, **request_of(pairs, changes))


@pytest.mark.parametrize("path", ["/events", "/.well-known/mercure"])
@pytest.mark.parametrize("pairs, url", [
    ([("topic", "a"), ("topic", "/b/{id}")], ""),
    ([("match", "a"), ("match_urlpattern", "/b/:id")], ""),
    ([("topic", "/b/{id}")], "topic=a"),
    ([], "topic=a&topic=/b/{id}"),
    ([("topic[0]", "a"), ("topic[1]", "/b/{id}"), ("unknown", "x")], "")])
def test_topics_of_the_form_and_the_query(hub, path, pairs, url):
    reader = query(hub, pairs, url, path)
    assert reader.answer.headers["Content-Type"] == "text/event-stream"
    hub.publish("other", "0")
    hub.publish("a", "1")
    hub.publish("/b/7", "2")
    assert [event.data for event in reader.take(2)] == ["1", "2"]


def test_more_topics_than_a_url_can_hold(hub):
    names = [f"{number}/" + "x" * 3000 for number in range(50)]
    reader = query(hub, [("topic", name) for name in names])
    hub.publish(names[-1], "last of them")
    assert reader.take(1)[0].data == "last of them"


@pytest.mark.parametrize("pairs, url, header, field", [
    ([("last_event_id", "1")], "", None, "1"),
    ([("lastEventID", "1")], "", None, "1"),
    ([("last_event_id", "1")], "last_event_id=2", None, "2"),
    ([("last_event_id", "1")], "last_event_id=2", "3", "3"),
    ([("last_event_id", "1")], "", "", "1")])
def test_the_cursor_of_the_query_comes_first(hub, pairs, url, header, field):
    for number in "1234":
        hub.publish("t", number, id=number)
    changes = {} if header is None else {"HTTP_LAST_EVENT_ID": header}
    reader = query(hub, [("topic", "t")] + pairs, url, **changes)
    assert reader.field == field
    assert reader.take(4 - int(field))[0].data == str(int(field) + 1)


def test_last_in_the_form(hub):
    hub.publish("t", "kept")
    assert query(hub, b"topic=t&last=1").take(1)[0].data == "kept"


@pytest.mark.parametrize("type_", [
    "application/json", "text/plain", "application/x-www-form-urlencodedx"])
def test_another_type_is_refused(hub, type_):
    check_short(refusal(hub, b"topic=t", CONTENT_TYPE=type_),
                "415 Unsupported Media Type",
                "415 Unsupported Media Type: a query is "
                "application/x-www-form-urlencoded\n")


@pytest.mark.parametrize("type_", [None, ""])
def test_a_body_needs_a_type(hub, type_):
    assert refusal(hub, b"topic=t", CONTENT_TYPE=type_).status \
        == "415 Unsupported Media Type"
    assert query(hub, b"", "topic=t", CONTENT_TYPE=type_).answer.status \
        == "200 OK"


def test_a_type_with_parameters(hub):
    reader = query(hub, b"topic=t", CONTENT_TYPE=FORM + "; charset=utf-8")
    assert reader.answer.status == "200 OK"


MALFORMED = ("the query is malformed: a % begins no escape, or it has more "
             "than 4096 fields")


@pytest.mark.parametrize("body, url, why", [
    (b"", "", "topic is missing"), (b"x=1", "", "topic is missing"),
    (b"topic=%zz", "", MALFORMED),
    (b"topic=t", "a=%", MALFORMED),
    (b"topic=t", "last=0", "last takes a number from 1 to 1000"),
    (b"topic=t&last=1", "last=1", "last is given twice"),
    (b"topic=t&matchx=1", "", "of what begins with match there are match, "
     "match_exact and match_urlpattern")])
def test_what_is_wrong(hub, body, url, why):
    check_short(refusal(hub, body, url), "400 Bad Request",
                f"400 Bad Request: {why}\n")


def test_a_body_that_is_compressed_or_too_long(fcgi_sse, short_dir):
    hub = start_hub(fcgi_sse, short_dir, "--max-body", "1K")
    assert refusal(hub, b"x", HTTP_CONTENT_ENCODING="gzip").status \
        == "415 Unsupported Media Type"
    check_short(refusal(hub, b"topic=" + b"x" * 2000),
                "413 Content Too Large", "413 Content Too Large: the option "
                "max-body limits a query\n")


def test_the_path_names_the_topic(hub):
    where = {"path": "/events/t/news"}
    assert refusal(hub, b"topic=t", **where).status == "400 Bad Request"
    reader = query(hub, b"last=1", **where)
    hub.publish("news", "x")
    assert reader.take(1)[0].data == "x"


def test_it_is_for_topics_alone(hub):
    answer = hub.process.ask("/clock", method="QUERY", body=b"interval=1s",
                             CONTENT_TYPE=FORM)
    assert answer.status == "405 Method Not Allowed"
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"


def test_preflight_allows_it(fcgi_sse):
    answer = fcgi_sse("--allow-origin", ORIGIN).ask(
        "/events", method="OPTIONS", HTTP_ORIGIN=ORIGIN,
        HTTP_ACCESS_CONTROL_REQUEST_METHOD="QUERY",
        HTTP_ACCESS_CONTROL_REQUEST_HEADERS="content-type")
    assert "QUERY" in answer.headers["Access-Control-Allow-Methods"]
    assert "QUERY" in answer.headers["Allow"]
