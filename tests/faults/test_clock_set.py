"""Somebody sets the wall clock, an hour on or back."""

import time

import pytest

from dates import parse_date

HOUR_MS = 3600 * 1000


@pytest.mark.parametrize("offset_s", [3600, -3600, 1, -1])
def test_ticks_go_on_when_the_clock_is_set(fcgi_sse, good_clients, tools,
                                           tmp_path, offset_s):
    """No burst of ticks that were not, and no silence until they are due
    again."""
    setting = tmp_path / "clock"
    setting.write_text("0")
    process = fcgi_sse(env=tools.preloaded(clock=setting))
    good = good_clients(process, 200)
    with process.client() as client:
        answer = client.send_request("/clock", "interval=500ms&format=iso")
        before = client.recv_events(answer, 2)[-1]
        setting.write_text(str(offset_s))
        began = time.monotonic()
        count = len(answer.events)
        after = client.recv_events(answer, count + 4)
        # The tick that was armed may come at once, or a little late.
        assert 0.5 < time.monotonic() - began < 15
    moved_ms = (parse_date("iso", after[-1].data)
                - parse_date("iso", before.data))
    assert abs(moved_ms - offset_s * 1000) < 20000
    steps_ms = [parse_date("iso", after[-1 - n].data)
                - parse_date("iso", after[-2 - n].data) for n in range(2)]
    # A process that is held up leaves ticks out.
    assert all(step > 0 and step % 500 == 0 for step in steps_ms)
    window = good.report()["window"]
    assert window["missing"] == window["mismatched"] == 0
