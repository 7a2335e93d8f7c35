"""A process that serves one stream reads what that stream needs of the log:
by CGI, and as mod_fcgid starts one."""

import contextlib
import os
import pathlib
import re
import socket
import urllib.parse
import uuid

import pytest

import fcgi_client
from cgi_program import Program, ask
from hub import FORM, KEY, write_keys
from redis_server import redis                              # noqa: F401
from responder import Responder, is_sanitized, wait_until

EVENT_SOURCE = {"HTTP_ACCEPT": "text/event-stream"}


def request(topics, path="/events", data=None, **fields):
    """The variables and the body of a publish."""
    pairs = [("topic", topic) for topic in topics] + [("data", data)]
    body = urllib.parse.urlencode(pairs + list(fields.items())).encode()
    return path, body, {"method": "POST", "CONTENT_TYPE": FORM,
                        "CONTENT_LENGTH": str(len(body)),
                        "HTTP_AUTHORIZATION": f"Bearer {KEY}"}


class Hub:
    """CGI programs that have one log."""

    def __init__(self, folder):
        (folder / "state").mkdir(mode=0o700)
        self.env = {"XDG_STATE_HOME": str(folder / "state"),
                    "FCGI_SSE_PUBLISH_KEY_FILE": str(write_keys(folder))}

    def publish(self, *topics, data, **fields):
        path, body, values = request(topics, data=data, **fields)
        answer = ask(path, body=body, env=self.env, **values)
        assert answer.status == "200 OK", answer.out
        return answer.body.decode()

    @contextlib.contextmanager
    def subscribe(self, query, **values):
        with Program("/events", query, env=self.env, **values) as program:
            answer = program.read_until(lambda answer: answer.head)
            yield Stream(program, answer)


class Stream:
    def __init__(self, program, answer):
        self.program = program
        self.answer = answer
        self.field = answer.headers.get("Last-Event-ID")

    def data(self, count):
        """The data of the next events, up to so many in all."""
        # Parsing all again for each piece would take long.
        while self.answer.body.count(b"\n\n") < count \
                or len(self.answer.events) < count:
            piece = os.read(self.program.process.stdout.fileno(), 65536)
            assert piece, "the stream has ended"
            self.answer.out += piece
        return [event.data for event in self.answer.events]


@pytest.fixture(params=["sqlite", "redis"])
def hub(request, short_dir):
    made = Hub(short_dir)
    if request.param == "redis":
        server = request.getfixturevalue("redis")
        server.start()
        made.env["FCGI_SSE_STORE"] = server.url
    return made


def test_who_comes_back_gets_what_was_missed_and_what_follows(hub):
    ids = [hub.publish("a", data=str(number)) for number in range(5)]
    hub.publish("b", data="of another topic")
    with hub.subscribe("topic=a", HTTP_LAST_EVENT_ID=ids[1]) as stream:
        assert stream.field == ids[1]
        assert stream.data(3) == ["2", "3", "4"]
        hub.publish("b", data="of another topic")
        hub.publish("a", data="5")
        assert stream.data(4) == ["2", "3", "4", "5"]
        assert stream.answer.events[0].id == ids[2]


def test_who_comes_for_the_first_time_gets_what_follows(hub):
    hub.publish("a", data="before")
    with hub.subscribe("topic=a") as stream:
        assert stream.field is None
        hub.publish("a", data="after")
        assert stream.data(1) == ["after"]


def test_the_first_of_all_makes_the_log(hub):
    with hub.subscribe("topic=a") as stream:
        hub.publish("a", data="1")
        assert stream.data(1) == ["1"]


@pytest.mark.parametrize("query,expected", [
    ("topic=a&topic=b", "1 2 3"),
    ("topic=*", "1 2 3 4"),
    ("topic=https%3A%2F%2Fexample.com%2F%7Bname%7D", "4"),
    ("match=b", "2 3"),
])
def test_what_can_be_followed(hub, query, expected):
    hub.publish("a", data="1")
    hub.publish("b", data="2")
    hub.publish("a", "b", data="3")
    hub.publish("https://example.com/c", data="4")
    with hub.subscribe(query, HTTP_LAST_EVENT_ID="earliest") as stream:
        expected = expected.split()
        assert stream.field == "earliest"
        assert stream.data(len(expected)) == expected
        hub.publish("a", "b", "https://example.com/d", data="5")
        assert stream.data(len(expected) + 1) == [*expected, "5"]


def test_the_last_ones(hub):
    for number in range(5):
        hub.publish("a", data=str(number))
        hub.publish("b", data="of another topic")
    with hub.subscribe("topic=a&last=2") as stream:
        assert stream.data(2) == ["3", "4"]


@pytest.mark.parametrize("last_id,field,expected", [
    ("urn:x:2", "urn:x:2", ["3", "5"]),
    # Not there, of another topic, and one that is not for everybody.
    ("urn:x:0", "earliest", ["1", "2", "3", "5"]),
    ("urn:x:6", "earliest", ["1", "2", "3", "5"]),
    ("urn:x:4", "earliest", ["1", "2", "3", "5"]),
])
def test_ids_of_publishers(hub, last_id, field, expected):
    hub.publish("a", data="1")
    hub.publish("a", data="2", id="urn:x:2")
    hub.publish("a", data="3")
    hub.publish("a", data="4", id="urn:x:4", private="on")
    hub.publish("a", data="5")
    hub.publish("b", data="6", id="urn:x:6")
    with hub.subscribe("topic=a", HTTP_LAST_EVENT_ID=last_id) as stream:
        assert stream.field == field
        hub.publish("a", data="end")
        assert stream.data(len(expected) + 1) == [*expected, "end"]


def time_ms(name):
    return uuid.UUID(name).int >> 80


def test_nothing_is_told_of_what_goes_elsewhere(hub):
    """Where a stream ends, or begins, is not at another topic's update that
    its client may not have."""
    first = hub.publish("a", data="1")
    secret = hub.publish("b", data="2", private="on")
    env = {**hub.env, "FCGI_SSE_STREAM_LIFETIME": "1s"}
    with Program("/events", "topic=a&last=1", env=env) as program:
        names = re.findall("(?m)^id: (.*)$", program.read_rest().decode())
    assert names[0] == first and len(names) == 2
    head = ask("/events", "topic=a&lastEventID=", method="HEAD", env=hub.env)
    for told in names[1], head.headers["Mercure-Last-Event-ID"]:
        assert told != secret
        assert told == first or time_ms(told) % 1000 == 999
        assert 0 <= time_ms(secret) - time_ms(told) <= 1000 or told == first


def test_a_head_alone(hub):
    name = hub.publish("a", data="1")
    answer = ask("/events", "topic=a", method="HEAD", env=hub.env,
                 HTTP_LAST_EVENT_ID=name)
    assert answer.headers["Last-Event-ID"] == name
    assert answer.body == b""


def private_kib(pid):
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(line.split()[1]) for line in text.splitlines()
               if line.startswith("Private_"))


def test_a_client_that_is_slow_has_the_store_wait(hub):
    """It gets all in the end, and costs little meanwhile."""
    sent = [f"{number} " + "x" * 60000 for number in range(80)]
    for data in sent:
        hub.publish("a", data=data)
    with hub.subscribe("topic=a", HTTP_LAST_EVENT_ID="earliest") as stream:
        hub.publish("a", data="end")
        if not is_sanitized():
            assert private_kib(stream.program.process.pid) < 4000
        assert stream.data(len(sent) + 1) == [*sent, "end"]
        # And from here on as ever.
        hub.publish("a", data="live")
        assert stream.data(len(sent) + 2)[-1] == "live"


def test_more_events_than_a_topic_keeps_in_memory(hub):
    hub.env["FCGI_SSE_HISTORY_EVENTS"] = "3"
    sent = [str(number) for number in range(20)]
    for data in sent:
        hub.publish("a", data=data)
    with hub.subscribe("topic=a", HTTP_LAST_EVENT_ID="earliest") as stream:
        assert stream.data(len(sent)) == sent


@contextlib.contextmanager
def broker(folder, is_silent):
    """One that is not there, or that takes connections and says nothing."""
    path = folder / "broker"
    with socket.socket(socket.AF_UNIX) as sock:
        if is_silent:
            sock.bind(str(path))
            sock.listen()
        yield f"redis+unix:{path}"


@pytest.mark.parametrize("is_silent", [False, True])
def test_a_store_that_does_not_answer(short_dir, is_silent):
    with broker(short_dir, is_silent) as url:
        env = {"FCGI_SSE_STORE": url, "XDG_STATE_HOME": str(short_dir)}
        answer = ask("/events", "topic=a", env=env, **EVENT_SOURCE)
        assert answer.status == "200 OK"
        assert [event.type for event in answer.events] == ["refused"]
        assert answer.body.startswith(b"retry: ")
        answer = ask("/events", "topic=a", env=env)
        assert answer.status == "503 Service Unavailable"
        assert int(answer.headers["Retry-After"]) > 0
        # What needs no store is served.
        assert ask("/page.js", env=env).status == "200 OK"


@pytest.fixture
def process(hub, short_dir):
    """One as mod_fcgid starts them, which serves one request at a time."""
    (short_dir / "fcgid").mkdir()
    address = short_dir / "fcgid" / "s"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(address))
        sock.listen(8)
        started = Responder([], [], stdin=sock, env=hub.env,
                            await_ready=False)
        started.addresses = [f"unix:{address}"]
        yield started
    started.stop()


@contextlib.contextmanager
def stream_of(process, query, **values):
    with process.client() as client:
        answer = client.send_request("/events", query, **values)
        client.recv_until(answer, lambda answer: answer.head)
        yield client, answer


def publish(process, *topics, data, **fields):
    path, body, values = request(topics, data=data, **fields)
    answer = fcgi_client.ask(process.addresses[0], path, body=body, **values)
    assert answer.status == "200 OK", answer.out
    return answer.body.decode()


def test_one_stream_after_the_other(process):
    ids = [publish(process, "a", "b", data=str(number)) for number in range(4)]
    publish(process, "c", data="c", id="urn:c")
    pattern = "topic=" + urllib.parse.quote("{name}")
    for query, values, expected in [
            ("topic=a", {"HTTP_LAST_EVENT_ID": ids[0]}, ["1", "2", "3"]),
            (pattern, {"HTTP_LAST_EVENT_ID": ids[3]}, ["c"]),
            (pattern, {"HTTP_LAST_EVENT_ID": ids[1]}, ["2", "3", "c"]),
            ("topic=b", {"HTTP_LAST_EVENT_ID": ids[2]}, ["3"]),
            ("topic=c", {"HTTP_LAST_EVENT_ID": "earliest"}, ["c"]),
            ("topic=*", {"HTTP_LAST_EVENT_ID": ids[3]}, ["c"]),
            ("topic=*&last=3", {}, ["2", "3", "c"]),
            ("topic=a", {"HTTP_LAST_EVENT_ID": ids[0]}, ["1", "2", "3"])]:
        with stream_of(process, query, **values) as (client, answer):
            client.recv_events(answer, len(expected))
            assert [event.data for event in answer.events] == expected
            assert answer.headers.get("Last-Event-ID") \
                == values.get("HTTP_LAST_EVENT_ID")
        wait_until(lambda: open_count(process) == 0, "the stream has ended")
        # Nothing is kept for the next one.
        assert metric(process, "history_events") == 0


def metric(process, name):
    body = process.ask("/metrics", REMOTE_ADDR="127.0.0.1").body.decode()
    lines = dict(line.rsplit(" ", 1) for line in body.splitlines())
    return float(lines[f"fcgi_sse_{name}"])


def open_count(process):
    return metric(process, "streams_open")


def test_a_second_stream_at_the_same_time(process):
    """mod_fcgid does not ask for it; who does is told to come back."""
    with stream_of(process, "topic=a") as (client, answer):
        with stream_of(process, "topic=b", **EVENT_SOURCE) as (late, other):
            late.recv_end(other)
            assert other.status == "200 OK"
            assert [event.type for event in other.events] == ["refused"]
        publish(process, "a", data="1")
        client.recv_events(answer, 1)


def test_a_process_that_goes_on_leaves_its_seat(process):
    """Idle, it takes no place from another one."""
    with stream_of(process, "topic=a"):
        assert metric(process, "streams_open_shared") == 1
    wait_until(lambda: metric(process, "streams_open_shared") == 0,
               "the seat is free")


def test_a_client_that_goes_while_it_waits(process):
    with process.client() as client:
        client.send_request("/events", "topic=a")
    publish(process, "a", data="1")
    with stream_of(process, "topic=a", HTTP_LAST_EVENT_ID="earliest") \
            as (client, answer):
        client.recv_events(answer, 1)
