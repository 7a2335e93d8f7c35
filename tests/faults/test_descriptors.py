"""Too few descriptors: no stream is dropped, and nothing spins."""

import time

import pytest

import fcgi_client
from responder import BINARY, is_sanitized, wait_until

LIMIT = 64


def few_descriptors(fcgi_sse, *args):
    return fcgi_sse(*args, command=("prlimit", f"--nofile={LIMIT}:{LIMIT}",
                                    BINARY))


def test_a_limit_of_64_descriptors(fcgi_sse, good_clients, bad_peers):
    """All streams that the limit allows, and others are still answered."""
    process = few_descriptors(fcgi_sse)
    line = process.wait_log("limits")
    assert line["descriptors"] == str(LIMIT)
    streams = int(line["streams"])
    assert LIMIT / 2 <= streams < LIMIT - 10
    with process.unharmed():
        good = good_clients(process, streams)
        for _ in range(100):
            answer = process.ask("/clock", HTTP_ACCEPT="text/event-stream")
            assert answer.events[0].type == "refused"
        good.check()
        good.leave()


def test_no_more_streams_than_there_are_descriptors(fcgi_sse):
    process = few_descriptors(fcgi_sse, "--max-streams", "1000")
    assert int(process.wait_log("limits")["streams"]) < LIMIT - 10


def test_the_soft_limit_is_raised(fcgi_sse):
    process = fcgi_sse(command=("prlimit", "--nofile=64:1000", BINARY))
    assert process.wait_log("limits")["descriptors"] == "1000"


def test_connections_wait_while_there_is_no_descriptor(fcgi_sse, good_clients,
                                                       bad_peers):
    process = few_descriptors(fcgi_sse, "--request-timeout", "1h")
    with process.unharmed():
        good = good_clients(process, 20)
        bad_peers.add(process.address, count=100)
        process.wait_log("accept", pause_ms="1000")
        began_us, began = process.cpu_us(), time.monotonic()
        # Two pauses on: it tried again, and neither spun nor complained.
        wait_until(lambda: time.monotonic() > began + 2.5, "two pauses")
        if not is_sanitized():
            assert process.cpu_us() - began_us < 100000
        assert len([line for line in process.log
                    if line["event"] == "accept"]) == 1
        good.check()
        bad_peers.close()
        answer = process.ask("/nope")
        assert answer.status == "404 Not Found"
        good.check()
        good.leave()


@pytest.mark.parametrize("error", [23, 24, 105, 12],
                         ids=["ENFILE", "EMFILE", "ENOBUFS", "ENOMEM"])
def test_accept_fails_for_a_while(fcgi_sse, good_clients, tools, tmp_path,
                                  error):
    """The error comes from the system: it says so once, and goes on."""
    switch = tmp_path / "switch"
    process = fcgi_sse(env=tools.preloaded(
        fail=f"accept4:{error}:1:1000000", switch=switch))
    good = good_clients(process, 100)
    switch.touch()
    with process.client() as late:
        answer = late.send_request("/nope")
        process.wait_log("accept", pause_ms="1000")
        assert not late.has_input(1.2)
        switch.unlink()
        assert late.recv_end(answer).status == "404 Not Found"
    good.check()
    assert len([line for line in process.log
                if line["event"] == "accept"]) == 1


def test_another_shortage_is_told_again(fcgi_sse, tools, tmp_path):
    switch = tmp_path / "switch"
    process = fcgi_sse(env=tools.preloaded(
        fail="accept4:24:1:1000000", switch=switch))
    for count in 1, 2:
        switch.touch()
        with process.client() as late:
            answer = late.send_request("/nope")
            process.wait_log("accept", count=count)
            switch.unlink()
            assert late.recv_end(answer).status == "404 Not Found"
        # It looks for others when it has answered: now there were none.
        assert process.ask("/nope").status == "404 Not Found"


def connect_many(address, count):
    """As fast as it goes: the listening queue may be full for a moment."""
    socks = []
    while len(socks) < count:
        try:
            socks.append(fcgi_client.connect(address))
        except BlockingIOError:
            time.sleep(0.01)
    return socks


def test_descriptors_that_are_reused_silence_no_stream(fcgi_sse, good_clients):
    """Bad requests rain on it, whose descriptors are closed and given out
    again at once."""
    process = fcgi_sse()
    rain = [b"\xff" * 8, fcgi_client.get("/nope"), fcgi_client.begin() + b"?",
            fcgi_client.get("/clock"), b""]
    with process.unharmed():
        good = good_clients(process, 1500)
        until = time.monotonic() + 3
        while time.monotonic() < until:
            socks = connect_many(process.address, 50)
            for number, sock in enumerate(socks):
                try:
                    sock.sendall(rain[number % len(rain)])
                except OSError:
                    pass        # closed already
                if number % 2:
                    sock.close()
            for sock in socks:
                sock.close()
        good.check()
        good.leave()
