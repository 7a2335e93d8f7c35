"""The streams: clock, /stream and counter, to the byte, and in time."""

import re
import time

import pytest

import fcgi_client
from checks import STREAM_HEAD, check_form, check_short, counter_body
from dates import FORMATS, parse_date

CLOCKS = ["/clock", "/server-sent-events"]
STREAMS = [*CLOCKS, "/stream", "/counter"]


def open_streams(process, *queries, path="/clock"):
    """A client and its answer for each query."""
    found = []
    for number, query in enumerate(queries, 1):
        client = process.client()
        found.append((client, client.send_request(path, query, number)))
    return found


def close_streams(streams):
    for client, _ in streams:
        client.close()


# How a stream begins

@pytest.mark.parametrize("path", STREAMS)
def test_head_of_a_stream(shared, path):
    with shared.client() as client:
        answer = client.send_request(path, "interval=1h")
        client.recv_events(answer, 1)
    assert answer.headers == STREAM_HEAD
    assert answer.end is None


@pytest.mark.parametrize("path", STREAMS)
def test_head_request_gives_the_same_head_and_ends_at_once(shared, path):
    answer = shared.ask(path, method="HEAD")
    check_form(answer)
    assert answer.headers == STREAM_HEAD
    assert answer.body == b""


@pytest.mark.parametrize("path, events", [
    ("/clock", 1), ("/server-sent-events", 1), ("/stream", 2),
    ("/counter", 1)])
def test_head_and_first_event_leave_in_one_small_write(shared, path, events):
    with shared.client() as client:
        answer = client.send_request(path, "interval=1h")
        assert client.recv_some()
        assert client.recv_sizes[0] < 512
        client.recv_until(answer, lambda a: a.out)
        assert len(answer.events) == events
        assert answer.out_sizes == [len(answer.out)]


@pytest.mark.parametrize("path", CLOCKS)
@pytest.mark.parametrize("name", FORMATS)
def test_first_date_is_the_moment_it_was_sent(shared, path, name):
    before_ms = time.time_ns() // 1_000_000
    with shared.client() as client:
        answer = client.send_request(path, f"interval=1h&format={name}")
        client.recv_events(answer, 1)
    after_ms = time.time_ns() // 1_000_000
    body = answer.body.decode()
    assert body.startswith("data: ") and body.endswith("\n\n")
    sent_ms = parse_date(name, body[len("data: "):-2])
    step_ms = 1 if name == "iso" else 1000
    assert before_ms // step_ms <= sent_ms // step_ms \
        <= after_ms // step_ms


def test_stream_begins_with_connecttime(fcgi_sse):
    with fcgi_sse().client() as client:
        answer = client.send_request("/stream")
        client.recv_events(answer, 4)
    match = re.fullmatch(r"retry: 10000\nevent: connecttime\ndata: (.+)\n\n"
                         r"data: (.+)\n\ndata: (.+)\n\ndata: (.+)\n\n",
                         answer.body.decode())
    moments = [parse_date("js", text) for text in match.groups()]
    assert moments[0] == moments[1]
    assert moments[3] - moments[2] == 1000
    assert 0 <= moments[2] - moments[1] <= 1000
    assert answer.parser.retry_ms == 10000
    assert answer.events[0].type == "connecttime"


# Ticks

def moments(answer):
    """When its ticks were, without what it began with."""
    return [parse_date("iso", event.data) for event in answer.events][1:]


def steps(ticks):
    return [after - before for before, after in zip(ticks, ticks[1:])]


def test_ticks_are_aligned_to_the_wall_clock(shared):
    intervals_ms = [100, 200, 250, 500, 1000]
    streams = open_streams(shared, *(f"interval={ms}ms&format=iso"
                                     for ms in intervals_ms))
    late_ms = []
    for (client, answer), interval_ms in zip(streams, intervals_ms):
        # A process that is held up leaves ticks out.
        client.recv_until(
            answer, lambda a, ms=interval_ms: ms in steps(moments(a)))
        late_ms.append(time.time_ns() // 1_000_000
                       - parse_date("iso", answer.events[-1].data))
        ticks = moments(answer)
        assert all(tick % interval_ms == 0 for tick in ticks)
        assert all(step > 0 for step in steps(ticks))
        assert answer.parser.is_whole and not answer.parser.ignored
    close_streams(streams)
    assert min(late_ms) < 500


def test_default_is_each_second_as_new_date_prints_it(fcgi_sse):
    process = fcgi_sse()
    streams = [pair for path in CLOCKS
               for pair in open_streams(process, "", path=path)]
    for client, answer in streams:
        client.recv_events(answer, 3)
        moments = [parse_date("js", event.data) for event in answer.events]
        assert moments[2] - moments[1] == 1000
    close_streams(streams)


@pytest.mark.parametrize("value", ["100ms", "1s", "1h", "60m", "3600s",
                                   "3600000ms"])
def test_intervals_from_100ms_to_1h(shared, value):
    with shared.client() as client:
        answer = client.send_request("/clock", "interval=" + value)
        client.recv_events(answer, 1)
        assert answer.headers == STREAM_HEAD


def test_same_interval_and_format_share_their_ticks(shared):
    queries = [f"interval=100ms&format={name}" for name in FORMATS]
    streams = open_streams(shared, *queries, *queries)
    ones, others = streams[:len(queries)], streams[len(queries):]
    for (client, answer), (one_client, one) in zip(others, ones):
        client.recv_events(answer, 6)
        ticks = [event.data for event in answer.events[1:6]]
        # The first may have had ticks before the other came.
        one_client.recv_until(one, lambda a, ticks=ticks: any(
            [event.data for event in a.events[at:at + 5]] == ticks
            for at in range(1, len(a.events))))
    close_streams(streams)


def test_each_format_has_the_same_moments(fcgi_sse):
    streams = open_streams(fcgi_sse(), *(f"interval=1s&format={name}"
                                     for name in FORMATS))
    moments = set()
    for (client, answer), name in zip(streams, FORMATS):
        client.recv_events(answer, 2)
        moments.add(parse_date(name, answer.events[1].data))
    close_streams(streams)
    assert len(moments) == 1 or max(moments) - min(moments) == 1000


def test_the_js_format_follows_the_time_zone(fcgi_sse):
    for zone, shown in (("CET-1", "GMT+0100 (CET)"),
                        ("IST-5:30", "GMT+0530 (IST)"),
                        ("EST5", "GMT-0500 (EST)")):
        process = fcgi_sse(env={"TZ": zone})
        with process.client() as client:
            answer = client.send_request("/clock", "interval=1h")
            date = client.recv_events(answer, 1)[0].data
        assert date.endswith(" " + shown)
        offset_s = int(shown[4:6]) * 3600 + int(shown[6:8]) * 60
        local = time.time() + (offset_s if shown[3] == "+" else -offset_s)
        assert date[:21] in (time.strftime("%a %b %d %Y %H:%M",
                                           time.gmtime(local - back_s))
                             for back_s in range(0, 60, 5))


# Heartbeats

def test_a_silent_stream_gets_a_comment_each_heartbeat(fcgi_sse):
    process = fcgi_sse("--heartbeat", "1s")
    began = time.monotonic()
    idle = open_streams(process, "interval=1h", "interval=1h&format=unix")
    idle += open_streams(process, "interval=1h&count=2", path="/counter")
    busy = open_streams(process, "interval=500ms")
    plain = open_streams(process, "interval=1h&format=text", path="/counter")
    for client, answer in idle:
        client.recv_until(answer, lambda a: len(a.parser.comments) >= 2)
        assert len(answer.events) == 1
        assert answer.body.endswith(b"\n\n:\n:\n")
    assert 1.8 < time.monotonic() - began < 10
    for client, answer in busy:
        client.recv_events(answer, 4)
        assert answer.parser.comments == []
    for client, answer in plain:
        client.recv_until(answer, lambda a: a.body)
        assert answer.body == b"1\n" and not client.has_input()
    close_streams(idle + busy + plain)


# The counter

@pytest.mark.parametrize("count", [1, 2, 4])
def test_counter_to_the_byte(shared, count):
    answer = shared.ask("/counter", f"count={count}&interval=100ms")
    assert answer.headers == STREAM_HEAD
    assert answer.body == counter_body(1, count)
    assert answer.end == (0, 0)


def test_counter_counts_to_ten_by_default(shared):
    answer = shared.ask("/counter", "interval=100ms&format=sse")
    assert answer.body == counter_body(1, 10)


def test_counter_counts_each_second_by_default(fcgi_sse):
    with fcgi_sse().client() as client:
        began = time.monotonic()
        answer = client.send_request("/counter")
        client.recv_events(answer, 3)
        assert 1.9 < time.monotonic() - began < 10
    assert [event.id for event in answer.events] == ["1", "2", "3"]


def test_counter_begins_at_once(shared):
    with shared.client() as client:
        answer = client.send_request("/counter", "interval=1h")
        assert client.recv_events(answer, 1)[0].data == '{"num":1}'


def test_the_end_event_comes_with_the_last_number(shared):
    answer = shared.ask("/counter", "count=1&interval=1h")
    assert answer.body == counter_body(1, 1)


def test_counter_goes_on_behind_last_event_id(shared):
    cases = {"0": 1, "1": 2, "3": 4, "4": 5}
    cases.update(dict.fromkeys(
        ("", "abc", "3x", "-2", "1.5", "0x2", None, "\xff", " 3"), 1))
    streams = []
    for last in cases:
        client = shared.client()
        streams.append((client, client.send_request(
            "/counter", "count=5&interval=100ms", HTTP_LAST_EVENT_ID=last)))
    for (client, answer), (last, first) in zip(streams, cases.items()):
        assert client.recv_end(answer).body == counter_body(first, 5), last
    close_streams(streams)


@pytest.mark.parametrize("name", ["lastEventID", "lastEventId",
                                  "last_event_id", "Last-Event-ID",
                                  "evs_last_event_id"])
def test_counter_resumes_by_a_parameter(shared, name):
    query = f"count=5&interval=100ms&{name}=3"
    assert shared.ask("/counter", query).body == counter_body(4, 5)
    answer = shared.ask("/counter", query, HTTP_LAST_EVENT_ID="4")
    assert answer.body == counter_body(5, 5)


@pytest.mark.parametrize("last", ["5", "6", "1000000", "4294967297"])
def test_counter_with_nothing_left_is_204(shared, last):
    for method in ("GET", "HEAD"):
        answer = shared.ask("/counter", "count=5", method=method,
                            HTTP_LAST_EVENT_ID=last)
        check_form(answer)
        assert answer.status == "204 No Content"
        assert answer.body == b""
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Content-Length" not in answer.headers


def test_a_broken_off_counter_is_taken_up_without_gap_or_double(shared):
    query = "count=6&interval=100ms"
    seen = b""
    last = None
    while True:
        with shared.client() as client:
            answer = client.send_request("/counter", query,
                                         HTTP_LAST_EVENT_ID=last)
            client.recv_until(answer, lambda a: len(a.events) >= 2 or a.end)
        if answer.status == "204 No Content":
            break
        seen += answer.body
        last = answer.parser.last_event_id
    assert seen == counter_body(1, 6)


def test_counter_as_text(shared):
    answer = shared.ask("/counter", "count=4&interval=100ms&format=text")
    check_form(answer)
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["X-Accel-Buffering"] == "no"
    assert answer.headers["Incremental"] == "?1"
    assert answer.body == b"1\n2\n3\n4\n"


def test_counters_at_once_count_for_themselves(shared):
    streams = []
    for number in range(1, 21):
        client = shared.client()
        streams.append((client, client.send_request(
            "/counter", f"count={number}&interval=100ms", number,
            HTTP_LAST_EVENT_ID=str(number // 2))))
    for number, (client, answer) in enumerate(streams, 1):
        client.recv_end(answer)
        assert answer.body == counter_body(number // 2 + 1, number)
        assert client.recv_close() == []
    close_streams(streams)


# Many

def test_two_hundred_at_once_all_tick(shared):
    streams = open_streams(shared, *["interval=200ms&format=unix"] * 200)
    for client, answer in streams:
        client.recv_events(answer, 3)
        assert answer.headers == STREAM_HEAD
    close_streams(streams)


def test_a_second_client_is_served_while_the_first_waits(shared):
    with shared.client() as first, shared.client() as second:
        first.send(fcgi_client.begin())
        answer = second.send_request("/clock", "interval=1h")
        second.recv_events(answer, 1)


# Padding

def begins_with(process, query, path="/clock"):
    """What the stream sends until there is an event that is not its first."""
    with process.client() as client:
        answer = client.send_request(path, query)
        client.recv_events(answer, 3)
        return answer


@pytest.mark.parametrize("path, query", [
    ("/clock", "interval=100ms"), ("/server-sent-events", "interval=100ms"),
    ("/stream", ""), ("/counter", "interval=100ms")])
@pytest.mark.parametrize("count", [1, 2048, 131072])
def test_padding_is_a_comment_before_what_follows(shared, path, query, count):
    answer = begins_with(shared, f"{query}&padding={count}", path)
    comment, = re.findall(rb"^:+$", answer.body, re.M)
    assert comment == b":" * (count + 1)


def test_padding_is_chosen_by_the_operator_and_the_client(fcgi_sse):
    process = fcgi_sse("--padding", "2K")
    for query, count in (("", 2049), ("padding=10", 11), ("padding=0", 0)):
        answer = begins_with(process, f"interval=100ms&{query}")
        assert sum(map(len, re.findall(rb"^:+$", answer.body, re.M))) == count
    text = process.ask("/counter", "count=1&format=text")
    assert text.body == b"1\n"


@pytest.mark.parametrize("path, value", [
    ("/clock", value) for value in (
        "", "-1", "131073", "4294967297", "9999999999", "1K", "0x10", "1%00")
] + [(path, "x") for path in (*STREAMS, "/events")])
def test_padding_that_is_none(shared, path, value):
    check_short(shared.ask(path, f"topic=a&padding={value}"),
                "400 Bad Request",
                "400 Bad Request: padding takes a number of bytes from 0 to "
                "131072\n")
