"""FastCGI 1.0 as web servers speak it, and at its edges."""

import itertools
import random
import struct

import pytest

import fcgi_client
from checks import STREAM_HEAD, check_404, counter_body
from fcgi_client import Answer, Record

ASK = fcgi_client.get("/nope")


def end_record(request_id, status=fcgi_client.REQUEST_COMPLETE):
    return Record(fcgi_client.END_REQUEST, request_id,
                  struct.pack("!IB3x", 0, status))


def take_end(client, request_id=1):
    """Skips the end of STDOUT; the next record ends the request."""
    rec = client.recv_record()
    if rec == Record(fcgi_client.STDOUT, request_id, b""):
        rec = client.recv_record()
    return rec


def open_clock(client, request_id=1, keep=False, query="interval=1h"):
    answer = client.send_request("/clock", query, request_id, keep)
    client.recv_events(answer, 1)
    return answer


# Where the bytes of a request are cut

def test_request_cut_in_two_at_every_byte(shared):
    clients = [shared.client() for _ in range(1, len(ASK))]
    for at, client in enumerate(clients, 1):
        client.send(ASK[:at])
    shared.check_good()
    for at, client in enumerate(clients, 1):
        client.send(ASK[at:])
    for client in clients:
        check_404(client.recv_end(Answer()), "/nope")
        assert client.recv_close() == []
        client.close()


def test_request_byte_by_byte(shared):
    with shared.client() as client:
        for at in range(len(ASK)):
            client.send(ASK[at:at + 1])
            if at % 50 == 0:
                shared.check_good()
        check_404(client.recv_end(Answer()), "/nope")


@pytest.mark.parametrize("piece", [1, 2, 7, 100])
def test_params_cut_into_records_anywhere(shared, piece):
    values = fcgi_client.environ("/nope", HTTP_X="v" * 300)
    with shared.client() as client:
        client.send(fcgi_client.begin()
                    + fcgi_client.records(fcgi_client.PARAMS,
                                          fcgi_client.pairs(values), 1, piece)
                    + fcgi_client.records(fcgi_client.STDIN, b""))
        check_404(client.recv_end(Answer()), "/nope")


def test_padding_is_skipped(shared):
    params = fcgi_client.pairs(fcgi_client.environ("/nope"))
    for padding in (1, 7, 255):
        with shared.client() as client:
            client.send(b"".join(
                fcgi_client.record(kind, content, 1, padding)
                for kind, content in (
                    (fcgi_client.BEGIN_REQUEST, struct.pack("!HB5x", 1, 0)),
                    (fcgi_client.PARAMS, params),
                    (fcgi_client.PARAMS, b""), (fcgi_client.STDIN, b""))))
            check_404(client.recv_end(Answer()), "/nope")


@pytest.mark.parametrize("request_id", [1, 2, 255, 256, 65535])
def test_request_id_comes_back(shared, request_id):
    check_404(shared.ask("/nope", request_id=request_id), "/nope")


def test_lengths_in_four_bytes_are_read(shared):
    pairs = b""
    for name, value in fcgi_client.environ("/nope").items():
        pairs += struct.pack("!II", len(name) | 1 << 31, len(value) | 1 << 31)
        pairs += name.encode() + value.encode()
    with shared.client() as client:
        client.send(fcgi_client.begin()
                    + fcgi_client.records(fcgi_client.PARAMS, pairs)
                    + fcgi_client.records(fcgi_client.STDIN, b""))
        check_404(client.recv_end(Answer()), "/nope")


# Kept connections

def test_many_requests_in_turn_on_one_connection(shared):
    with shared.client() as client:
        for number in range(1, 501):
            path = f"/nope-{number}"
            check_404(client.ask(path, request_id=number % 7 + 1, keep=True),
                      path)
        check_404(client.ask("/last"), "/last")
        assert client.recv_close() == []


def test_a_kept_connection_carries_all_kinds_in_turn(shared):
    with shared.client() as client:
        page = client.ask("/page.js", keep=True)
        assert len(page.body) == int(page.headers["Content-Length"])
        counter = client.ask("/counter", "count=2&interval=100ms", 2, True)
        assert counter.body == counter_body(1, 2)
        check_404(client.ask("/nope", keep=True, body=b"b" * 70000), "/nope")
        assert client.ask("/clock", method="HEAD", keep=True).headers \
            == STREAM_HEAD
        open_clock(client, 9, keep=True)
        client.send(fcgi_client.abort(9))
        assert take_end(client, 9) == end_record(9)
        assert client.ask("/page.js", keep=True).body == page.body


def test_pipelined_requests_are_answered_in_turn(shared):
    paths = [f"/nope-{number}" for number in range(1, 101)]
    with shared.client() as client:
        client.send(b"".join(
            fcgi_client.get(path, request_id=number, keep=True)
            for number, path in enumerate(paths, 1)))
        for number, path in enumerate(paths, 1):
            check_404(client.recv_end(Answer(number)), path)
        check_404(client.ask("/last"), "/last")


def test_a_request_behind_a_stream_waits_for_its_end(shared):
    with shared.client() as client:
        first = client.send_request("/counter", "count=2&interval=100ms", 1,
                                    keep=True)
        client.recv_events(first, 3)
        client.recv_end(first)
        second = client.send_request("/nope", request_id=1, keep=True)
        check_404(client.recv_end(second), "/nope")


def test_connection_is_closed_when_it_is_not_kept(shared):
    with shared.client() as client:
        check_404(client.ask("/nope", keep=True), "/nope")
        check_404(client.ask("/nope", keep=False), "/nope")
        assert client.recv_close() == []
    with shared.client() as client:
        client.send(ASK + fcgi_client.get("/never"))
        check_404(client.recv_end(Answer()), "/nope")
        assert client.recv_close() == []


# FCGI_ABORT_REQUEST

@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("sent", [
    fcgi_client.begin, lambda keep, request_id: fcgi_client.get(
        "/nope", request_id=request_id, keep=keep)[:-8]],
    ids=["behind BEGIN_REQUEST", "before the end of STDIN"])
def test_abort_of_a_request_that_is_not_whole(shared, sent, keep):
    with shared.client() as client:
        client.send(sent(keep=keep, request_id=5) + fcgi_client.abort(5))
        assert take_end(client, 5) == end_record(5)
        if keep:
            check_404(client.ask("/nope", request_id=5), "/nope")
        assert client.recv_close() == []


@pytest.mark.parametrize("keep", [False, True])
def test_abort_during_a_stream(fcgi_sse, keep):
    process = fcgi_sse()
    with process.unharmed(), process.client() as client:
        open_clock(client, 3, keep)
        client.send(fcgi_client.abort(3))
        assert take_end(client, 3) == end_record(3)
        if keep:
            check_404(client.ask("/nope"), "/nope")
        assert client.recv_close() == []
    process.wait_log("disconnect", reason="client-aborted", path="/clock")


def test_abort_of_an_unknown_request_is_nothing(shared):
    with shared.client() as client:
        client.send(fcgi_client.abort(1) + fcgi_client.abort(0xffff))
        answer = client.send_request("/clock", "interval=100ms", keep=True)
        client.recv_events(answer, 1)
        client.send(fcgi_client.abort(2))
        client.recv_events(answer, len(answer.events) + 3)
        client.send(fcgi_client.abort(1))
        client.recv_end(answer)
        client.send(fcgi_client.abort(1))
        check_404(client.ask("/nope"), "/nope")


# Management records

def values_of(client):
    rec = client.recv_record()
    assert (rec.type, rec.id) == (fcgi_client.GET_VALUES_RESULT, 0)
    return fcgi_client.read_pairs(rec.content)


def check_values(values):
    """We do not multiplex, and do not claim libfcgi's one connection."""
    assert values["FCGI_MPXS_CONNS"] == "0"
    assert values.get("FCGI_MAX_CONNS") != "1"
    assert values.get("FCGI_MAX_REQS") != "1"
    assert set(values) <= {"FCGI_MPXS_CONNS", "FCGI_MAX_CONNS",
                           "FCGI_MAX_REQS"}


VALUES = fcgi_client.get_values("FCGI_MAX_CONNS", "FCGI_MAX_REQS",
                                "FCGI_MPXS_CONNS", "X_UNKNOWN")


def test_get_values_before_in_and_behind_a_request(shared):
    with shared.client() as client:
        client.send(VALUES)
        check_values(values_of(client))
        begin = fcgi_client.begin(keep=True)
        client.send(begin + VALUES)
        check_values(values_of(client))
        client.send(ASK[len(begin):])
        check_404(client.recv_end(Answer()), "/nope")
        client.send(VALUES + VALUES)
        check_values(values_of(client))
        check_values(values_of(client))


def test_get_values_during_a_stream(shared):
    with shared.client() as client:
        answer = client.send_request("/clock", "interval=100ms")
        client.recv_events(answer, 1)
        client.send(VALUES)
        while (rec := client.recv_record()).id:
            answer.add(rec)
        check_values(fcgi_client.read_pairs(rec.content))
        client.recv_events(answer, len(answer.events) + 3)


def test_get_values_answers_what_is_asked_and_known(shared):
    with shared.client() as client:
        client.send(fcgi_client.get_values("X_UNKNOWN"))
        assert values_of(client) == {}
        client.send(fcgi_client.get_values())
        assert values_of(client) == {}
        client.send(fcgi_client.get_values("X", "FCGI_MPXS_CONNS", "Y" * 200))
        assert values_of(client) == {"FCGI_MPXS_CONNS": "0"}


@pytest.mark.parametrize("kind", [12, 42, 255, 0])
def test_unknown_management_type(shared, kind):
    unknown = Record(fcgi_client.UNKNOWN_TYPE, 0, bytes([kind]) + bytes(7))
    strange = fcgi_client.record(kind, b"abc", 0, 5)
    with shared.client() as client:
        client.send(strange)
        assert client.recv_record() == unknown
        open_clock(client)
        client.send(strange)
        assert client.recv_record() == unknown


# Roles, and more than one request at a time

@pytest.mark.parametrize("role", [fcgi_client.AUTHORIZER, fcgi_client.FILTER,
                                  0, 4, 65535])
def test_another_role_is_refused(shared, role):
    refused = end_record(4, fcgi_client.UNKNOWN_ROLE)
    rest = fcgi_client.get("/nope", request_id=4)[16:]
    with shared.client() as client:
        client.send(fcgi_client.begin(4, role, keep=True) + rest)
        assert client.recv_record() == refused
        check_404(client.ask("/nope", request_id=4), "/nope")
    with shared.client() as client:
        client.send(fcgi_client.begin(4, role) + rest)
        assert client.recv_close() == [refused]


def test_a_second_request_at_a_time_is_refused(shared):
    second = fcgi_client.get("/second", request_id=2, keep=True)
    refused = end_record(2, fcgi_client.CANT_MPX_CONN)
    for at in (16, len(ASK) - 16, len(ASK) - 8):
        with shared.client() as client:
            client.send(ASK[:at] + second + ASK[at:])
            assert client.recv_record() == refused
            check_404(client.recv_end(Answer()), "/nope")


def test_a_second_request_during_a_stream_is_refused(shared):
    with shared.client() as client:
        answer = client.send_request("/clock", "interval=100ms")
        client.recv_events(answer, 1)
        client.send(fcgi_client.get("/second", request_id=2))
        while (rec := client.recv_record()).id == 1:
            answer.add(rec)
        assert rec == end_record(2, fcgi_client.CANT_MPX_CONN)
        client.recv_events(answer, len(answer.events) + 3)


def test_records_of_strangers_are_left_out(shared):
    """An empty record of another id makes libfcgi swallow our next one."""
    strangers = [fcgi_client.record(kind, content, 77)
                 for kind, content in itertools.product(
                     (fcgi_client.PARAMS, fcgi_client.STDIN, 8),
                     (b"", b"stranger"))]
    with shared.client() as client:
        for path in ("/one", "/two"):
            whole = fcgi_client.get(path, keep=True)
            parts = (whole[:16], whole[16:-16], whole[-16:-8], whole[-8:])
            client.send(b"".join(part + b"".join(strangers)
                                 for part in parts))
            check_404(client.recv_end(Answer()), path)


def test_client_closes_during_a_stream(fcgi_sse):
    for transport in ("unix", "tcp"):
        process = fcgi_sse(transport=transport)
        with process.unharmed():
            for ending in ("close", "reset", "half_close"):
                with process.client() as client:
                    open_clock(client)
                    getattr(client, ending)()
                    process.wait_log("disconnect", path="/clock", count=1 + (
                        "close", "reset", "half_close").index(ending))
        for line in process.log:
            if line["event"] == "disconnect":
                assert line["reason"] == "client-closed"


# Bodies

@pytest.mark.parametrize("piece", [100, 8192, 65535])
def test_body_of_a_mebibyte(shared, piece):
    body = random.Random(1).randbytes(1 << 20)
    values = fcgi_client.environ("/nope", method="GET",
                                 CONTENT_LENGTH=str(len(body)))
    with shared.client() as client:
        for _ in range(2):
            client.send(fcgi_client.request(values, body, keep=True,
                                            piece=piece))
            check_404(client.recv_end(Answer()), "/nope")
