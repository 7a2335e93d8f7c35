"""Three thousand connections that never bring a whole request."""

import statistics
import time

from checks import check_404
import fcgi_client
from responder import is_sanitized, wait_until

EACH = 1000
WHOLE = fcgi_client.get("/clock")
KINDS = (b"", WHOLE[:len(WHOLE) // 2],
         fcgi_client.get_values("FCGI_MAX_CONNS"))
# Of a good request; the machine may be busy with other tests.
MEDIAN_S_MAX = 0.005
TIMEOUT_S = 4


def seconds_for(process):
    began = time.monotonic()
    check_404(process.ask("/nope"), "/nope")
    return time.monotonic() - began


def test_silent_and_half_sent_and_curious(fcgi_sse, good_clients, bad_peers):
    process = fcgi_sse("--request-timeout", f"{TIMEOUT_S}s")
    with process.unharmed():
        good = good_clients(process, 500)
        fds = process.fd_count()
        idle_us = cpu_of_a_second(process)
        began = time.monotonic()
        for kind in KINDS:
            bad_peers.add(process.address, kind, EACH)
        median_s = statistics.median(seconds_for(process) for _ in range(200))
        beside_us = cpu_of_a_second(process)
        assert time.monotonic() - began < TIMEOUT_S, "too slow to tell"
        assert bad_peers.closed_count() == 0
        if not is_sanitized():
            assert median_s < MEDIAN_S_MAX
            assert beside_us < idle_us * 1.5 + 5000
        # Each has its time and no more, and says no good one goodbye.
        wait_until(lambda: bad_peers.closed_count() == EACH * len(KINDS),
                   "all are closed", TIMEOUT_S * 3)
        wait_until(lambda: process.fd_count() == fds, "their descriptors")
        good.check()
        good.leave()


def cpu_of_a_second(process):
    began, began_us = time.monotonic(), process.cpu_us()
    wait_until(lambda: time.monotonic() > began + 1, "a second")
    return process.cpu_us() - began_us


def test_all_request_buffers_together_have_a_limit(fcgi_sse, bad_peers):
    """A hundred bodies of 1 MiB that never come to their end, and that anyone
    may send."""
    process = fcgi_sse("--public-topic", "chat")
    body = fcgi_client.request(fcgi_client.environ("/events", method="POST"),
                               b"b" * (1 << 20))[:-16]
    with process.unharmed(slack_kib=8192):
        for _ in range(100):
            try:
                bad_peers.add(process.address, body)
            except OSError:
                pass        # closed: there is no room for it
            assert process.rss_kib() < (1 << 20 if is_sanitized() else 90000)
        process.wait_log("refuse-request", count=10,
                         reason="the buffers for requests are full")
        bad_peers.close()
