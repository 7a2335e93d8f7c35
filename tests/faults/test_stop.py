"""A stop that nobody notices: every response ends cleanly, and its client
comes back, but not all in the same second."""

import signal
import time

import pytest

import fcgi_client
from checks import STREAM_HEAD
from crowd import EVENT_STREAM, read_to_end
from responder import wait_until

CLIENTS = 1000
SPREAD_MS, LEAST_MS = 4000, 1000
CLOCK = fcgi_client.get("/clock", "interval=250ms", **EVENT_STREAM)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT,
                                    signal.SIGUSR1])
def test_a_thousand_clients_are_sent_away(fcgi_sse, bad_peers, number):
    process = fcgi_sse("--drain-spread", f"{SPREAD_MS}ms",
                       "--drain-timeout", "1h")
    bad_peers.add(process.address, CLOCK, CLIENTS)
    process.wait_log("connect", open=CLIENTS)
    process.process.send_signal(number)
    answers = read_to_end(bad_peers.socks)
    assert process.wait_end() == 0
    retries_ms = []
    for answer in answers:
        assert answer.headers == STREAM_HEAD and answer.end == (0, 0)
        parser = answer.parser
        assert parser.is_whole and not parser.ignored
        retries_ms.append(parser.retry_ms)
    check_spread(retries_ms)
    stop = process.wait_log("stop")
    assert stop["open"] == str(CLIENTS)
    told = [line for line in process.log if line.has(event="disconnect")]
    assert {line["reason"] for line in told} == {"shutdown"}
    # Nothing waits for who reads the log late: lines may be lost, and counted.
    lost = sum(int(line["lines"]) for line in process.log
               if line.has(event="log-lost"))
    assert CLIENTS - lost <= len(told) <= CLIENTS


def check_spread(retries_ms):
    """Each tenth of the time has about a tenth of the clients: 100 of 1,000,
    and five times the standard deviation of that is 48."""
    assert LEAST_MS <= min(retries_ms)
    assert max(retries_ms) <= LEAST_MS + SPREAD_MS
    tenths = [0] * 10
    for retry_ms in retries_ms:
        tenths[min((retry_ms - LEAST_MS) * 10 // SPREAD_MS, 9)] += 1
    mean = len(retries_ms) / 10
    assert all(abs(count - mean) < mean / 2 for count in tenths), tenths


def test_one_who_does_not_read_holds_up_the_stop_for_its_timeout_only(
        fcgi_sse, bad_peers):
    """Its answer is on its way, and there is no room for it."""
    process = fcgi_sse("--drain-timeout", "1s")
    bad_peers.add(process.address, fcgi_client.get("/page.js", keep=True) * 60)
    wait_until(lambda: jam(process), "it has jammed")
    bad_peers.add(process.address, CLOCK, 10)
    process.wait_log("connect", count=10)
    began = time.monotonic()
    process.process.send_signal(signal.SIGTERM)
    for answer in read_to_end(bad_peers.socks[1:]):
        assert answer.end == (0, 0)
    assert process.wait_end() == 0
    assert 0.8 < time.monotonic() - began < 20
    process.wait_log("drain-timeout", open=1)


def jam(process):
    """It sleeps: all that it can write is written."""
    began_us = process.cpu_us()
    time.sleep(0.1)
    return process.cpu_us() - began_us < 2000


def test_a_second_signal_ends_at_once(fcgi_sse, bad_peers):
    process = fcgi_sse("--drain-timeout", "1h")
    bad_peers.add(process.address, fcgi_client.get("/clock")[:40])
    process.check_good()
    process.process.send_signal(signal.SIGTERM)
    process.wait_log("stop")
    assert process.is_alive()
    process.process.send_signal(signal.SIGTERM)
    assert process.wait_end() == 0


def test_while_it_stops_it_says_so(fcgi_sse):
    """A request that was on its way is answered: no new streams, and a health
    check is told."""
    process = fcgi_sse()
    asked = {
        "health": fcgi_client.get("/healthz", REMOTE_ADDR="127.0.0.1"),
        "stream": fcgi_client.get("/clock", **EVENT_STREAM),
        "other": fcgi_client.get("/clock"),
        "page": fcgi_client.get("/nope"),
    }
    clients = {name: process.client() for name in asked}
    for name, client in clients.items():
        client.send(asked[name][:30])
    process.check_good()
    process.process.send_signal(signal.SIGTERM)
    process.wait_log("stop")
    with pytest.raises(OSError):
        process.client()
    answers = {}
    for name, client in clients.items():
        client.send(asked[name][30:])
        answers[name] = client.recv_end(fcgi_client.Answer())
        assert client.recv_close() == []
        client.close()
    assert answers["health"].status == "503 Service Unavailable"
    assert answers["other"].status == "503 Service Unavailable"
    assert answers["page"].status == "404 Not Found"
    assert answers["stream"].events[0].type == "refused"
    assert answers["stream"].parser.retry_ms >= LEAST_MS
    assert process.wait_end() == 0


def test_idle_connections_do_not_hold_up_a_stop(fcgi_sse):
    process = fcgi_sse("--drain-timeout", "1h")
    with process.client() as kept, process.client() as silent:
        kept.ask("/nope", keep=True)
        process.process.send_signal(signal.SIGTERM)
        assert process.wait_end() == 0
        assert kept.recv_close() == silent.recv_close() == []


@pytest.mark.parametrize("transport", ["unix", "tcp"])
def test_those_who_wait_to_be_accepted_are_answered(fcgi_sse, good_clients,
                                                    bad_peers, transport):
    """It is busy when they come, and is told to stop before it has looked."""
    process = fcgi_sse("--drain-spread", "0s", transport=transport)
    good = good_clients(process, 200)
    good.check()
    with process.client() as kept:
        kept.ask("/nope", keep=True)
        with process.paused():
            bad_peers.add(process.address, fcgi_client.get("/nope"), 200)
            bad_peers.add(process.address, CLOCK, 100)
            asked = kept.send_request("/nope", keep=True)
            process.process.send_signal(signal.SIGTERM)
        assert kept.recv_end(asked).status == "404 Not Found"
    answers = read_to_end(bad_peers.socks)
    assert [answer.end for answer in answers] == [(0, 0)] * 300
    statuses = [answer.status for answer in answers]
    assert statuses.count("404 Not Found") == 200
    # Some may have had a stream before the signal was seen.
    streams = [answer for answer in answers if answer.status == "200 OK"]
    assert all(answer.parser.retry_ms >= LEAST_MS for answer in streams)
    assert any(answer.events[0].type == "refused" for answer in streams)
    assert process.wait_end() == 0
    left = good.report()
    assert left["window"]["missing"] == left["window"]["mismatched"] == 0
