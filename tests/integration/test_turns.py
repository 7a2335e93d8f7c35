"""More clients than places: they take turns, and none misses an event."""

import re

import pytest

from hub import start_hub
from responder import wait_until

EVENT_SOURCE = {"HTTP_ACCEPT": "text/event-stream"}
REFUSED = re.compile(
    r"(?:id: (\S+)\n)?retry: (\d+)\nevent: refused\n"
    r'data: {"reason":"([^"]+)","retry":(\d+)}\n\n')
SENT_AWAY = re.compile(r"(?:id: (\S+)\n)?retry: (\d+)\n\n$")
# A turn of seconds: so soon nobody's is over, however slow the machine.
LONG = ("--turn-min", "20s", "--turn-max", "60s")
SHORT = ("--turn-min", "50ms", "--turn-max", "1s")


def check_refused(answer, why):
    """The id that it gives, or None."""
    assert answer.status == "200 OK"
    found = REFUSED.fullmatch(answer.body.decode())
    assert found, answer.body
    assert found[2] == found[4]
    assert found[3] == why
    return found[1]


def ask(hub, query="topic=t", **changes):
    return hub.process.ask("/events", query, **EVENT_SOURCE, **changes)


def retry_ms(answer):
    found = re.search(r"^retry: (\d+)$", answer.body.decode(), re.M)
    return int(found[1])


@pytest.mark.parametrize("limits, why", [
    (("--turns", "1", *LONG), "other clients have their turn"),
    (("--max-streams", "1"), "too many streams"),
])
def test_who_is_refused_at_first_misses_nothing(fcgi_sse, short_dir, limits,
                                                why):
    hub = start_hub(fcgi_sse, short_dir, *limits)
    for number in range(5):
        hub.publish("t", f"before {number}")
    first = hub.subscribe("t")
    live = check_refused(ask(hub), why)
    last = check_refused(ask(hub, "topic=t&last=2"), why)
    # Who has an id keeps it.
    assert check_refused(ask(hub, HTTP_LAST_EVENT_ID=live), why) is None
    hub.publish("t", "meanwhile")
    assert [event.data for event in first.take(1)] == ["meanwhile"]
    first.close()
    wait_until(lambda: hub.metric("streams_open") == 0, "there is room")
    assert hub.replay("t", HTTP_LAST_EVENT_ID=live)[1] == ["meanwhile"]
    wait_until(lambda: hub.metric("streams_open") == 0, "there is room")
    assert hub.replay("t", HTTP_LAST_EVENT_ID=last)[1] == [
        "before 3", "before 4", "meanwhile"]


def test_others_are_refused_by_503(fcgi_sse, short_dir):
    hub = start_hub(fcgi_sse, short_dir, "--turns", "1", *LONG)
    first = hub.subscribe("t")
    answer = hub.process.ask("/events", "topic=t")
    assert answer.status == "503 Service Unavailable"
    assert 1 <= int(answer.headers["Retry-After"]) <= 61
    line = hub.process.wait_log("refuse")
    assert line["reason"] == "turn"
    assert line["open"] == "1"
    first.close()


class Page:
    """An EventSource, which tries again until it has its turn."""

    def __init__(self, hub):
        self.hub = hub
        self.id = None
        self.data = []
        self.reader = None

    def open(self):
        changes = {"HTTP_LAST_EVENT_ID": self.id} if self.id else {}

        def subscribe():
            reader = self.hub.subscribe("t", **EVENT_SOURCE, **changes)
            if not REFUSED.search(reader.answer.body.decode()):
                return reader
            reader.close()
            return None
        self.reader = wait_until(subscribe, "it has its turn")

    def take_end(self):
        """The stream ends, for another; says when to come back, and where."""
        self.reader.client.recv_end(self.reader.answer)
        assert self.reader.answer.end == (0, 0)
        found = SENT_AWAY.search(self.reader.answer.body.decode())
        assert found and found[1]
        assert 100 <= int(found[2]) <= 60000
        self.data += [event.data for event in self.reader.events]
        self.id = found[1]
        self.reader.close()

    def take(self, count):
        return self.data + [event.data for event in
                            self.reader.take(count - len(self.data))]


def test_clients_take_turns(fcgi_sse, short_dir):
    """Three clients on two places: updates come while one is away, again and
    again, and it has each of them once when it is back."""
    hub = start_hub(fcgi_sse, short_dir, "--turns", "2", *SHORT)
    pages = [Page(hub) for _ in range(3)]
    pages[0].open()
    pages[1].open()
    for number in range(9):
        pages[2].open()
        pages[0].take_end()
        assert hub.metric("streams_open") == 2
        hub.publish("t", str(number))
        pages.append(pages.pop(0))
    hub.process.wait_log("disconnect", count=9, reason="turn")
    # Of those who have a stream none is read to its end.
    for page in pages[:2]:
        assert page.take(9) == [str(at) for at in range(9)]
    pages[2].open()
    assert pages[2].take(9) == [str(at) for at in range(9)]


def test_the_clock_takes_turns(fcgi_sse):
    process = fcgi_sse("--turns", "1", *SHORT)
    with process.client() as first:
        answer = first.send_request("/clock", "interval=1h", **EVENT_SOURCE)
        first.recv_events(answer, 1)

        def ends():
            with process.client() as other:
                reply = other.send_request("/clock", "interval=1h",
                                           **EVENT_SOURCE)
                other.recv_events(reply, 1)
            return not REFUSED.search(reply.body.decode())
        wait_until(ends, "another has its turn")
        first.recv_end(answer)
        found = SENT_AWAY.search(answer.body.decode())
        assert found and found[1] is None


def test_who_asks_wrongly_takes_no_turn(fcgi_sse, short_dir):
    """Of the first stream the turn is over, as the other's refusals show."""
    hub = start_hub(fcgi_sse, short_dir, "--turns", "1", *SHORT)
    first = hub.subscribe("t")

    def passes():
        answer = ask(hub, "match_urlpattern=" + "%28")
        return answer.status.startswith("400")
    wait_until(passes, "the turn is over")
    assert passes()
    hub.publish("t", "still there")
    assert [event.data for event in first.take(1)] == ["still there"]
    first.close()


def test_without_turns_nobody_is_sent_away(fcgi_sse, short_dir):
    hub = start_hub(fcgi_sse, short_dir, *SHORT)
    readers = [hub.subscribe("t") for _ in range(5)]
    hub.publish("t", "x")
    for reader in readers:
        assert [event.data for event in reader.take(1)] == ["x"]


def test_who_does_not_wait_lengthens_no_round_of_others(fcgi_sse, short_dir):
    """One address asks again and again, and is to wait for a minute; others
    are not."""
    hub = start_hub(fcgi_sse, short_dir, "--turns", "2", "--turn-min", "2s",
                    "--turn-max", "2s")
    streams = [hub.subscribe("t") for _ in range(2)]
    for _ in range(150):
        ask(hub, REMOTE_ADDR="192.0.2.1")
    rushing = max(retry_ms(ask(hub, REMOTE_ADDR="192.0.2.1"))
                  for _ in range(20))
    others = max(retry_ms(ask(hub, REMOTE_ADDR=f"198.51.100.{number}"))
                 for number in range(5))
    assert rushing > 20000
    assert others < 20000
    for stream in streams:
        stream.close()
