"""What no web server sends: it costs its sender the connection, and nobody
else anything."""

import concurrent.futures
import contextlib
import random
import statistics
import struct
import time

import pytest

import fcgi_client
import responder
from checks import check_404
from fcgi_client import Answer, PARAMS, STDIN

RESPONDER_ARGS = ["--request-timeout", "1s", "--max-body", "64K"]
PARAMS_RECORDS = fcgi_client.records(
    PARAMS, fcgi_client.pairs(fcgi_client.environ("/nope")))
ASK = fcgi_client.get("/nope")


def pipelined_pages(count):
    return b"".join(fcgi_client.get("/page.js", request_id=number, keep=True)
                    for number in range(1, count + 1))


def send_what_goes(client, data):
    """Sends until the responder closes or takes no more."""
    client.sock.settimeout(0.5)
    try:
        client.send(data)
    except OSError:
        pass


def records_or_nothing(client):
    """What comes until the responder closes; each record is checked."""
    return [rec.type for rec in client.recv_close()]


# Bytes that are no FastCGI

@pytest.mark.parametrize("data", [
    b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 100,
    b"\0" * 100, b"\xff" * 100000, b"\n" * 8,
    fcgi_client.record(1, struct.pack("!HB5x", 1, 0), version=2),
    fcgi_client.record(1, struct.pack("!HB5x", 1, 0), version=0),
    fcgi_client.begin() + b"GET / HTTP/1.1\r\n\r\n",
    ASK[:-8] + fcgi_client.record(STDIN, b"", version=7),
], ids=["http", "tls", "zeros", "ones", "lines", "version 2", "version 0",
        "begin and http", "wrong version at the end"])
@pytest.mark.parametrize("transport", ["unix", "tcp"])
def test_what_is_no_record_closes_the_connection(fcgi_sse, transport, data):
    """Not by the time that a request has."""
    process = fcgi_sse("--request-timeout", "1h", transport=transport)
    with process.unharmed(), process.client() as client:
        send_what_goes(client, data)
        assert records_or_nothing(client) == []


def test_random_bytes(shared):
    chance = random.Random(4)
    for _ in range(200):
        with shared.client() as client:
            size = chance.choice((1, 7, 8, 9, 100, 5000))
            start = chance.choice((b"", b"\1", fcgi_client.begin()))
            send_what_goes(client, start + chance.randbytes(size))


def test_requests_with_spoilt_bytes(shared):
    chance = random.Random(5)
    for _ in range(500):
        spoilt = bytearray(ASK)
        for _ in range(chance.choice((1, 2, 10))):
            spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
        with shared.client() as client:
            send_what_goes(client, bytes(spoilt))
            client.half_close()
            client.recv_close()


# Requests that are cut off

@pytest.mark.parametrize("ending", ["close", "half_close"])
def test_request_truncated_at_every_byte_gets_no_answer(shared, ending):
    """libfcgi would answer one whose PARAMS are cut off as if it was whole."""
    clients = []
    for at in range(len(ASK)):
        client = shared.client()
        client.send(ASK[:at])
        getattr(client, ending)()
        clients.append(client)
    for client in clients:
        if ending == "half_close":
            assert client.recv_close() == []
            client.close()


# Silence

DRIPS = {
    "a request": [bytes([byte]) for byte in ASK],
    "questions": [fcgi_client.get_values("FCGI_MPXS_CONNS")] * 200,
    "aborts": [fcgi_client.abort(3)] * 200,
}


# A request has a second. A piece of a drip comes each 50 ms: for ten seconds.
AT_LEAST_S, AT_MOST_S = 0.9, 6


def seconds_to_close(client, began, drip=()):
    """How long the responder keeps a connection that sends a piece of the
    drip every 50 ms."""
    pieces = iter(drip)
    while time.monotonic() - began < AT_MOST_S:
        try:
            if client.has_input(0.05) and not client.recv_some():
                break
            client.send(next(pieces, b""))
        except OSError:
            break
    return time.monotonic() - began


@pytest.mark.parametrize("drips", [{}, DRIPS], ids=["silence", "drip"])
def test_a_request_has_its_time_and_no_more(shared, drips):
    cases = drips or dict.fromkeys((
        b"", ASK[:1], ASK[:8], ASK[:16], ASK[:-8], ASK[:-1],
        fcgi_client.get_values("FCGI_MPXS_CONNS"), fcgi_client.abort(3)), ())
    with contextlib.ExitStack() as stack, \
            concurrent.futures.ThreadPoolExecutor(len(cases)) as pool:
        futures = {}
        for case, drip in cases.items():
            began = time.monotonic()
            client = stack.enter_context(shared.client())
            client.send(b"" if drip else case)
            futures[case] = pool.submit(seconds_to_close, client, began, drip)
        shared.check_good()
        for case, future in futures.items():
            assert AT_LEAST_S < future.result() < AT_MOST_S, case


def test_the_next_request_of_a_kept_connection_has_its_own_time(shared):
    with shared.client() as client:
        check_404(client.ask("/nope", keep=True), "/nope")
        began = time.monotonic()
        client.send(ASK[:20])
        assert AT_LEAST_S < seconds_to_close(client, began) < AT_MOST_S


def test_a_drip_on_a_kept_connection_renews_no_time(shared):
    with shared.client() as client:
        check_404(client.ask("/nope", keep=True), "/nope")
        pieces = [ASK[at:at + 1] for at in range(len(ASK) - 8)]
        assert AT_LEAST_S < seconds_to_close(
            client, time.monotonic(), pieces) < AT_MOST_S


def test_many_silent_ones_delay_no_good_one(shared):
    starts = (b"", ASK[:30], fcgi_client.get_values("FCGI_MAX_REQS"))
    clients = [shared.client() for _ in range(300)]
    for number, client in enumerate(clients):
        client.send(starts[number % len(starts)])
    took_s = []
    for _ in range(20):
        began = time.monotonic()
        check_404(shared.ask("/nope"), "/nope")
        took_s.append(time.monotonic() - began)
    assert statistics.median(took_s) < 0.9
    for client in clients:
        client.close()


# PARAMS

@pytest.mark.parametrize("values", [
    {"HTTP_COOKIE": "c" * 64000},
    {f"HTTP_X_{number}": "v" * 50 for number in range(1000)},
    {"N" * 30000: "v" * 30000},
], ids=["a long one", "many", "a long name"])
def test_params_of_64_kib(shared, values):
    answer = shared.ask("/nope", **values)
    check_404(answer, "/nope")


def test_params_beyond_all_measure_are_refused(shared):
    values = {f"HTTP_X_{number}": "v" * 60000 for number in range(300)}
    with shared.client() as client:
        send_what_goes(client, fcgi_client.get("/nope", **values))
        kinds = records_or_nothing(client)
        assert fcgi_client.STDOUT not in kinds or kinds[-1] \
            == fcgi_client.END_REQUEST


BROKEN_PARAMS = {
    "name of 2 GiB": b"\xff\xff\xff\xff\x01",
    "value of 2 GiB": b"\x01\xff\xff\xff\xffA",
    "both of 2 GiB": b"\xff\xff\xff\xff" * 2 + b"A" * 100,
    "both just overflow": b"\xff\xff\xff\xff\xff\xff\xff\xfe",
    "more than is there": b"\x05\x0aNAMES",
    "a length cut off": b"\x80\x00",
    "a lone length": b"\x01",
    "zero lengths": b"\x00\x00" * 500,
    "NUL in name and value": b"\x03\x03A\0BC\0D",
    "no name": b"\x00\x05value",
}


@pytest.mark.parametrize("spoilt", BROKEN_PARAMS.values(), ids=BROKEN_PARAMS)
@pytest.mark.parametrize("where", ["before", "behind"])
def test_name_value_pairs_that_lie(shared, spoilt, where):
    good = fcgi_client.pairs(fcgi_client.environ("/nope"))
    content = spoilt + good if where == "before" else good + spoilt
    with shared.client() as client:
        client.send(fcgi_client.begin()
                    + fcgi_client.records(PARAMS, content)
                    + fcgi_client.records(STDIN, b""))
        seen = client.recv_close(3)
    answer = Answer()
    for rec in seen:
        answer.add(rec)
    assert not answer.out or answer.end == (0, 0)


# Records out of order

@pytest.mark.parametrize("data", [
    fcgi_client.begin() + fcgi_client.record(STDIN, b"early")
    + PARAMS_RECORDS + fcgi_client.record(STDIN),
    fcgi_client.begin() + fcgi_client.record(STDIN) + PARAMS_RECORDS,
    fcgi_client.begin() + fcgi_client.record(PARAMS)
    + fcgi_client.record(STDIN),
    fcgi_client.begin() + PARAMS_RECORDS + PARAMS_RECORDS
    + fcgi_client.record(STDIN),
    fcgi_client.begin() + fcgi_client.begin() + ASK[16:],
    ASK[:-8] + fcgi_client.begin() + ASK[-8:],
    PARAMS_RECORDS + fcgi_client.record(STDIN),
    fcgi_client.record(1, b"short") + ASK[16:],
    fcgi_client.record(1, b"") + ASK[16:],
    b"".join(fcgi_client.record(kind, b"x" * 8)
             for kind in (3, 6, 7, 10, 11, 3)),
], ids=["body before the end of PARAMS", "end of STDIN before PARAMS",
        "no PARAMS", "PARAMS twice", "BEGIN_REQUEST twice",
        "BEGIN_REQUEST in the body", "no BEGIN_REQUEST",
        "BEGIN_REQUEST too short", "BEGIN_REQUEST empty",
        "what only a responder sends"])
def test_records_out_of_order(shared, data):
    with shared.client() as client:
        send_what_goes(client, data)
        answer = Answer()
        for rec in client.recv_close(3):
            if rec.id:
                answer.add(rec)
        assert not answer.out or answer.end == (0, 0)


def test_a_flood_of_records_of_strangers(shared):
    for kind, request_id in ((STDIN, 9), (fcgi_client.GET_VALUES, 0),
                             (200, 0), (fcgi_client.BEGIN_REQUEST, 0)):
        with shared.client() as client:
            flood = fcgi_client.record(kind, b"x" * 8, request_id, 255)
            send_what_goes(client, fcgi_client.begin() + flood * 20000)


# Bodies

def test_body_up_to_the_limit_and_beyond(shared):
    with shared.client() as client:
        check_404(client.ask("/nope", body=b"b" * 65536, keep=True), "/nope")
    for size in (65537, 1 << 20):
        with shared.client() as client:
            values = fcgi_client.environ("/", method="POST")
            send_what_goes(client, fcgi_client.request(values, b"b" * size))
            answer = Answer()
            for rec in client.recv_close(3):
                answer.add(rec)
        if answer.out:
            assert answer.end == (0, 0)
            assert answer.status[:3] in ("405", "413")


def test_a_body_that_lies_about_its_length(shared):
    for length in ("3", "10", "1000000"):
        with shared.client() as client:
            answer = client.ask("/nope", body=b"12345", keep=True,
                                CONTENT_LENGTH=length)
            check_404(answer, "/nope")
            check_404(client.ask("/next"), "/next")


# Peers that do not take what is sent

def test_a_peer_that_stops_reading_gets_all_when_it_reads_again(shared):
    page = shared.ask("/page.js").body
    with shared.client(rcvbuf_bytes=4096) as client:
        # As much as goes without reading: the answers jam.
        client.sock.settimeout(0.3)
        sent = 0
        try:
            for number in range(1, 2000):
                client.send(fcgi_client.get("/page.js", request_id=number,
                                            keep=True))
                sent = number
        except TimeoutError:
            pass
        shared.check_good()
        for number in range(1, min(sent, 50) + 1):
            answer = client.recv_end(Answer(number))
            assert answer.body == page


@pytest.mark.parametrize("read", [0, 1, 5000, 200000])
def test_a_peer_that_resets_in_the_middle_of_a_write(shared, read):
    clients = [shared.client(rcvbuf_bytes=4096) for _ in range(20)]
    for client in clients:
        client.send(pipelined_pages(40))
    for client in clients:
        left = read
        while left > 0:
            left -= len(client.sock.recv(left))
    for client in clients:
        client.reset()
    shared.check_good()


def test_peers_that_leave_before_their_answer(shared):
    for ending in ("close", "reset", "half_close"):
        for path in ("/nope", "/page.js", "/clock", "/counter"):
            with shared.paused():
                clients = [shared.client() for _ in range(10)]
                for client in clients:
                    client.send_request(path, "interval=100ms")
                    getattr(client, ending)()
            shared.check_good()
            for client in clients:
                client.close()


def test_streams_whose_peers_stop_reading_hold_up_nobody(shared):
    stalled = [shared.client(rcvbuf_bytes=4096) for _ in range(50)]
    for client in stalled:
        client.send_request("/clock", "interval=100ms")
    with shared.client() as client:
        answer = client.send_request("/clock", "interval=100ms&format=iso")
        client.recv_events(answer, 10)
    for client in stalled:
        client.reset()


def test_memory_is_back_after_a_thousand_bad_connections(fcgi_sse):
    if responder.is_sanitized():
        pytest.skip("a sanitizer keeps what is freed")
    process = fcgi_sse(*RESPONDER_ARGS)

    def offend(chance):
        with process.client() as client:
            whole = fcgi_client.get("/page.js", X="x" * 30000, keep=True)
            send_what_goes(client, whole[:chance.randrange(len(whole))])
            if chance.random() < 0.5:
                client.send_request("/clock") and client.reset()

    chance = random.Random(6)
    for _ in range(200):
        offend(chance)
    # A tenth of what they send: the allocator keeps some between two trims.
    with process.unharmed(slack_kib=4096):
        for _ in range(1000):
            offend(chance)
