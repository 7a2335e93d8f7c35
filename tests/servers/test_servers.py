"""fcgi-sse behind real web servers, each with its file from deploy/."""

import contextlib
import html.parser
import os
import time
import urllib.parse

import pytest

from place import HEARTBEAT_S, ORIGIN, seconds
from responder import wait_until
import streams


BUSY_S = 3
# HAProxy closes those that it has kept after this time.
KEPT_S = 4


def moment(event):
    """When an event says it was sent."""
    return seconds(event.data)


def test_ticks_arrive_when_they_are_sent(site):
    with site.open("/clock?format=iso&interval=100ms") as stream:
        assert stream.status == 200
        assert stream.header("content-type") == "text/event-stream"
        stream.read_event()
        ticks = [stream.read_event() for _ in range(10)]
    moments = [moment(tick) for tick in ticks]
    late = sorted(tick.received_at - moment(tick) for tick in ticks)
    assert late[0] > -0.005
    # A busy machine stalls for several of ten, and leaves some out; a web
    # server that collects holds up all of them.
    assert late[len(late) // 3] < 0.1, late
    gaps = [round(b - a, 3) for a, b in zip(moments, moments[1:])]
    assert min(gaps) == 0.1
    assert all(round(m * 1000) % 100 == 0 for m in moments)


def test_head_and_first_event_come_at_once(site):
    with site.open("/stream?interval=1h") as stream:
        first = stream.read_event()
        assert (first.event, first.retry) == ("connecttime", "10000")
        assert stream.read_event().event is None


def test_many_clients_at_once_all_tick(site):
    count = site.front.clients
    clients = [site.open("/clock?format=iso", wait=False)
               for _ in range(count)]
    for client in clients:
        client.read_head()
        assert client.status == 200
        client.read_event()
    last_start = max(client.received_at for client in clients)
    for client in clients:
        tick = client.read_event()
        while moment(tick) <= last_start:
            tick = client.read_event()
        assert tick.received_at - moment(tick) < 10
        client.close()


def test_last_event_id_arrives(site):
    with site.open("/counter?count=3&interval=100ms",
                   headers={"Last-Event-ID": "1"}) as stream:
        assert [stream.read_event().id for _ in range(2)] == ["2", "3"]


def test_nothing_left_is_204(site):
    answer = site.ask("/counter?count=3", headers={"Last-Event-ID": "3"})
    assert (answer.status, answer.text) == (204, "")


def test_end_of_the_response_is_passed_on_at_once(site):
    with site.open("/counter?count=2&interval=100ms") as stream:
        events = [stream.read_event() for _ in range(3)]
        assert [e.event for e in events] == [None, None, "end"]
        assert stream.read_event() is None
        assert stream.ended


def descriptor_count(site):
    """Of all processes of fcgi-sse; one may end meanwhile."""
    count = 0
    for pid in site.processes():
        with contextlib.suppress(FileNotFoundError):
            count += len(os.listdir(f"/proc/{pid}/fd"))
    return count


def test_ended_streams_leave_no_connection(site):
    """A web server that keeps these does so for longer."""
    if site.front.name == "apache-fcgid":
        pytest.skip("its processes stay, each with what it has open")
    site.ask("/counter?count=1")
    before = descriptor_count(site)
    clients = [site.open("/counter?count=2&interval=100ms")
               for _ in range(min(20, site.front.clients))]
    for client in clients:
        client.read_to_end()
    wait_until(lambda: descriptor_count(site) <= before, "all are closed",
               KEPT_S)
    for client in clients:
        client.close()


def test_counter_as_text(site):
    answer = site.ask("/counter?count=3&interval=100ms&format=text")
    assert answer.header("content-type") == "text/plain; charset=utf-8"
    assert answer.text == "1\n2\n3\n"


def is_quiet(site, count):
    """So many streams were opened, and all have ended."""
    return len(site.place.log_lines("connect")) == count \
        == len(site.place.log_lines("disconnect"))


def is_idle(site):
    """All streams have ended, and none is about to begin."""
    return not (site.front.is_cgi and site.processes()) \
        and is_quiet(site, len(site.place.log_lines("connect")))


def test_lost_client_is_noticed(site, figure):
    """One that closes and one that resets, at a tick every 500 ms; one that
    closes a stream on which only heartbeats are sent."""
    wait_until(lambda: is_idle(site), "earlier streams have ended")
    count = len(site.place.log_lines("connect"))
    paths = ("/clock?interval=500ms", "/server-sent-events?interval=500ms",
             "/counter?interval=1h")
    closing, resetting, idle = clients = [site.open(path) for path in paths]
    for client in clients:
        client.read_event()
    # Between two ticks, so that none is on its way.
    wait_until(lambda: 0.2 < time.time() % 0.5 < 0.3, "between two ticks")
    lost_at = time.time()
    closing.close()
    resetting.reset()
    idle.close()

    frames = site.front.frames_to_notice
    # On a busy machine more than it takes, but not for ever.
    bound_s = [(frames + 1) * every + BUSY_S
               for every in (0.5, 0.5, HEARTBEAT_S)]
    wait_until(lambda: is_quiet(site, count + 3), "they are found lost")
    took_s = []
    for path, line in zip(paths, lost_lines(site)):
        assert line["path"].endswith(path.partition("?")[0])
        # A CGI program is told by SIGTERM.
        assert line["reason"] in (
            "client-closed", "write-failed", "shutdown")
        took_s.append(seconds(line["time"]) - lost_at)
    figure(f"{site.front.name:18} close {took_s[0] * 1000:5.0f} ms, "
           f"reset {took_s[1] * 1000:5.0f} ms, at a tick every 500 ms; "
           f"close {took_s[2] * 1000:5.0f} ms, at a heartbeat a second")
    assert all(took < bound for took, bound in zip(took_s, bound_s)), took_s


def lost_lines(site):
    """Of the last three streams, by path: clock, server-sent-events, counter.
    """
    order = ("clock", "server-sent-events", "counter")
    return sorted(site.place.log_lines("disconnect")[-3:],
                  key=lambda line: order.index(line["path"].split("/")[-1]))


class Links(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag in ("link", "script", "img"):
            self.found.append(attrs.get("href") or attrs.get("src"))


def test_page_and_its_files(site):
    page = site.ask("/")
    assert page.status == 200
    assert page.header("content-type") == "text/html; charset=utf-8"
    base = site.front.prefix + "/"
    links = [urllib.parse.urljoin(base, link)
             for link in Links(page.text).found]
    assert {base + "page.css", base + "page.js"} <= set(links)
    for link in links:
        answer = streams.ask(site.server.port, link)
        assert answer.status == 200, link
        assert answer.text


def test_page_without_its_slash_redirects(site):
    answer = streams.ask(site.server.port, site.front.prefix)
    assert answer.status in (301, 302, 308)
    location = urllib.parse.urljoin(
        f"http://localhost{site.front.prefix}", answer.header("location"))
    assert urllib.parse.urlparse(location).path == site.front.prefix + "/"


@pytest.mark.parametrize("path", ["/", "/clock", "/stream", "/counter"])
def test_head_is_the_head_alone(site, path):
    with site.open(path, method="HEAD") as stream:
        assert stream.status == 200
        # Nothing follows: what is asked next gets its own answer.
        assert stream.buffer == b""


# They end like a route, or look like one, and are none.
NO_ROUTES = ["/x/metrics", "/x/y/events", "/x/status/events", "/a%2fmetrics",
             "/nope/", "/clock/", "/events/", "/metrics/", "/metricsx",
             "/METRICS", "/x/.well-known/mercure", "/x/"]


def test_nothing_but_the_mount_and_a_route_is_answered(site):
    """So that a rule of the web server for one path cannot be got round."""
    for path in NO_ROUTES:
        answer = site.ask(path, headers={"Accept": "text/event-stream"})
        assert answer.status == 404, path
    assert site.ask("/healthz").status in (200, 403)


def test_not_found_reaches_the_client(site):
    answer = site.ask("/nope")
    assert answer.status == 404
    assert answer.header("content-type") == "text/plain; charset=utf-8"
    assert answer.text.startswith("404 Not Found: /")
    assert answer.text.endswith("/nope\n")


def test_bad_parameter_reaches_the_client(site):
    answer = site.ask("/clock?interval=1")
    assert answer.status == 400
    assert answer.text.startswith("400 Bad Request: interval takes")


def test_other_origin_is_answered_once(site):
    with site.open("/clock", headers={"Origin": ORIGIN}) as stream:
        headers = stream.headers
    assert [v for k, v in headers
            if k == "access-control-allow-origin"] == [ORIGIN]
    assert sum(k == "vary" for k, _ in headers) == 1


def test_preflight(site):
    answer = site.ask("/clock", method="OPTIONS", headers={
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "last-event-id"})
    assert answer.status in (200, 204)
    assert answer.header("access-control-allow-origin") == ORIGIN
    assert "GET" in answer.header("access-control-allow-methods")
    assert "last-event-id" in answer.header(
        "access-control-allow-headers").lower()


def test_no_header_twice(site):
    for path in ("/", "/clock", "/nope"):
        with site.open(path, headers={"Origin": ORIGIN}) as stream:
            names = [name for name, _ in stream.headers]
        assert len(names) == len(set(names)), names


def test_stream_is_not_to_be_kept(site):
    with site.open("/clock") as stream:
        assert "no-transform" in stream.header("cache-control")
        assert stream.header("content-encoding") is None
