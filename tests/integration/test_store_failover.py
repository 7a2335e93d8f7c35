"""A broker dies, and a replica that was behind takes its place: what the
replica had not yet is lost, as the documents say, and nothing else is."""

import re

import pytest

from hub import start_hub
from redis_server import Redis, skip_without
from responder import free_port, wait_until
from test_store_cut import Way, check_all_have, post

KEPT, LATE = 10, 5


@pytest.fixture
def pair(short_dir):
    """A broker and a replica of it, and the way that leads to the broker."""
    skip_without()
    port = free_port()
    folders = [short_dir / name for name in ("first", "second")]
    for folder in folders:
        folder.mkdir()
    first, second = (Redis(folder) for folder in folders)
    first.start("--port", str(port), "--bind", "127.0.0.1",
                "--repl-diskless-sync-delay", "0")
    second.start("--replicaof", f"127.0.0.1 {port}")
    wait_until(lambda: "master_link_status:up"
               in second.ask("info", "replication"), "the replica follows")
    way = Way(short_dir / "way", first.socket)
    way.open()
    yield first, second, way
    way.cut()
    first.stop()
    second.stop()


def publish(hub, sent, ids, count):
    for _ in range(count):
        sent.append(str(len(sent)))
        ids.append(hub.publish("t", sent[-1]))


def fail_over(first, second, way):
    first.process.kill()
    first.process.wait()
    way.cut()
    way.target = str(second.socket)
    way.open()


def offset(redis, name):
    """How far its replication is."""
    return re.search(rf"(?m)^{name}:(\d+)",
                     redis.ask("info", "replication"))[1]


def has_all(first, second):
    return (offset(first, "master_repl_offset")
            == offset(second, "slave_repl_offset"))


def test_a_replica_that_is_behind(fcgi_sse, short_dir, pair):
    first, second, way = pair
    store = ("--store", f"redis+unix:{way.path}", "--heartbeat", "1h")
    hub = start_hub(fcgi_sse, short_dir, *store)
    readers = [hub.subscribe("t") for _ in range(3)]
    sent, ids = [], []
    publish(hub, sent, ids, KEPT)
    wait_until(lambda: has_all(first, second), "the replica has it")
    assert second.ask("replicaof", "no", "one") == "OK"
    publish(hub, sent, ids, LATE)
    check_all_have(readers, sent)
    fail_over(first, second, way)
    wait_until(lambda: post(hub, "refused").status == "200 OK",
               "it publishes again", 20)
    publish(hub, sent, ids, KEPT)
    # Streams stay, and have what was acknowledged before and after.
    check_all_have(readers, sent)
    assert ids == sorted(set(ids))
    # A process that begins now has what the replica had.
    after = start_hub(fcgi_sse, short_dir, *store)
    there = sent[:KEPT] + sent[KEPT + LATE:]

    def replay(last):
        return [data for data in after.replay("t", last=last)[1]
                if data != "refused"]

    assert replay("earliest") == there
    assert replay(ids[KEPT - 1]) == there[KEPT:]
    # Who has seen what is lost is sent what is new, once.
    assert replay(ids[KEPT + LATE - 1]) == there[KEPT:]
