"""Publishing and subscribing through real web servers."""

import contextlib
import http.client
import os
import shutil
import signal
import subprocess
import urllib.parse

import pytest

from event_stream import Event, Parser
from place import is_root
from responder import clean_environ, wait_until
from servers import FRONTS, Site, Started

KEY = "s3same"
HUB = "/.well-known/mercure"
FORM = "application/x-www-form-urlencoded"
MAX_BODY = 200 * 1024
LINES = " one\r\n\r\n two\rthree \u00e9\u4e16\U0001f600\0\n"

SERVED = [front for front in FRONTS
          if not (front.is_cgi or front.name == "apache-fcgid")]
SINGLE = [front for front in FRONTS if front not in SERVED]


def add_options(place):
    """Has the program at this place take updates."""
    keys = place.dir / "keys"
    keys.write_text(KEY)
    keys.chmod(0o600)
    place.own(keys)
    place.set_environ(FCGI_SSE_PUBLISH_KEY_FILE=keys,
                      FCGI_SSE_MAX_BODY=MAX_BODY)


class Hub(Started):
    """A site, and a publisher and subscribers who go through its server."""

    def __init__(self, front):
        self.site = Site(front)
        add_options(self.site.place)

    @property
    def place(self):
        return self.site.place

    def start(self):
        self.site.start()

    def stop(self):
        """Stops the site, and processes that somebody else has started."""
        try:
            self.site.stop()
        finally:
            for pid in self.site.processes():
                os.kill(pid, signal.SIGTERM)
            wait_until(lambda: not self.site.processes(), "they end")

    def request(self, method, path, body=None, headers=None):
        conn = http.client.HTTPConnection(
            "127.0.0.1", self.site.server.port, timeout=60)
        conn.request(method, self.site.front.prefix + path, body,
                     {"Host": "localhost"} | (headers or {}))
        return conn.getresponse()

    def post(self, pairs, key=KEY, path=HUB):
        headers = {"Content-Type": FORM}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        answer = self.request("POST", path, urllib.parse.urlencode(pairs),
                              headers)
        answer.text = answer.read().decode()
        return answer

    def publish(self, topic, data, **fields):
        answer = self.post([("topic", topic), ("data", data),
                            *fields.items()])
        assert answer.status == 200, answer.text
        return answer.text

    def subscribe(self, query, path=HUB, **headers):
        return Subscriber(self.request("GET", f"{path}?{query}", headers={
            name.replace("_", "-"): value
            for name, value in headers.items()}))


class Subscriber:
    def __init__(self, response):
        assert response.status == 200
        assert response.getheader("Content-Type") == "text/event-stream"
        self.response = response
        self.parser = Parser()

    def take(self, count):
        while len(self.parser.events) < count:
            data = self.response.read1(65536)
            assert data, "the stream has ended"
            self.parser.feed(data)
        assert len(self.parser.events) == count
        return self.parser.events

    def close(self):
        self.response.close()


@pytest.fixture(name="hub", scope="module", params=SERVED,
                ids=lambda front: front.name)
def fixture_hub(request):
    with Hub(request.param) as hub:
        yield hub


def test_updates_reach_subscribers(hub):
    """Byte for byte, as a standard parser reads them, and at once."""
    readers = [hub.subscribe("topic=live", path) for path in (HUB, "/events")]
    expected = []
    for number, data in enumerate((LINES, "", "x" * 150000), 1):
        name = hub.publish("live", data, type="kind")
        expected.append(Event("kind", data.replace("\r\n", "\n").replace(
            "\r", "\n"), name))
        for reader in readers:
            assert reader.take(number) == expected
    for reader in readers:
        reader.close()


def test_missed_updates_are_replayed(hub):
    ids = [hub.publish("late", str(number)) for number in range(5)]
    for query, headers, field, first in (
            ("", {"Last_Event_ID": ids[1]}, ids[1], 2),
            (f"&lastEventID={urllib.parse.quote(ids[2])}", {}, ids[2], 3),
            (f"&lastEventID={ids[0]}", {"Last_Event_ID": ids[3]}, ids[3], 4),
            ("&lastEventID=earliest", {}, "earliest", 0),
            ("", {"Last_Event_ID": "unknown"}, "earliest", 0)):
        reader = hub.subscribe("topic=late" + query, **headers)
        assert reader.response.getheader("Last-Event-ID") == field
        assert [event.id for event in reader.take(5 - first)] == ids[first:]
        reader.close()


def test_the_method_query(hub):
    answer = hub.request("QUERY", HUB, "match=queried&topic=other",
                         {"Content-Type": FORM})
    reader = Subscriber(answer)
    hub.publish("queried", "1")
    hub.publish("other", "2")
    assert [event.data for event in reader.take(2)] == ["1", "2"]
    reader.close()


def test_who_may_not_publish(hub):
    for key, challenge in ((None, "Bearer"),
                           ("wrong", 'Bearer error="invalid_token"')):
        answer = hub.post([("topic", "t")], key)
        assert answer.status == 401
        assert answer.getheader("WWW-Authenticate") == challenge
        assert answer.text.startswith("401 Unauthorized: ")


def test_body_that_is_too_long(hub):
    answer = hub.post([("topic", "t"), ("data", "x" * MAX_BODY)])
    assert answer.status == 413
    assert answer.text == ("413 Content Too Large: "
                           "the option max-body limits an update\n")
    assert hub.publish("t", "x")


@pytest.mark.parametrize("count", [1, 3])
def test_a_body_that_is_refused_by_its_head(hub, count):
    """The answer comes while the server still sends the body, and the
    server's next requests are not the worse for it."""
    for _ in range(count):
        headers = {"Content-Type": FORM}
        answer = hub.request("POST", HUB, b"x" * (MAX_BODY - 1000), headers)
        assert answer.status == 401, answer.read()
        headers["Authorization"] = f"Bearer {KEY}"
        answer = hub.request("POST", HUB, b"x" * (900 * 1024), headers)
        assert answer.status == 413, answer.read()
        assert hub.post([("topic", "t"), ("data", "x" * 70000)]).status == 200


# Several processes with one log

def check_several(hub, reader_count=6, count=10):
    """What any process takes reaches the subscribers of all, once."""
    readers = [hub.subscribe("topic=t") for _ in range(reader_count)]
    sent = [str(number) for number in range(count)]
    ids = [hub.publish("t", data) for data in sent]
    assert ids == sorted(set(ids))
    for reader in readers:
        assert [event.data for event in reader.take(count)] == sent
        assert [event.id for event in reader.parser.events] == ids
        reader.close()
    back = hub.subscribe("topic=t", Last_Event_ID=ids[3])
    assert [event.data for event in back.take(count - 4)] == sent[4:]
    back.close()


@pytest.mark.parametrize("front", SINGLE, ids=lambda front: front.name)
def test_one_process_for_each_request(front):
    with Hub(front) as hub:
        check_several(hub, reader_count=3)


@pytest.mark.parametrize("front", SINGLE, ids=lambda front: front.name)
def test_streams_of_all_processes_are_counted(front):
    """Who comes when all are taken is told when to come back, and can in the
    end, also when a process was killed."""
    hub = Hub(front)
    hub.site.place.set_environ(FCGI_SSE_MAX_STREAMS=2, FCGI_SSE_TURN_MAX="0")
    with hub:
        check_counted(hub)


def check_counted(hub):
    readers = [hub.subscribe("topic=t") for _ in range(2)]
    late = hub.subscribe("topic=t", Accept="text/event-stream")
    assert [event.type for event in late.take(1)] == ["refused"]
    assert late.response.read() == b""
    answer = hub.request("GET", f"{HUB}?topic=t")
    assert answer.status == 503 and int(answer.getheader("Retry-After")) > 0
    answer.read()
    # Whoever publishes needs no seat.
    hub.publish("t", "x")
    for reader in readers:
        assert [event.data for event in reader.take(1)] == ["x"]
    for pid in hub.site.processes():
        with contextlib.suppress(ProcessLookupError):   # it served a publish
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: is_admitted(hub), "a seat is free")


def is_admitted(hub):
    answer = hub.request("GET", f"{HUB}?topic=t")
    answer.close()
    return answer.status == 200


def test_several_processes_of_lighttpd():
    hub = Hub(next(f for f in FRONTS if f.name == "lighttpd-spawned"))
    plain = hub.site.place.fitted
    hub.site.place.fitted = lambda text: plain(text).replace(
        '"max-procs" => 1', '"max-procs" => 4')
    with hub:
        wait_until(lambda: len(hub.site.processes()) == 4, "four run")
        check_several(hub)


@pytest.mark.skipif(not shutil.which("spawn-fcgi"), reason="no spawn-fcgi")
def test_several_processes_of_spawn_fcgi():
    hub = Hub(next(f for f in FRONTS if f.name == "nginx"))
    hub.site.responder = None
    place = hub.site.place
    user = ["-u", "www-data", "-g", "www-data"] if is_root() else []
    try:
        with open(place.dir / "spawn.out", "wb") as out:
            subprocess.run(
                ["spawn-fcgi", "-s", place.dir / "fcgi-sse.sock", "-M", "0666",
                 *user, "-F", "3", "--", place.dir / "fcgi-sse"], check=True,
                env=clean_environ(), stdout=out, stderr=out, timeout=10)
        hub.site.start()
        check_several(hub)
    finally:
        hub.stop()
    hub.site.place.remove()
