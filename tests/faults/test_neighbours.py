"""What a subscriber takes, by many topics or by not reading, is taken from
nobody else: not from publishers, other subscribers, or other topics."""

from crowd import EVENT_STREAM
from hub import start_hub
from responder import wait_until
from test_slow_readers import ended, metric

GOOD = 300
TOPICS, GREEDY = 256, 139
READERS, EVENTS, EVENT_BYTES = 30, 2500, 2000


def test_who_follows_very_many_topics_keeps_nobody_out(
        fcgi_sse, short_dir, good_clients):
    hub = start_hub(fcgi_sse, short_dir, "--history-bytes", "4M")
    process = hub.process
    with process.unharmed():
        good = good_clients(process, GOOD)
        hub.publish("kept", "1")
        statuses, held = set(), []
        for at in range(GREEDY):
            reader = hub.subscribe(
                *(f"greedy/{at}/{number}" for number in range(TOPICS)),
                REMOTE_ADDR="198.51.100.66", **EVENT_STREAM)
            statuses.add(reader.answer.status)
            held.append(reader)
        # It is told to come back, as all whom the house is too full for.
        assert statuses == {"200 OK"}
        assert any(b"event: refused" in bytes(reader.answer.out)
                   for reader in held)
        for number in range(20):
            other = hub.subscribe(f"new/{number}", "kept", last="earliest",
                                  REMOTE_ADDR=f"192.0.2.{number}",
                                  **EVENT_STREAM)
            hub.publish([f"new/{number}", f"newer/{number}"], "live")
            assert [event.data for event in other.take(2)] == ["1", "live"]
            other.close()
        for reader in held:
            reader.close()
        good.check()
        good.leave()


def test_a_reader_that_stops_costs_other_readers_and_topics_nothing(
        fcgi_sse, short_dir, good_clients):
    hub = start_hub(fcgi_sse, short_dir, "--history-bytes", "4M",
                    "--history-events", "100", "--stall-timeout", "1h")
    process = hub.process
    with process.unharmed():
        good = good_clients(process, GOOD)
        hub.publish("quiet", "q")
        readers = [hub.subscribe("busy") for _ in range(READERS)]
        stopped = hub.subscribe("busy", rcvbuf_bytes=4096)
        data = "x" * EVENT_BYTES
        for number in range(1, EVENTS + 1):
            hub.publish("busy", data, id=str(number))
            if number % 50 == 0:    # they read, though not at once
                for reader in readers:
                    reader.take(number)
        wait_until(lambda: ended(process, "overrun") == 1, "its end")
        wait_until(lambda: metric(process, "history_events") == 101,
                   "nothing is kept for it")
        for reader in readers:
            assert [event.id for event in reader.events] == \
                [str(number) for number in range(1, EVENTS + 1)]
            reader.close()
        assert hub.replay("quiet", last="earliest")[1] == ["q"]
        stopped.close()
        good.check()
        good.leave()
