"""Clients that stop reading cost nobody anything, and are ended."""

import time

import fcgi_client
from crowd import jammed_request
from responder import is_sanitized, wait_until

GOOD, SLOW = 1000, 200
# A topic keeps so many ticks.
RING_TICKS = 64


def stop_reading(process, bad_peers, interval_ms):
    bad_peers.add(process.address,
                  jammed_request(process, f"interval={interval_ms}ms"), SLOW)
    # On a busy machine the first have been ended when the last one stalls.
    wait_until(lambda: metric(process, "streams_opened_total") == GOOD + SLOW
               and stalled(process) + ended(process, "stalled") >= SLOW,
               "all have stalled")


def metric(process, name):
    """One value of /metrics, as a client on this machine sees it."""
    text = process.ask("/metrics", REMOTE_ADDR="127.0.0.1").body.decode()
    return float(next(line.split()[-1] for line in text.splitlines()
                      if line.startswith(f"fcgi_sse_{name} ")))


def stalled(process):
    return metric(process, "streams_stalled")


def ended(process, reason):
    return metric(process, f'streams_ended_total{{reason="{reason}"}}')


def test_stalled_readers_are_ended_and_disturb_nobody(fcgi_sse, good_clients,
                                                      bad_peers):
    process = fcgi_sse("--stall-timeout", "2s")
    with process.unharmed():
        good = good_clients(process, GOOD)
        fds = process.fd_count()
        stop_reading(process, bad_peers, 100)
        held_kib = process.rss_kib()
        wait_until(lambda: ended(process, "stalled") == SLOW, "their ends")
        # While they did not read, nothing piled up for them.
        if not is_sanitized():
            wait_until(lambda: process.rss_kib() <= held_kib + 1024,
                       "as much memory as before")
        wait_until(lambda: process.fd_count() == fds, "their descriptors")
        window = good.check()
        if not is_sanitized():
            assert window["delay_ms"]["p99"] < 900
        good.leave()
    line = process.wait_log("disconnect", reason="stalled")
    assert float(line["seconds"]) >= 2


def test_slow_readers_that_fall_off_the_ring_are_ended(fcgi_sse, good_clients,
                                                       bad_peers):
    process = fcgi_sse("--stall-timeout", "1h")
    with process.unharmed():
        good = good_clients(process, GOOD)
        stop_reading(process, bad_peers, 100)
        wait_until(lambda: ended(process, "overrun") == SLOW, "their ends",
                   wait_s=RING_TICKS / 10 * 3)
        good.check()
        good.leave()


def test_a_reader_that_was_slow_for_a_while_has_every_tick(fcgi_sse):
    """It catches up from where it stands, in order and without a gap."""
    process = fcgi_sse()
    with process.client() as client:
        client.send(jammed_request(process, "interval=100ms&format=iso"))
        wait_until(lambda: stalled(process) == 1, "it stalls")
        before = metric(process, "events_sent_total")
        began = time.monotonic()
        with process.client() as other:
            answer = other.send_request("/clock", "interval=100ms&format=iso")
            live = other.recv_events(answer, 20)
        sent = metric(process, "events_sent_total") - before
        # To the one who reads, and nothing to the other.
        assert sent <= (time.monotonic() - began) * 10 + 5
        dates, answer = [], None
        while live[-1].data not in dates:
            rec = client.recv_record()
            text = rec.content.decode(errors="replace")
            dates += [line[6:] for line in text.split("\n")
                      if line.startswith("data: 2")]
        first = dates.index(live[1].data)
        assert dates[first:first + 19] == [event.data for event in live[1:]]


def test_an_answer_that_is_not_read_has_its_time(fcgi_sse, bad_peers):
    """Short answers too, until the socket is full; then their reader goes."""
    process = fcgi_sse("--stall-timeout", "3s")
    with process.unharmed():
        bad_peers.add(process.address,
                      fcgi_client.get("/page.js", keep=True) * 60, 5)
        process.check_good()
        assert bad_peers.closed_count() == 0
        wait_until(lambda: bad_peers.closed_count() == 5, "they are closed")
        bad_peers.close()
