"""What a publisher may send, and what its subscribers read: the publication
part of the Mercure protocol and section 9.2 of the HTML standard.
"""

import gzip
import re
import time

import pytest

from checks import check_form, check_short
from event_stream import Event
from hub import END, FORM, KEY, OWN_ID, Hub, start_hub, write_keys

pytestmark = pytest.mark.each_store


def seen(data):
    """The data as a subscriber has it: each line end is an LF."""
    return re.sub("\r\n|\r", "\n", data)


# The response

@pytest.mark.parametrize("path", ["/events", "/.well-known/mercure"])
def test_response_is_the_id_and_nothing_else(hub, path):
    answer = hub.post([("topic", "t"), ("data", "d"), ("id", "urn:x:1")],
                      path=path)
    check_form(answer)
    assert answer.headers == {
        "Content-Type": "text/plain; charset=utf-8", "Content-Length": "7",
        "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    assert answer.body == b"urn:x:1"


def test_generated_ids_are_new_and_in_order(hub):
    reader = hub.subscribe("t")
    ids = [hub.publish("t", str(number)) for number in range(50)]
    assert all(OWN_ID.fullmatch(found) for found in ids)
    assert len(set(ids)) == 50
    times = [found[9:22] for found in ids]
    assert times == sorted(times)
    assert [event.id for event in reader.take(50)] == ids


@pytest.mark.parametrize("value", ["on", "", "0", "false"])
def test_private_update_is_delivered_to_nobody(hub, value):
    readers = [hub.subscribe(topic) for topic in ("t", "*")]
    answer = hub.post([("topic", "t"), ("data", "secret"), ("id", "p"),
                       ("private", value)])
    assert (answer.status, answer.body) == ("200 OK", b"p")
    assert answer.headers["Fcgi-Sse-Note"].startswith(
        "private: delivered to nobody")
    hub.publish("t", type_=END)
    for reader in readers:
        assert reader.take_to_end() == []
    assert hub.replay("t", last="p")[0] == "earliest"
    assert hub.replay("t", last="earliest")[1] == []


def test_an_open_update_carries_no_note(hub):
    answer = hub.post([("topic", "t")])
    assert "Fcgi-Sse-Note" not in answer.headers


# What is sent is what is read

DATA = [
    "", " ", "a", " a", "  two before", "a  ", "\ta\t", "\n", "\n\n", "\r",
    "\r\n", "\r\r\n\n", "\na", "a\n", "a\n\n\n", "a\r", "a\r\n", "a\r\r",
    "a\nb", "a\rb", "a\r\nb", "a\n\rb", "a\r\n\r\nb", "a\n \n b", ":", ": a",
    "data: a", "a\ndata: b", "id: 9", "a\rid: 9\r\revent: x", "event: e\n\n",
    "retry: 1", "\0", "a\0b", "\0\n\0", "\x01\x1b\x7f", "\x85", "\u2028",
    "a\u2028b\u2029c", "\ufeff", "\ufeffa\n\ufeff", "\u00e9\u4e16\U0001f600",
    "\ufffd\uffff\U0010ffff", "e\u0301", "&=+%;?#", "100%25", "+ +", "\\n",
    '{"msg":"admit one"}', "x" * 8000, "x" * 70000, "\n" * 3000,
    "\u4e16" * 20000, "ab\r\n" * 5000,
]


def test_data_is_read_as_it_was_sent(hub):
    """By subscribers that are there, and by those that come later."""
    readers = [hub.subscribe("t"), hub.subscribe("*"),
               hub.subscribe("t", "another")]
    expected = [Event("message", seen(data), hub.publish("t", data))
                for data in DATA]
    readers.append(hub.subscribe("t", last="earliest"))
    for reader in readers:
        for found, wanted in zip(reader.take(len(DATA)), expected):
            assert found == wanted
        assert reader.parser.is_whole and not reader.parser.ignored
        assert reader.answer.body.startswith(b":\n")


def test_frame_byte_for_byte(hub):
    reader = hub.subscribe("t")
    hub.publish("t", "a\r\n b\rc\n", id="1", type_="e", retry="250")
    hub.publish("t", id="2")
    reader.take(2)
    assert reader.answer.body == (
        b":\nid: 1\nretry: 250\nevent: e\ndata: a\ndata:  b\ndata: c\n"
        b"data: \n\nid: 2\ndata: \n\n")


@pytest.mark.parametrize("form, data", [
    (b"topic=t&data=a+b%20c%2B", "a b c+"),
    (b"data=x&topic=t", "x"),
    (b"topic=t", ""),
    (b"topic=t&data", ""),
    (b"topic=t&data=first&data=second", "first"),
    (b"&&topic=t&&data=x&", "x"),
    (b"topic=t&data=a=b=c", "a=b=c"),
    (b"topic=t&data=a;b", "a;b"),
    (b"t%6Fpic=t&d%61ta=x", "x"),
    (b"topic=t&data=x&unknown=1&Data=y", "x"),
    (b"topic=t&data=\xc3\xa9", "\u00e9"),
    (b"topic=t&data=%c3%A9", "\u00e9"),
    (b"topic=t&type=&id=&retry=&data=x", "x"),
])
def test_forms(hub, form, data):
    reader = hub.subscribe("t")
    assert OWN_ID.fullmatch(hub.post(form).body.decode())
    event, = reader.take(1)
    assert (event.type, event.data) == ("message", data)


@pytest.mark.parametrize("kind", [
    FORM, FORM + "; charset=utf-8", FORM + ";charset=UTF-8", FORM.title(),
    None, ""])
def test_content_types_of_a_form(hub, kind):
    assert hub.post(b"topic=t", CONTENT_TYPE=kind).status == "200 OK"


@pytest.mark.parametrize("kind", [
    "application/json", "multipart/form-data; boundary=x", "text/plain",
    FORM + "-not"])
def test_other_content_types_are_refused(hub, kind):
    answer = hub.post(b"topic=t", CONTENT_TYPE=kind)
    check_short(answer, "415 Unsupported Media Type",
                f"415 Unsupported Media Type: an update is {FORM}\n",
                Accept_Encoding="identity")


@pytest.mark.parametrize("coding, named", [
    ("gzip", "gzip"), ("br", "br"), ("GZIP, identity", "GZIP,%20identity"),
    ("x\r\ny", "x%0D%0Ay")])
def test_compressed_forms_are_refused(hub, coding, named):
    for key in KEY, None:
        answer = hub.post(gzip.compress(b"topic=t"), key=key,
                          HTTP_CONTENT_ENCODING=coding)
        check_short(answer, "415 Unsupported Media Type",
                    "415 Unsupported Media Type: an update is sent without "
                    f"Content-Encoding: {named}\n",
                    Accept_Encoding="identity")


@pytest.mark.parametrize("coding", ["", "identity", "Identity"])
def test_a_coding_that_is_none(hub, coding):
    answer = hub.post(b"topic=t", HTTP_CONTENT_ENCODING=coding)
    assert answer.status == "200 OK"


def test_ids_types_and_retries(hub):
    cases = [
        ("1", "a", "0"), ("urn:uuid:1", "message", "1"),
        ("https://example.org/\u00e9?a=b#c", "\u00e9v\u00e9nement",
         "86400000"),
        (" spaces within it ", " type ", "000250"), ("a:b", "data: x", "5"),
        ("\u2028", "\U0001f600", "250"), ("x" * 1024, "y" * 5000, "1"),
        ("-", ":", "1"), ("earliest ever", "end", "1"),
    ]
    reader = hub.subscribe("t")
    for number, (name, kind, retry) in enumerate(cases, 1):
        assert hub.publish("t", "d", id=name, type_=kind, retry=retry) == name
        assert reader.take(number)[-1] == Event(kind, "d", name)
        assert reader.parser.retry_ms == int(retry)
    assert not reader.parser.ignored


@pytest.mark.parametrize("form, why", [
    (b"", "topic is missing"),
    (b"data=x", "topic is missing"),
    (b"topic=", "topic takes a name"),
    (b"topic=t&topic=", "topic takes a name"),
    (b"topic=a%0Ab", "topic takes a name"),
    (b"topic=a%00b", "topic takes a name"),
    (b"topic=a%7F", "topic takes a name"),
    (b"topic=%ff", "topic takes a name"),
    (b"topic=" + b"t" * 4097, "topic takes a name"),
    (b"&".join(b"topic=%d" % number for number in range(257)),
     "too many topics"),
    (b"topic=*", "reserved"),
    (b"topic=t&topic=*", "reserved"),
    (b"topic=/.well-known/mercure", "reserved"),
    (b"topic=/.well-known/mercure/subscriptions/x/y", "reserved"),
    (b"topic=https://example.org/.well-known/mercure", "reserved"),
    (b"topic=t&data=%ff", "data is not UTF-8"),
    (b"topic=t&data=%c3", "data is not UTF-8"),
    (b"topic=t&data=%c0%80", "data is not UTF-8"),
    (b"topic=t&data=%ed%a0%80", "data is not UTF-8"),
    (b"topic=t&data=%f4%90%80%80", "data is not UTF-8"),
    (b"topic=t&data=\xe9", "data is not UTF-8"),
    (b"topic=t&id=%23", "id takes"),
    (b"topic=t&id=%231", "id takes"),
    (b"topic=t&id=earliest", "id takes"),
    (b"topic=t&id=+earliest", "id takes"),
    (b"topic=t&id=+", "id takes"),
    (b"topic=t&id=a%0A", "id takes"),
    (b"topic=t&id=a%0Db", "id takes"),
    (b"topic=t&id=a%00", "id takes"),
    (b"topic=t&id=a%09", "id takes"),
    (b"topic=t&id=a%7f", "id takes"),
    (b"topic=t&id=a%c2%85", "id takes"),
    (b"topic=t&id=%ff", "id takes"),
    (b"topic=t&id=" + b"x" * 1025, "id takes"),
    (b"topic=t&type=a%0Ab", "type takes"),
    (b"topic=t&type=%0D", "type takes"),
    (b"topic=t&type=%00", "type takes"),
    (b"topic=t&type=%ff", "type takes"),
    (b"topic=t&retry=x", "retry takes"),
    (b"topic=t&retry=-1", "retry takes"),
    (b"topic=t&retry=+1", "retry takes"),
    (b"topic=t&retry=1.5", "retry takes"),
    (b"topic=t&retry=1e3", "retry takes"),
    (b"topic=t&retry=1%00", "retry takes"),
    (b"topic=t&retry=1234567890", "retry takes"),
    (b"topic=t&retry=86400001", "retry takes"),
    (b"topic=t&retry=999999999", "retry takes"),
    (b"topic=t&retry=%D9%A1", "retry takes"),
    (b"topic=t&data=%", "malformed"),
    (b"topic=t&data=%4", "malformed"),
    (b"topic=t&data=%zz", "malformed"),
    (b"topic=t" + b"&a" * 4096, "more than 4096 fields"),
])
def test_forms_that_are_refused(hub, form, why):
    answer = hub.post(form)
    check_form(answer)
    assert answer.status == "400 Bad Request"
    text = answer.body.decode()
    assert text.startswith("400 Bad Request: ") and why in text
    assert text.count("\n") == 1
    assert hub.metric("history_events") == 0


def test_a_topic_in_the_query_does_not_count(hub):
    answer = hub.process.ask(
        "/events", "topic=t", method="POST", body=b"data=x",
        CONTENT_TYPE=FORM, HTTP_AUTHORIZATION=f"Bearer {KEY}")
    assert answer.status == "400 Bad Request"


# Where it goes

def test_alternate_topics(hub):
    """Whoever follows any of them gets the update, and gets it once."""
    readers = [hub.subscribe(*topics) for topics in (
        ["a"], ["b"], ["c"], ["a", "b"], ["c", "a", "b"], ["*"], ["*", "b"])]
    strangers = [hub.subscribe(*topics) for topics in (["d"], ["A", "a/"])]
    name = hub.publish(["a", "b", "c", "a", "b"], "x")
    hub.publish(["a", "b", "c", "d", "A"], type_=END)
    for reader in readers:
        assert reader.take_to_end() == [Event("message", "x", name)]
    for stranger in strangers:
        assert stranger.take_to_end() == []
    for topic in "a", "b", "c":
        assert hub.replay(topic, last="earliest")[1] == ["x"]
    assert hub.replay("b", "a", last="earliest")[1] == ["x"]


def test_many_topics_of_one_update(hub):
    topics = [f"t{number}" for number in range(256)]
    reader = hub.subscribe(*topics)
    some = [hub.subscribe(topics[at]) for at in (0, 100, 255)]
    hub.publish(topics, "x")
    hub.publish(topics, type_=END)
    for each in [reader, *some]:
        assert [event.data for event in each.take_to_end()] == ["x"]


def test_names_are_compared_byte_for_byte(hub):
    names = ["a", "A", "a ", " a", "a/", "https://example.org/{",
             "https://example.org/1", "\u00e9", "e\u0301", "**", "t" * 4096]
    readers = [hub.subscribe(name) for name in names]
    for name in names:
        hub.publish(name, name)
    for name, reader in zip(names, readers):
        hub.publish(name, type_=END)
        assert [event.data for event in reader.take_to_end()] == [name]


# Limits

def test_body_that_is_too_long(fcgi_sse, short_dir):
    hub = start_hub(fcgi_sse, short_dir, "--max-body", "1K")
    form = b"topic=t&data="
    assert hub.post(form + b"x" * (1024 - len(form))).status == "200 OK"
    for more in 1, 1000, 500000:
        answer = hub.post(form + b"x" * (1024 - len(form) + more))
        check_short(answer, "413 Content Too Large", "413 Content Too Large: "
                    "the option max-body limits an update\n")
    assert hub.replay("t", last="earliest")[1] == ["x" * 1011]


@pytest.mark.memory_alone(reason="requests, before any store")
def test_longest_body(fcgi_sse, short_dir):
    """The largest that the option takes has room as a whole."""
    hub = start_hub(fcgi_sse, short_dir, "--max-body", "64M")
    answer = hub.post(b"topic=a&data=" + bytes(50 << 20).replace(b"\0", b"x"))
    assert answer.status == "200 OK"


def test_a_mebibyte(hub):
    data = "\u4e16\r\n" * 90000     # 3 bytes, and 9 and 6 in the form
    reader = hub.subscribe("t")
    form = b"topic=t&data=" + data.encode()
    assert len(form) < 1 << 20
    assert hub.post(form).status == "200 OK"
    assert reader.take(1)[0].data == seen(data)
    assert hub.post(form + b"x" * (1 << 20)).status.startswith("413")


def test_coalesce_makes_one_record_of_many_events(fcgi_sse, short_dir):
    hub = start_hub(fcgi_sse, short_dir, "--coalesce", "400ms")
    readers = [hub.subscribe("t"), hub.subscribe("*"), hub.subscribe("t")]
    began = time.monotonic()
    for number in range(20):
        hub.publish("t", str(number))
    took_s = time.monotonic() - began
    for reader in readers:
        events = reader.take(20)
        assert [event.data for event in events] == \
            [str(number) for number in range(20)]
        # The head is the first; a store may be slow.
        assert len(reader.answer.out_sizes) <= 3 + took_s / 0.4


def test_coalesce_loses_nothing_that_has_to_go(fcgi_sse, short_dir):
    """History that is shorter than what comes within the time."""
    hub = start_hub(fcgi_sse, short_dir, "--coalesce", "1s",
                    "--history-events", "4")
    reader = hub.subscribe("t")
    for number in range(23):
        hub.publish("t", str(number))
    reader.client.recv_until(
        reader.answer, lambda _: len(reader.events) == 23)
    assert [event.data for event in reader.events] == \
        [str(number) for number in range(len(reader.events))]


def test_a_repeat_with_the_same_idempotency_key(hub):
    """It is answered as the first was, and delivered once."""
    reader = hub.subscribe("once")
    update = [("topic", "once"), ("data", "x")]
    first, repeat, other = (
        hub.post(update, HTTP_IDEMPOTENCY_KEY=key)
        for key in ('"9a0c-1"', "9a0c-1", '"9a0c-2"'))
    assert {first.status, repeat.status, other.status} == {"200 OK"}
    assert repeat.body == first.body != other.body
    own = [hub.post([*update, ("id", number)], HTTP_IDEMPOTENCY_KEY="own")
           for number in ("i-1", "i-2")]
    assert [answer.body for answer in own] == [b"i-1", b"i-1"]
    hub.publish("once", "end")
    assert [event.id for event in reader.take(4)][:3] == [
        first.body.decode(), other.body.decode(), "i-1"]


@pytest.mark.parametrize("key", ["", '""', "a b", "x" * 129, "ü"])
def test_idempotency_keys_that_are_none(hub, key):
    answer = hub.post([("topic", "once")], HTTP_IDEMPOTENCY_KEY=key)
    check_short(answer, "400 Bad Request",
                "400 Bad Request: Idempotency-Key takes 1 to 128 visible "
                "characters\n")


def test_idempotency_keys_are_their_senders(fcgi_sse, tmp_path):
    """Nobody can have another's update taken for a repeat."""
    process = fcgi_sse("--publish-key-file", str(write_keys(tmp_path)),
                       "--public-topic", "t")
    hub = Hub(process)
    ids = [hub.post([("topic", "t")], key=key, HTTP_IDEMPOTENCY_KEY="k",
                    REMOTE_ADDR=address).body
           for key, address in ((KEY, "192.0.2.1"), (None, "192.0.2.1"),
                                (None, "192.0.2.2"), (None, "192.0.2.1"))]
    assert len(set(ids)) == 3 and ids[3] == ids[1]
