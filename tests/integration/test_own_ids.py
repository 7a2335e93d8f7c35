"""An id that a publisher chose and that this process does not know: another
process took the update a moment ago, or its own history has dropped it."""

import pytest

from hub import start_hub

ROUNDS = 40


@pytest.fixture(params=["sqlite", "redis"])
def store(request, short_dir):
    """The options for a store that processes share."""
    if request.param == "redis":
        server = request.getfixturevalue("redis_of_all")
        return ["--store", f"{server.url}?key=ids-{short_dir.name}"]
    return ["--store", f"sqlite:{short_dir}/log"]


@pytest.fixture
def hubs(fcgi_sse, short_dir, store):
    """Three processes, each at a socket of its own."""
    def three(*args):
        return [start_hub(fcgi_sse, short_dir, *store, *args)
                for _ in range(3)]
    return three


def test_what_another_took_a_moment_ago(hubs):
    """A read is paced, so that the second update is seldom there at once."""
    writer, *readers = hubs()
    for number in range(ROUNDS):
        writer.publish("t", "before")
        last = writer.publish("t", "last", id=f"own-{number}")
        for reader, follows in zip(readers, (["t"], ["t", "*"])):
            subscriber = reader.subscribe(*follows, last=last)
            assert subscriber.field == last
            assert not subscriber.events
            subscriber.close()
    assert readers[0].replay("t", last=last) == (last, [])


def test_what_the_history_has_dropped(hubs):
    """The store keeps more for each topic than a process does."""
    writer, reader, other = hubs("--history-events", "2")
    writer.publish("b", "old")
    last = writer.publish("a", "last", id="own")
    for number in range(3):
        writer.publish("a", str(number))
    made = writer.publish("b", "new")
    for hub in reader, other:
        assert hub.replay("b", last=made) == (made, [])     # it has it all
        # What is lost on one topic is told, and nothing comes twice.
        assert hub.replay("a", "b", last=last) == (
            "earliest", ["1", "2", "new"])
        assert hub.replay("a", "b", last="none") == (
            "earliest", ["old", "1", "2", "new"])


def test_what_is_hidden_is_not_known(hubs):
    """To those who may not have it, the id of a private update is none."""
    writer, reader, _ = hubs("--history-events", "2")
    writer.publish("b", "old")
    hidden = writer.publish("a", "hidden", id="own", private="on")
    for number in range(3):
        writer.publish("a", str(number))
    made = writer.publish("b", "new")
    assert reader.replay("b", last=made) == (made, [])
    assert reader.replay("a", "b", last=hidden) == reader.replay(
        "a", "b", last="none") == ("earliest", ["old", "1", "2", "new"])
