"""Everybody comes and goes at once, five times, and in a steady stream."""

import threading
import time

import fcgi_client
from crowd import EVENT_STREAM
from responder import is_sanitized, wait_until

GOOD, STORM, STORMS = 500, 2000, 5
CHURN_S, CHURN_A_SECOND = 4, 500


def test_five_storms(fcgi_sse, good_clients):
    process = fcgi_sse()
    good = good_clients(process, GOOD)
    fds = process.fd_count()
    sizes_kib = []
    for _ in range(STORMS):
        storm = good_clients(process, STORM)
        assert storm.opened["opened"] == STORM
        storm.check()
        storm.leave()
        wait_until(lambda: process.fd_count() == fds,
                   f"back to {fds} descriptors")
        sizes_kib.append(process.rss_kib())
    good.check()
    # The first storm may leave what the later ones find again.
    if not is_sanitized():
        # What the last one took is given back in the course of a moment.
        wait_until(lambda: process.rss_kib() <= sizes_kib[0] * 1.05,
                   f"no more than {sizes_kib[0]} KiB")


def test_memory_goes_back_after_a_storm(fcgi_sse, good_clients):
    process = fcgi_sse()
    process.check_good()
    before_kib = process.rss_kib("RssAnon")
    storm = good_clients(process, STORM)
    full_kib = process.rss_kib("RssAnon")
    storm.leave()
    if is_sanitized():
        return
    assert full_kib > before_kib + 800
    wait_until(lambda: process.rss_kib("RssAnon") < before_kib
               + (full_kib - before_kib) / 3, "most of it is given back")


def churn(process, until, failures):
    """Opens a stream, has its first event, leaves; and all over again."""
    asked = fcgi_client.get("/clock", **EVENT_STREAM)
    count = 0
    began = time.monotonic()
    while (now := time.monotonic()) < until:
        if count > (now - began) * CHURN_A_SECOND:
            time.sleep(0.001)
            continue
        with process.client() as client:
            client.send(asked)
            if b"data: " not in client.sock.recv(65536):
                failures.append("no first event")
        count += 1
    failures.extend([] if count > CHURN_S * 20 else [f"only {count}"])


def test_churn_under_open_streams(fcgi_sse, good_clients):
    process = fcgi_sse()
    with process.unharmed():
        good = good_clients(process, 1000)
        failures = []
        thread = threading.Thread(target=churn, args=(
            process, time.monotonic() + CHURN_S, failures))
        thread.start()
        thread.join()
        assert not failures
        good.check()
        good.leave()
