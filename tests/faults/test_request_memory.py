"""Bodies that never end fill the memory for requests. Who asks for little is
answered all the same, and so is who publishes."""

import json
import re
import time
import urllib.parse

import pytest

import fcgi_client
from crowd import EVENT_STREAM
from fcgi_client import (
    WAIT_S, Answer, begin, environ, pairs, record, records)
from responder import is_sanitized
from tokens import bearer, key_args, old, sign

MIB = 1 << 20
KEY = "0123456789abcdef0123456789abcdef"
FORM = "application/x-www-form-urlencoded"
CROWD = 300


def head(length, method="POST", **changes):
    """A request up to where its body begins."""
    changes.setdefault("path", "/events")
    values = environ(method=method, CONTENT_LENGTH=str(length),
                     CONTENT_TYPE=FORM, **changes)
    return begin() + records(fcgi_client.PARAMS, pairs(values))


def body(length):
    """So much of a body that has no end yet."""
    pieces = [record(fcgi_client.STDIN, b"x" * 65535)
              for _ in range(length // 65535)]
    return b"".join(pieces)


def publish(process, topic, data, **changes):
    form = urllib.parse.urlencode({"topic": topic, "data": data}).encode()
    return process.ask("/events", method="POST", body=form,
                       CONTENT_TYPE=FORM,
                       HTTP_AUTHORIZATION=f"Bearer {KEY}", **changes)


@pytest.fixture
def key_file(tmp_path):
    path = tmp_path / "keys"
    path.write_text(KEY + "\n")
    path.chmod(0o600)
    return str(path)


def check_good_answers(process):
    """A small request, a stream and a publish, each at once."""
    began = time.monotonic()
    process.check_good()
    with process.client() as client:
        answer = client.send_request("/clock", "interval=100ms",
                                     **EVENT_STREAM)
        client.recv_events(answer, 2)
    assert publish(process, "news", "good").status == "200 OK"
    # A large one of a publisher is taken too.
    assert publish(process, "news", "y" * 200000).status == "200 OK"
    assert time.monotonic() - began < (20 if is_sanitized() else 8)


@pytest.mark.parametrize("path", ["/events", "/nope", "/clock"])
def test_bodies_without_end(fcgi_sse, good_clients, bad_peers, key_file, path):
    """Anybody may publish here, so nobody is refused by the head."""
    process = fcgi_sse("--publish-key-file", key_file, "--public-topic",
                       "chat", "--max-body", "1M")
    good = good_clients(process, CROWD)
    with process.unharmed(slack_kib=80 * 1024):
        bad_peers.add(process.address, head(MIB, path=path) + body(MIB), 63)
        bad_peers.add(process.address,
                      head(6000, path=path)
                      + record(fcgi_client.STDIN, b"x" * 5000), 30)
        for _ in range(3):
            check_good_answers(process)
        bad_peers.close()
    good.check()
    good.leave()
    refused = [line for line in process.log if line.has(
        event="refuse-request")]
    if path == "/events":
        # 48 MiB are for bodies; some of the 63 had to go.
        assert 10 <= len(refused) <= 63
    else:
        assert not refused


def test_many_queries_of_one_client(fcgi_sse, bad_peers, key_file):
    """Each is smaller than what another one publishes, and they make room."""
    process = fcgi_sse("--publish-key-file", key_file, "--max-body", "1M")
    with process.unharmed(slack_kib=80 * 1024):
        bad_peers.add(process.address, head(MIB, "QUERY") + body(327680), 160)
        for _ in range(3):
            assert publish(process, "news", "y" * 900000,
                           REMOTE_ADDR="2001:db8::2").status == "200 OK"
        bad_peers.close()
    refused = [line for line in process.log if line.has(
        event="refuse-request")]
    assert 1 <= len(refused) < 160
    assert not any(line.has(client="2001:db8::2") for line in refused)


def test_small_requests_without_end(fcgi_sse, good_clients, bad_peers):
    """More of them than their memory holds: the largest make room."""
    process = fcgi_sse()
    good = good_clients(process, CROWD)
    cut = fcgi_client.get("/clock", x="y" * 7000)[:7000]
    with process.unharmed(slack_kib=80 * 1024):
        bad_peers.add(process.address, cut, 3000)
        for _ in range(3):
            process.check_good()
        bad_peers.close()
    good.check()
    good.leave()


@pytest.mark.parametrize("length", [MIB, 0])
@pytest.mark.parametrize("changes, args, status", [
    ({}, [], "403 Forbidden"),
    ({}, ["key"], "401 Unauthorized"),
    ({"HTTP_AUTHORIZATION": "Bearer wrong"}, ["key"], "401 Unauthorized"),
    ({"HTTP_CONTENT_ENCODING": "gzip"}, ["key"],
     "415 Unsupported Media Type"),
    ({"path": "/clock"}, [], "405 Method Not Allowed"),
    ({"path": "/nope"}, [], "404 Not Found"),
    ({"HTTP_AUTHORIZATION": f"Bearer {KEY}", "CONTENT_LENGTH": "1048577"},
     ["key", "--max-body", "1M"], "413 Content Too Large"),
])
def test_a_body_is_refused_by_its_head(fcgi_sse, key_file, length, changes,
                                       args, status):
    """At once; then the rest of it is passed over, and the connection goes
    on."""
    args = [part for arg in args for part in
            (["--publish-key-file", key_file] if arg == "key" else [arg])]
    process = fcgi_sse(*args)
    changes = dict(changes)
    length_said = changes.pop("CONTENT_LENGTH", str(length or 100000))
    path = changes.pop("path", "/events")
    values = environ(path, method="POST", CONTENT_TYPE=FORM,
                     CONTENT_LENGTH=length_said, **changes)
    asked = begin(keep=True) + records(fcgi_client.PARAMS, pairs(values))
    with process.client() as client:
        client.send(asked + (body(length) if length else
                             record(fcgi_client.STDIN, b"x")))
        answer = client.recv_end(Answer())
        assert answer.status == status
        # What is still to come is not held.
        client.send(body(4 * MIB) + record(fcgi_client.STDIN))
        assert client.ask("/nope", keep=True).status == "404 Not Found"
        assert b'fcgi_sse_request_buffer_bytes 0\n' in client.ask(
            "/metrics", keep=True, REMOTE_ADDR="127.0.0.1").body
        # A web server that drops the rest of the body may ask anew at once.
        client.send(asked + body(MIB)[:70000])
        assert client.recv_end(Answer()).status == status


def test_one_who_was_refused_does_not_stay(fcgi_sse):
    process = fcgi_sse("--request-timeout", "1s")
    with process.client() as client:
        client.send(head(MIB) + body(MIB))
        assert client.recv_end(Answer()).status == "403 Forbidden"
        assert client.recv_close() == []


def test_one_who_was_refused_may_end_its_body(fcgi_sse):
    process = fcgi_sse("--request-timeout", "1h")
    with process.client() as client:
        client.send(head(MIB) + body(MIB))
        client.recv_end(Answer())
        client.send(record(fcgi_client.STDIN))
        assert client.recv_close() == []


def ask_list(process, address):
    """Asks for the list of all subscriptions, and reads nothing of it."""
    path = "/events/subscriptions"
    client = process.client()
    client.send(fcgi_client.get(path, SCRIPT_NAME=path, REMOTE_ADDR=address,
                                **bearer(old(subscribe=["*"]))))
    assert client.has_input(WAIT_S)
    return client


def test_answers_that_nobody_reads(fcgi_sse, tmp_path):
    """Who leaves many unread loses them, and not whoever leaves one."""
    process = fcgi_sse("--subscriptions", "0.x", "--anonymous", "yes",
                       *key_args(tmp_path))
    payload = bearer(sign({"alg": "HS256", "typ": "JWT"}, {
        "mercure": {"subscribe": [], "payload": "x" * 4000}}))
    topics = "&".join(f"topic=/{number}" for number in range(200))
    readers = [process.client() for _ in range(2)]
    for number, reader in enumerate(readers):
        answer = reader.send_request("/events", topics, **payload,
                                     REMOTE_ADDR=f"192.0.2.{number}")
        reader.recv_until(answer, lambda answer: answer.head)
    good = ask_list(process, "198.51.100.1")
    bad = [ask_list(process, "198.51.100.2") for _ in range(50)]
    closed = process.wait_log("bad-connection")
    assert "buffers are full" in closed["error"]
    with process.client() as client:
        metrics = client.ask("/metrics", REMOTE_ADDR="127.0.0.1").body
    held = int(re.search(rb"request_buffer_bytes (\d+)", metrics)[1])
    assert 40 * MIB < held <= 48 * MIB
    found = json.loads(good.recv_end(Answer()).body)
    assert len(found["subscriptions"]) + found["omitted"] == 400
    for client in [good, *bad, *readers]:
        client.close()
