"""No byte of one client ever reaches another.

One writer serves all connections, so what a failed or forgotten write leaves
in it would go to the next client. Each test here brings client A into trouble
in one of the sequences of that writer, and then looks at B's bytes.
"""

import pytest

import fcgi_client
import responder
from checks import STREAM_HEAD, check_404, counter_body
from dates import parse_date
from fcgi_client import Answer

TICKS = "interval=100ms&format="


def check_everyone(process, *streams):
    """New clients get their own answers, and streams that run go on."""
    with process.client() as client:
        for number, path in ((7, "/short-7"), (300, "/short-300")):
            check_404(client.ask(path, request_id=number, keep=True), path)
        counter = client.ask("/counter", "count=3&interval=100ms", 5,
                             HTTP_LAST_EVENT_ID="1")
        assert counter.body == counter_body(2, 3)
        assert client.recv_close() == []
    for client, answer, name in streams:
        client.recv_events(answer, len(answer.events) + 2)
        check_ticks(answer, name)


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


@pytest.fixture
def good(shared):
    """Two clocks that run, of different format, beside what the test does."""
    with shared.client() as one, shared.client() as two:
        yield [(one, one.send_request("/clock", TICKS + "iso", 11), "iso"),
               (two, two.send_request("/clock", TICKS + "http", 22), "http")]


# Parse

def test_parse_of_a_request_with_a_body(shared, good):
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
    check_everyone(shared, *good)


def test_parse_keeps_each_requests_own_flags_and_id(shared, good):
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
    check_everyone(shared, *good)


def test_parse_of_half_a_request_leaves_nothing(shared, good):
    half = fcgi_client.get("/half", HTTP_SECRET="A" * 3000)
    for at in (16, 20, 2000, len(half) - 8):
        with shared.client() as client:
            client.send(half[:at])
            client.half_close()
            assert client.recv_close() == []
    check_everyone(shared, *good)


# Short answer

@pytest.mark.parametrize("ending", ["close", "reset"])
def test_short_answer_to_one_who_has_left(shared, good, ending):
    for _ in range(5):
        with shared.paused():
            first = [shared.client() for _ in range(10)]
            second = [shared.client() for _ in range(10)]
            for number, (one, two) in enumerate(zip(first, second), 1):
                one.send_request(f"/secret-{number}", request_id=number)
                getattr(one, ending)()
                two.send_request(f"/own-{number}", request_id=number + 100)
        for number, client in enumerate(second, 1):
            check_404(client.recv_end(Answer(number + 100)), f"/own-{number}")
            assert client.recv_close() == []
            client.close()
    check_everyone(shared, *good)


# Long answer in pieces

def test_long_answer_to_one_who_resets_between_the_pieces(shared, good):
    page = shared.ask("/page.js").body
    first = [shared.client(rcvbuf_bytes=4096) for _ in range(10)]
    for client in first:
        client.send(b"".join(
            fcgi_client.get("/page.js", request_id=number, keep=True)
            for number in range(1, 41)))
        assert client.recv_some()
    slow = shared.client(rcvbuf_bytes=4096)
    slow.send(b"".join(
        fcgi_client.get(path, request_id=number, keep=True)
        for number, path in enumerate(["/page.js", "/page.css"] * 10, 1)))
    for client in first:
        client.reset()
        assert shared.ask("/page.js", request_id=9).body == page
    style = shared.ask("/page.css").body
    for number in range(1, 21):
        assert slow.recv_end(Answer(number)).body == \
            (page if number % 2 else style)
    slow.close()
    check_everyone(shared, *good)


# Start of a stream

@pytest.mark.parametrize("path", ["/clock", "/stream", "/counter"])
@pytest.mark.parametrize("ending", ["close", "reset", "half_close"])
def test_start_of_a_stream_for_one_who_has_left(shared, good, path, ending):
    with shared.paused():
        first, second = shared.client(), shared.client()
        first.send_request(path, "interval=100ms", 55)
        getattr(first, ending)()
        answer = second.send_request("/clock", TICKS + "unix", 66)
    second.recv_events(answer, 3)
    check_ticks(answer, "unix")
    first.close()
    second.close()
    check_everyone(shared, *good)


# Flush, and the failed write

@pytest.mark.parametrize("ending", ["close", "reset"])
def test_flush_beside_one_who_leaves(shared, good, ending):
    for name in ("js", "unix", "iso"):
        with shared.client() as first:
            answer = first.send_request("/clock", TICKS + name, 77)
            first.recv_events(answer, 2)
            getattr(first, ending)()
        check_everyone(shared, *good)


def test_failed_write_goes_to_nobody(shared, good):
    """After a pause the timers come first: the tick is written to a client
    who has left before the loop learns that it has."""
    for client, answer, _ in good:
        client.recv_events(answer, 1)
    first = [shared.client() for _ in range(20)]
    for number, client in enumerate(first, 1):
        query = "interval=100ms&count=1000000" if number % 2 \
            else "interval=100ms&format=unix"
        answer = client.send_request("/counter" if number % 2 else "/clock",
                                     query, number)
        client.recv_events(answer, 1)
    with shared.paused():
        for client in first:
            client.reset()
        responder.wait_past_ms(250)
        late = shared.client()
        own = late.send_request("/own", request_id=88)
    check_404(late.recv_end(own), "/own")
    late.close()
    check_everyone(shared, *good)


# Polite end

@pytest.mark.parametrize("ending", ["close", "reset", "half_close"])
def test_polite_end_for_one_who_has_left(shared, good, ending):
    first = [shared.client() for _ in range(10)]
    for number, client in enumerate(first, 1):
        answer = client.send_request("/counter", "count=2&interval=200ms",
                                     number)
        client.recv_events(answer, 1)
    with shared.paused():
        for client in first:
            getattr(client, ending)()
        responder.wait_past_ms(250)
        late = shared.client()
        own = late.send_request("/counter", "count=2&interval=100ms", 99)
    assert late.recv_end(own).body == counter_body(1, 2)
    late.close()
    for client in first:
        client.close()
    check_everyone(shared, *good)


def test_polite_end_after_an_abort(shared, good):
    with shared.paused():
        first = shared.client()
        first.send_request("/clock", "interval=100ms", 31)
        first.send(fcgi_client.abort(31))
        second = shared.client()
        answer = second.send_request("/own", request_id=32)
    check_404(second.recv_end(answer), "/own")
    first.recv_end(Answer(31))
    for client in (first, second):
        client.close()
    check_everyone(shared, *good)


# Parse failure

@pytest.mark.parametrize("spoilt", [
    b"\x05\x0aNAMES", b"\xff\xff\xff\xff\x01", b"\x80\x00", b"\x01"])
def test_parse_failure_leaves_nothing(shared, good, spoilt):
    with shared.paused():
        first, second = shared.client(), shared.client()
        first.send(fcgi_client.begin(51)
                   + fcgi_client.records(fcgi_client.PARAMS, spoilt, 51)
                   + fcgi_client.records(fcgi_client.STDIN, b"A" * 99, 51))
        answer = second.send_request("/own", request_id=52)
    check_404(second.recv_end(answer), "/own")
    for rec in first.recv_close():
        assert rec.id == 51
    for client in (first, second):
        client.close()
    check_everyone(shared, *good)


def test_refused_role_leaves_nothing(shared, good):
    with shared.paused():
        first, second = shared.client(), shared.client()
        first.send(fcgi_client.begin(61, fcgi_client.FILTER)
                   + fcgi_client.get("/secret", request_id=61)[16:])
        answer = second.send_request("/own", request_id=62)
    check_404(second.recv_end(answer), "/own")
    assert [rec.id for rec in first.recv_close()] == [61]
    for client in (first, second):
        client.close()
    check_everyone(shared, *good)
