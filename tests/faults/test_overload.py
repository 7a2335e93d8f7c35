"""More streams than there may be: a new one gets an answer that its client
can use, and no open one is dropped."""

import contextlib
import re

import fcgi_client
from checks import STREAM_HEAD, check_form
from crowd import EVENT_STREAM, peers, read_to_end
from responder import wait_until

MAX, BEYOND = 1000, 300
SPREAD_MS = 2000


def check_refusal(answer, reason):
    """An event stream that says when to come back, and ends."""
    check_form(answer)
    retry_after = answer.headers["Retry-After"]
    assert answer.headers == STREAM_HEAD | {"Retry-After": retry_after}
    parser = answer.parser
    assert parser.is_whole and not parser.ignored and not parser.comments
    assert 1000 <= parser.retry_ms <= SPREAD_MS + 1000
    assert int(retry_after) == parser.retry_ms // 1000 + 1
    event, = parser.events
    assert event.type == "refused" and f'"reason":"{reason}"' in event.data


def check_unavailable(answer, reason):
    check_form(answer)
    assert answer.status == "503 Service Unavailable"
    assert re.fullmatch("[1-9][0-9]*", answer.headers["Retry-After"])
    assert answer.body.decode() == f"503 Service Unavailable: {reason}\n"


def ask_clock(process, accept="text/event-stream", client="192.0.2.1"):
    return process.ask("/clock", HTTP_ACCEPT=accept, REMOTE_ADDR=client)


def test_streams_beyond_the_limit_are_refused(fcgi_sse, good_clients,
                                              bad_peers):
    process = fcgi_sse("--max-streams", str(MAX),
                       "--drain-spread", f"{SPREAD_MS}ms")
    assert process.wait_log("limits")["streams"] == str(MAX)
    with process.unharmed():
        good = good_clients(process, MAX)
        bad_peers.add(process.address,
                      fcgi_client.get("/clock", **EVENT_STREAM), BEYOND)
        for answer in read_to_end(bad_peers.socks):
            check_refusal(answer, "too many streams")
        for accept in (None, "*/*", "application/json"):
            check_unavailable(ask_clock(process, accept), "too many streams")
        process.wait_log("refuse", reason="full", open=MAX)
        # What is no stream is answered as ever, a text counter refused.
        assert process.ask("/").status == "200 OK"
        check_unavailable(process.ask("/counter", "format=text",
                                      **EVENT_STREAM), "too many streams")
        good.check()
        good.leave()
        wait_until(lambda: process.ask("/counter", "count=1").status
                   == "200 OK", "there is room again")


def test_one_client_may_have_so_many_streams(fcgi_sse):
    process = fcgi_sse("--max-streams-per-client", "2",
                       "--drain-spread", f"{SPREAD_MS}ms")
    why = "too many streams of this client"
    with contextlib.ExitStack() as stack:
        def open_stream(address):
            client = stack.enter_context(process.client())
            answer = client.send_request("/clock", REMOTE_ADDR=address)
            client.recv_events(answer, 1)
            return client

        first = open_stream("192.0.2.1")
        open_stream("192.0.2.1")
        check_refusal(ask_clock(process), why)
        check_unavailable(ask_clock(process, "*/*"), why)
        # Others are not concerned, nor is an address that begins alike.
        for other in ("192.0.2.11", "192.0.2", "2001:db8::1"):
            open_stream(other)
        # All addresses of an IPv6 net of 64 bits are one client.
        open_stream("2001:db8::ffff:1:2")
        check_refusal(ask_clock(process, client="2001:db8::a"), why)
        open_stream("2001:db8:0:1::a")
        first.close()
        process.wait_log("disconnect", reason="client-closed")
        open_stream("192.0.2.1")
        check_refusal(ask_clock(process), why)


def test_a_limit_for_each_client_holds_under_many(fcgi_sse):
    """The account of addresses is right after they come and go."""
    process = fcgi_sse("--max-streams-per-client", "1")
    with process.unharmed():
        for count in range(1, 4):
            with peers() as held:
                for number in range(300):
                    held.add(process.address, fcgi_client.get(
                        "/clock", REMOTE_ADDR=f"10.0.{number % 3}.{number}"))
                process.wait_log("connect", count, client="10.0.2.299")
                answer = ask_clock(process, client="10.0.2.299")
                assert answer.events[0].type == "refused"
            wait_until(lambda: [line for line in process.log if "open" in line
                                ][-1]["open"] == "0", "all have left")
