"""No byte of one client ever reaches another.

One writer serves all connections, so what a failed or forgotten write leaves
in it goes to whoever is next. Each test here brings client A into trouble in
one of the sequences of that writer, and then looks at the bytes of others.

Each request that is parsed makes the writer new. So the trouble is the last
thing that happens before the witnesses, who are there already, are looked at:
their next bytes come from the writer as the trouble has left it.
"""

import collections
import contextlib
import math
import time

import pytest

import fcgi_client
import responder
from checks import STREAM_HEAD, check_404, counter_body
from dates import parse_date
from fcgi_client import Answer

TICKS = "interval=100ms&format="
ENDINGS = ["close", "reset", "half_close"]


def check_ticks(answer, name):
    """Nothing but the head and a clock of that format."""
    assert answer.headers == STREAM_HEAD
    parser = answer.parser
    assert parser.is_whole and not parser.ignored and not parser.comments
    for event in parser.events:
        assert (event.type, event.id) == ("message", "")
        parse_date(name, event.data)
    expected = "".join(f"data: {event.data}\n\n" for event in parser.events)
    assert answer.body == expected.encode()


class Witnesses:
    """Clients whose streams run while another is in trouble."""

    def __init__(self, process):
        self.process = process
        self.clients = []
        self.silent = self.open("/counter", "interval=1h", 333)
        self.clocks = [(self.open("/clock", TICKS + name, number), name)
                       for number, name in ((111, "iso"), (222, "http"))]

    def open(self, path, query, request_id):
        client = self.process.client()
        self.clients.append(client)
        answer = client.send_request(path, query, request_id)
        client.recv_events(answer, 1)
        return client, answer

    def check(self):
        """Their bytes, and then those of clients that are new."""
        client, answer = self.silent
        client.send(fcgi_client.abort(answer.request_id))
        assert client.recv_end(answer).body == b'id: 1\ndata: {"num":1}\n\n'
        assert client.recv_close() == []
        for (client, answer), name in self.clocks:
            client.recv_events(answer, len(answer.events) + 2)
            check_ticks(answer, name)
        with self.process.client() as client:
            for number, path in ((7, "/short-7"), (300, "/short-300")):
                check_404(client.ask(path, request_id=number, keep=True), path)
            counter = client.ask("/counter", "count=3&interval=100ms", 5,
                                 HTTP_LAST_EVENT_ID="1")
            assert counter.body == counter_body(2, 3)
            assert client.recv_close() == []

    def close(self):
        for client in self.clients:
            client.close()


@pytest.fixture
def witnesses(shared):
    found = Witnesses(shared)
    yield found
    found.close()


def close_all(*clients):
    for client in clients:
        client.close()


def leave(clients, ending):
    for client in clients:
        getattr(client, ending)()


def leave_unnoticed(process, clients, ending, due):
    """The clients leave shortly before the moment at which the responder
    writes to them, while it is busy with a turn that lasts until behind it:
    so it writes before the news comes in."""
    flood = b"".join(fcgi_client.get(f"/{number}", keep=True)
                     for number in range(200))
    assert len(flood) < 65536       # one read
    with contextlib.ExitStack() as stack:
        busy = [stack.enter_context(process.client()) for _ in range(20)]
        for client in busy:
            check_404(client.ask("/busy", keep=True), "/busy")
        with process.paused():
            for client in busy:
                client.send(flood)
            responder.wait_until(lambda: time.time() > due - 0.008, "is due")
        responder.wait_until(busy[0].has_input, "the flood is answered")
        leave(clients, ending)
        responder.wait_until(busy[-1].has_input, "the turn is over")


def reasons(process):
    """How many streams have ended for which reason."""
    return collections.Counter(line["reason"] for line in process.log
                               if line["event"] == "disconnect")


# Parse

def test_parse_of_a_request_with_a_body(shared, witnesses):
    """A body that is left unread would eat what comes next."""
    with shared.client() as first, shared.client() as second:
        first.send(fcgi_client.request(
            fcgi_client.environ("/first", CONTENT_LENGTH="5"),
            b"A" * 100000, 1, keep=True)
            + fcgi_client.get("/behind", request_id=2))
        second.send(fcgi_client.get("/second", request_id=3))
        check_404(first.recv_end(Answer(1)), "/first")
        check_404(first.recv_end(Answer(2)), "/behind")
        check_404(second.recv_end(Answer(3)), "/second")
    witnesses.check()


def test_parse_keeps_each_requests_own_flags_and_id(shared, witnesses):
    """keepConnection and requestId in libfcgi are those of the last parse."""
    with shared.client() as kept, shared.client() as other:
        counter = kept.send_request("/counter", "count=3&interval=100ms", 41,
                                    keep=True)
        kept.recv_events(counter, 1)
        check_404(other.ask("/other", request_id=42), "/other")
        assert other.recv_close() == []
        assert kept.recv_end(counter).body == counter_body(1, 3)
        check_404(kept.ask("/kept", request_id=43), "/kept")
        assert kept.recv_close() == []
    witnesses.check()


def test_parse_of_half_a_request_leaves_nothing(shared, witnesses):
    half = fcgi_client.get("/half", HTTP_SECRET="A" * 3000)
    for at in (16, 20, 2000, len(half) - 8):
        with shared.client() as client:
            client.send(half[:at])
            client.half_close()
            assert client.recv_close() == []
    witnesses.check()


# Short answer

@pytest.mark.parametrize("ending", ENDINGS)
def test_short_answer_to_one_who_has_left(shared, witnesses, ending):
    with shared.paused():
        second = [shared.client() for _ in range(10)]
        for number, client in enumerate(second, 1):
            client.send_request(f"/own-{number}", request_id=number)
        first = [shared.client() for _ in range(10)]
        for number, client in enumerate(first, 101):
            client.send_request(f"/secret-{number}", request_id=number)
        leave(first, ending)
    for number, client in enumerate(second, 1):
        check_404(client.recv_end(Answer(number)), f"/own-{number}")
        assert client.recv_close() == []
    witnesses.check()
    close_all(*first, *second)


# Long answer in pieces

@pytest.mark.parametrize("ending", ENDINGS)
def test_long_answer_to_one_who_leaves_between_the_pieces(shared, witnesses,
                                                          ending):
    first = [shared.client(rcvbuf_bytes=4096) for _ in range(10)]
    for client in first:
        client.send(b"".join(
            fcgi_client.get("/page.js", request_id=number, keep=True)
            for number in range(1, 41)))
        assert client.recv_some()
    leave(first, ending)
    witnesses.check()
    close_all(*first)


def test_long_answers_in_turn_with_those_of_others(shared, witnesses):
    paths = ["/page.js", "/page.css"]
    files = [shared.ask(path).body for path in paths]
    slow = [shared.client(rcvbuf_bytes=4096) for _ in range(5)]
    for client in slow:
        client.send(b"".join(
            fcgi_client.get(paths[number % 2], request_id=number, keep=True)
            for number in range(1, 41)))
    for number in range(1, 41):
        for client in slow:
            assert client.recv_end(Answer(number)).body == files[number % 2]
    witnesses.check()
    close_all(*slow)


# Start of a stream

@pytest.mark.parametrize("path", ["/clock", "/stream", "/counter"])
@pytest.mark.parametrize("ending", ENDINGS)
def test_start_of_a_stream_for_one_who_has_left(shared, witnesses, path,
                                                ending):
    with shared.paused():
        second, first = shared.client(), shared.client()
        answer = second.send_request("/clock", TICKS + "unix", 66)
        first.send_request(path, "interval=100ms", 55)
        leave([first], ending)
    second.recv_events(answer, 3)
    check_ticks(answer, "unix")
    witnesses.check()
    close_all(first, second)


# Flush

@pytest.mark.parametrize("ending", ["close", "reset"])
def test_flush_beside_one_who_leaves(shared, witnesses, ending):
    for name in ("js", "unix", "iso"):
        with shared.client() as first:
            answer = first.send_request("/clock", TICKS + name, 77)
            first.recv_events(answer, 2)
            leave([first], ending)
    witnesses.check()


# Failed write

def test_failed_write_goes_to_nobody(shared, witnesses):
    before = reasons(shared)
    for attempt in range(1, 11):    # it takes a moment that may be missed
        first = [shared.client() for _ in range(10)]
        for number, client in enumerate(first, 1):
            answer = client.send_request("/clock", TICKS + "unix", number)
            client.recv_events(answer, 1)
        next_tick = math.ceil(time.time() * 10 + 1) / 10
        leave_unnoticed(shared, first, "reset", next_tick)
        responder.wait_until(lambda: (reasons(shared) - before).total()
                             >= 10 * attempt, "all have left")
        if reasons(shared)["write-failed"] > before["write-failed"]:
            break
    else:
        raise AssertionError("no write has failed")
    witnesses.check()


# Polite end

@pytest.mark.parametrize("ending", ENDINGS)
def test_polite_end_for_one_who_has_left(shared, witnesses, ending):
    first = [shared.client() for _ in range(10)]
    for number, client in enumerate(first, 1):
        answer = client.send_request("/counter", "count=2&interval=300ms",
                                     number)
        client.recv_events(answer, 1)
    leave_unnoticed(shared, first, ending, time.time() + 0.3)
    witnesses.check()
    close_all(*first)


@pytest.mark.parametrize("ending", ENDINGS)
def test_polite_end_after_an_abort(shared, witnesses, ending):
    first = [shared.client() for _ in range(5)]
    for number, client in enumerate(first, 1):
        answer = client.send_request("/clock", "interval=100ms", number)
        client.recv_events(answer, 1)
    with shared.paused():
        for number, client in enumerate(first, 1):
            client.send(fcgi_client.abort(number))
        leave(first, ending)
    witnesses.check()
    close_all(*first)


# Parse failure

@pytest.mark.parametrize("spoilt", [
    b"\x05\x0aNAMES", b"\xff\xff\xff\xff\x01", b"\x80\x00", b"\x01"],
    ids=["too short", "too long", "cut length", "lone length"])
def test_parse_failure_leaves_nothing(shared, witnesses, spoilt):
    with shared.paused():
        second, first = shared.client(), shared.client()
        answer = second.send_request("/own", request_id=52)
        first.send(fcgi_client.begin(51)
                   + fcgi_client.records(fcgi_client.PARAMS, spoilt, 51)
                   + fcgi_client.records(fcgi_client.STDIN, b"A" * 99, 51))
    check_404(second.recv_end(answer), "/own")
    for rec in first.recv_close():
        assert rec.id == 51
    witnesses.check()
    close_all(first, second)


def test_refused_role_leaves_nothing(shared, witnesses):
    with shared.paused():
        second, first = shared.client(), shared.client()
        answer = second.send_request("/own", request_id=62)
        first.send(fcgi_client.begin(61, fcgi_client.FILTER)
                   + fcgi_client.get("/secret", request_id=61)[16:])
    check_404(second.recv_end(answer), "/own")
    assert [rec.id for rec in first.recv_close()] == [61]
    witnesses.check()
    close_all(first, second)
