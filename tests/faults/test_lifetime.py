"""Streams with a lifetime: each ends cleanly before it, not all together."""

import time

import fcgi_client
from crowd import EVENT_STREAM, read_to_end
from responder import is_sanitized

CLIENTS, LIFETIME_S = 500, 4
# How late a stream may end on a machine that is busy.
SLACK_S = 10


def test_ends_are_spread_over_the_last_fifth(fcgi_sse, bad_peers):
    process = fcgi_sse("--stream-lifetime", f"{LIFETIME_S}s")
    with process.unharmed():
        began = time.monotonic()
        bad_peers.add(process.address, fcgi_client.get(
            "/clock", "interval=1s", **EVENT_STREAM), CLIENTS)
        # Others have their own time, and a counter its own end.
        assert process.ask("/counter", "count=2&interval=100ms").events
        for answer in read_to_end(bad_peers.socks):
            assert answer.end == (0, 0)
            # The responder is there: nobody has to wait for it.
            assert 100 <= answer.parser.retry_ms <= 500
            assert answer.parser.is_whole
        assert time.monotonic() - began < LIFETIME_S + SLACK_S
        bad_peers.close()
    ends = [line for line in process.log
            if line.has(event="disconnect", reason="lifetime")]
    assert len(ends) == CLIENTS
    seconds = sorted(float(line["seconds"]) for line in ends)
    assert LIFETIME_S * 0.8 <= seconds[0]
    assert seconds[-1] <= LIFETIME_S + SLACK_S
    # Not all together: a tenth has ended well before another tenth did, even
    # if the process was held up for a quarter of a second.
    tenth = CLIENTS // 10
    assert is_sanitized() or seconds[-tenth] - seconds[tenth] \
        > LIFETIME_S * 0.2 / 3, seconds[::20]
