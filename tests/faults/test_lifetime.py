"""Streams with a lifetime: each ends cleanly before it, not all together."""

import time

import fcgi_client
from crowd import EVENT_STREAM, read_to_end
from responder import is_sanitized

CLIENTS, LIFETIME_S = 500, 4


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
        assert time.monotonic() - began < LIFETIME_S * 1.5
        bad_peers.close()
    ends = [line for line in process.log
            if line.has(event="disconnect", reason="lifetime")]
    assert len(ends) == CLIENTS
    seconds = sorted(float(line["seconds"]) for line in ends)
    slack_s = 5 if is_sanitized() else 0.3
    assert LIFETIME_S * 0.8 <= seconds[0]
    assert seconds[-1] <= LIFETIME_S + slack_s
    # Quarters of that fifth: 125 each; ten times the deviation is 97.
    quarter_s = LIFETIME_S * 0.2 / 4
    for number in range(4):
        low_s = LIFETIME_S * 0.8 + number * quarter_s
        count = sum(low_s <= s < low_s + quarter_s for s in seconds)
        assert is_sanitized() or 30 < count < 250, seconds[::20]
