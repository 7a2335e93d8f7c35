"""What the hub keeps for those who come back, and that it keeps no more."""

import re

import pytest

import responder
from hub import END, start_hub
from responder import wait_until
from test_hub_subscribe import fill, numbers

pytestmark = pytest.mark.each_store


MIB_KIB = 1024
UPDATE_COST_BYTES = 256         # beside its own bytes, about
TOPIC_COST_BYTES = 512


def topics_max(history_bytes, name):
    """How many topics with such names a quarter of the bytes holds."""
    return history_bytes // 4 // (TOPIC_COST_BYTES + 2 * len(name))


# So many events

def test_history_events(fcgi_sse, short_dir):
    hub = start_hub(fcgi_sse, short_dir, "--history-events", "3")
    fill(hub, "t", 7)
    fill(hub, "u", 2)
    assert hub.replay("t", last="earliest") == ("earliest", numbers(5, 7))
    assert hub.replay("u", last="earliest") == ("earliest", numbers(1, 2))
    # Behind 4 all is there, behind 3 it is not.
    assert hub.replay("t", last="6") == ("6", ["7"])
    assert hub.replay("t", last="4") == ("4", numbers(5, 7))
    for lost in "3", "1", "nope":
        assert hub.replay("t", last=lost) == ("earliest", numbers(5, 7))


def test_a_loss_on_one_topic_of_several(fcgi_sse, short_dir):
    """The id is known on one topic, the loss is on another."""
    hub = start_hub(fcgi_sse, short_dir, "--history-events", "3")
    hub.publish("a", "a", id="a")
    fill(hub, "b", 3)
    assert hub.replay("a", "b", last="a") == ("a", numbers(1, 3))
    hub.publish("b", "4", id="4")
    assert hub.replay("a", "b", last="a") == ("earliest", numbers(2, 4))
    assert hub.replay("a", last="a") == ("a", [])
    assert hub.replay("a", "b", last="1") == ("1", numbers(2, 4))


def test_default_is_a_thousand(hub):
    fill(hub, "t", 1010)
    assert hub.replay("t", last="earliest")[1] == numbers(11, 1010)


def test_alternates_in_a_full_history(fcgi_sse, short_dir):
    hub = start_hub(fcgi_sse, short_dir, "--history-events", "2")
    for number in numbers(1, 5):
        hub.publish(["a", "b" if int(number) % 2 else "c"], number, id=number)
    assert hub.replay("a", last="earliest")[1] == ["4", "5"]
    assert hub.replay("b", last="earliest")[1] == ["3", "5"]
    assert hub.replay("c", last="earliest")[1] == ["2", "4"]
    assert hub.replay("a", "b", "c", last="earliest")[1] == numbers(2, 5)
    assert hub.replay("c", last="2") == ("2", ["4"])


def test_history_events_lose_nothing_live(fcgi_sse, short_dir):
    hub = start_hub(fcgi_sse, short_dir, "--history-events", "1")
    readers = [hub.subscribe("t"), hub.subscribe("t", "u"),
               hub.subscribe("*")]
    for number in range(1, 301):
        hub.publish("t", str(number), id=str(number))
        if number % 10 == 0:        # they read, though not at once
            for reader in readers:
                reader.take(number)
    for reader in readers:
        assert [event.id for event in reader.events] == numbers(1, 300)


# So many bytes

def test_history_bytes(fcgi_sse, short_dir):
    """Of topics that have as much, the oldest goes first."""
    hub = start_hub(fcgi_sse, short_dir, "--history-bytes", "64K")
    for number in numbers(1, 30):
        hub.publish("ab"[int(number) % 2], number + "." + "x" * 7000,
                    id=number)
        assert hub.metric("history_bytes") <= 65536
    kept = hub.metric("history_events")
    assert kept == (65536 - 2 * TOPIC_COST_BYTES) // (
        7000 + UPDATE_COST_BYTES + 40)
    first = 30 - kept + 1
    replayed = [int(data.split(".")[0])
                for data in hub.replay("*", last="earliest")[1]]
    assert replayed == list(range(replayed[0], 31))
    assert first <= replayed[0] <= first + 1    # the end took its place too
    assert hub.replay("a", last="2")[0] == "earliest"
    assert hub.replay("b", last="30")[0] == "earliest"     # it is on a
    assert hub.replay("a", last="30") == ("30", [])


def test_an_event_longer_than_all_history(fcgi_sse, short_dir):
    hub = start_hub(fcgi_sse, short_dir, "--history-bytes", "64K")
    reader = hub.subscribe("t")
    hub.publish("t", "small")
    hub.publish("t", "x" * 500000)
    reader.take(2)
    hub.publish("t", "small again")
    assert [len(event.data) for event in reader.take(3)] == [5, 500000, 11]
    assert hub.replay("t", last="earliest")[1] == ["small again"]
    assert hub.metric("history_bytes") <= 65536


@pytest.mark.memory_alone(
    reason="what a shared store caches is no part of the history")
def test_memory_is_what_history_bytes_says(fcgi_sse, short_dir):
    hub = start_hub(fcgi_sse, short_dir, "--history-bytes", "4M",
                    "--history-events", "1000000")
    for topic in range(40):
        hub.publish(f"warm/{topic}", "x" * 30000)
    before_kib = hub.process.rss_kib("RssAnon")
    for number in range(1500):
        hub.publish(f"t/{number % 50}", "x" * 20000)        # 30 MB
    for number in range(6000):
        hub.publish(f"t/{number % 50}", "")
    assert hub.metric("history_bytes") <= 4 << 20
    if not responder.is_sanitized():
        wait_until(lambda: hub.process.rss_kib("RssAnon")
                   < before_kib + 6 * MIB_KIB, "the rest is given back")


# For so long

def test_history_age(fcgi_sse, short_dir):
    """Old events go, and their topics, also when nobody asks."""
    hub = start_hub(fcgi_sse, short_dir, "--history-age", "300ms")
    reader = hub.subscribe("held")
    fill(hub, "t", 5)
    hub.publish("held", "x")
    reader.take(1)
    wait_until(lambda: hub.metric("history_events") == 0, "they are old")
    assert hub.metric("topics") == 1
    # Whether or not a store still knows what 4 was, 5 is gone.
    assert hub.replay("t", last="4") == ("earliest", [])
    assert hub.replay("held", last="earliest")[1] == []
    reader.close()
    wait_until(lambda: hub.metric("topics") == 0, "the topics go")
    assert hub.metric("history_bytes") == 0


def test_streams_outlive_what_they_were_sent(fcgi_sse, short_dir):
    hub = start_hub(fcgi_sse, short_dir, "--history-age", "100ms")
    reader = hub.subscribe("t")
    for number in range(1, 5):
        hub.publish("t", str(number))
        wait_until(lambda: hub.metric("history_events") == 0, "it is old")
    assert [event.data for event in reader.take(4)] == numbers(1, 4)


# So many topics

def test_idle_empty_topics_disappear(hub):
    readers = [hub.subscribe(*(f"{reader}/{number}" for number in range(50)))
               for reader in range(20)]
    assert hub.metric("topics") == 1000
    for reader in readers:
        reader.close()
    wait_until(lambda: hub.metric("topics") == 0, "the topics go")
    assert hub.metric("history_bytes") == 0
    for number in range(30):
        hub.process.ask("/events", f"topic={number}", method="HEAD")
        hub.post([("topic", str(number)), ("id", "#")])
    wait_until(lambda: hub.metric("topics") == 0, "no topic stays")


def check_too_many(answer):
    assert answer.status == "503 Service Unavailable"
    assert answer.body == b"503 Service Unavailable: too many topics\n"


def test_publisher_of_many_topics(fcgi_sse, short_dir):
    """It is never refused: what is kept makes room, the oldest first."""
    hub = start_hub(fcgi_sse, short_dir, "--history-bytes", "256K")
    name = "topic/{:06}"
    reader = hub.subscribe("first")
    for number in range(1000):
        hub.publish(name.format(number), str(number))
    assert hub.metric("history_bytes") <= 256 << 10
    count = hub.metric("history_events")
    assert hub.metric("topics") == count + 1    # the reader's
    assert 256 < count < 512
    assert hub.replay(name.format(999), last="earliest")[1] == ["999"]
    assert hub.replay(name.format(0), last="earliest")[1] == []
    hub.publish("first", "live")
    assert [event.data for event in reader.take(1)] == ["live"]


def test_subscribers_of_many_topics(fcgi_sse, short_dir):
    """Who follows topics that nobody has published to pays for them."""
    hub = start_hub(fcgi_sse, short_dir, "--history-bytes", "256K",
                    "--allow-origin", "*")
    share = topics_max(256 << 10, "0/000") // 3
    greedy = {"REMOTE_ADDR": "192.0.2.66"}
    readers = []
    for at in range(0, share - 40, 20):
        readers.append(hub.subscribe(
            *(f"{at}/{number:03}" for number in range(20)), **greedy))
    open_count = hub.metric("topics")
    query = "&".join(f"topic=more{number}" for number in range(200))
    check_too_many(hub.process.ask("/events", query, **greedy))
    # An EventSource would give up at another status.
    answer = hub.process.ask("/events", query, HTTP_ACCEPT="text/event-stream",
                             **greedy)
    assert answer.status == "200 OK"
    assert re.fullmatch(
        rb"retry: (\d+)\nevent: refused\n"
        rb'data: {"reason":"too many topics","retry":\1}\n\n', answer.body)
    assert hub.metric("streams_open") == len(readers)
    # Others have their own share, and what is there is free to all.
    others = [hub.subscribe(f"other/{number}", "0/000",
                            REMOTE_ADDR=f"192.0.2.{number}")
              for number in range(60)]
    hub.publish([f"other/{number}" for number in range(60)], "live")
    for other in others:
        assert [event.data for event in other.take(1)] == ["live"]
        other.close()
    # What a refused request has made is freed again.
    wait_until(lambda: hub.metric("topics") <= open_count + 60, "they go")
    for reader in readers:
        reader.close()
    wait_until(lambda: hub.metric("topics") == 60, "topics are freed")
    reader = hub.subscribe(*(f"more{number}" for number in range(20)),
                           **greedy)
    hub.publish("more19", type_=END)
    assert reader.take_to_end() == []


@pytest.mark.memory_alone(
    reason="what a shared store caches is no part of the history")
def test_memory_of_many_topics(fcgi_sse, short_dir):
    """Topics of publishers, of subscribers, long names: within the limit."""
    hub = start_hub(fcgi_sse, short_dir, "--history-bytes", "1M")
    fill(hub)
    before_kib = hub.process.rss_kib("RssAnon")
    for number in range(2500):
        hub.publish(f"t/{number}", "x")
    wide = "&".join(f"topic={'n' * 500}{number}" for number in range(200))
    for _ in range(10):
        check_too_many(hub.process.ask("/events", wide))
    assert hub.metric("history_bytes") <= 1 << 20
    if not responder.is_sanitized():
        wait_until(lambda: hub.process.rss_kib("RssAnon")
                   < before_kib + 2 * MIB_KIB, "the rest is given back")


def test_a_busy_topic_costs_a_quiet_one_nothing(fcgi_sse, short_dir):
    """By count or by bytes, with or without a reader that stops."""
    hub = start_hub(fcgi_sse, short_dir, "--history-bytes", "1M",
                    "--history-events", "10")
    hub.publish("quiet", "q")
    fill(hub, "busy", 1000)
    assert hub.metric("history_events") == 11
    slow = hub.subscribe("busy", rcvbuf_bytes=4096)
    for number in range(1000):
        hub.publish("busy", "x" * 2000)
    wait_until(lambda: hub.metric("streams_open") == 0, "it is ended")
    wait_until(lambda: hub.metric("history_events") == 11, "it is freed")
    assert hub.replay("quiet", last="earliest")[1] == ["q"]
    slow.close()


@pytest.mark.parametrize("name, values", [
    ("history-events", ["0", "-1", "x"]), ("history-bytes", ["1K", "0"]),
    ("history-age", ["1ms", "0", "5"]), ("coalesce", ["5", "1h"])])
def test_limits_that_are_none(name, values):
    for value in values:
        done = responder.run("--listen", "unix:/nope/s", f"--{name}", value)
        assert done.returncode == 2 and name in done.stderr
