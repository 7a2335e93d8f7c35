"""Three thousand connections that never bring a whole request."""

import signal
import statistics
import time

from checks import check_404
import fcgi_client
from responder import is_sanitized, wait_until

EACH = 1000
WHOLE = fcgi_client.get("/clock")
KINDS = (b"", WHOLE[:len(WHOLE) // 2],
         fcgi_client.get_values("FCGI_MAX_CONNS"))
# By how much a good request may take longer: several times as long as it
# takes to look at a thousand connections.
MEDIAN_MORE_S_MAX = 0.02


def seconds_for(process):
    began = time.monotonic()
    check_404(process.ask("/nope"), "/nope")
    return time.monotonic() - began


def median_s(process):
    return statistics.median(seconds_for(process) for _ in range(200))


def test_silent_and_half_sent_and_curious(fcgi_sse, short_dir, good_clients,
                                          bad_peers):
    config = short_dir / "ini"
    config.write_text("request-timeout = 1h\n")
    process = fcgi_sse("--config", str(config))
    with process.unharmed():
        good = good_clients(process, 500)
        fds = process.fd_count()
        idle_us, before_s = cpu_of_a_second(process), median_s(process)
        for kind in KINDS:
            bad_peers.add(process.address, kind, EACH)
        beside_s, beside_us = median_s(process), cpu_of_a_second(process)
        assert bad_peers.closed_count() == 0
        if not is_sanitized():
            assert beside_s < before_s * 2 + MEDIAN_MORE_S_MAX
            assert beside_us < idle_us * 2 + 10000
        # Each has its time and no more, and says no good one goodbye.
        config.write_text("request-timeout = 1s\n")
        process.process.send_signal(signal.SIGHUP)
        wait_until(lambda: bad_peers.closed_count() == EACH * len(KINDS),
                   "all are closed")
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
