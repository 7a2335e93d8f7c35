"""fcgi-sse store: what a store holds, and a copy of it in another."""

import contextlib
import json
import re
import sqlite3
import subprocess
import threading

import pytest

from publish_peers import publish
from redis_server import Redis, redis                       # noqa: F401
from responder import BINARY, SANITIZER_REPORT, clean_environ
from test_publish_command import accepted
from test_publish_store import start, url                   # noqa: F401


def store(*args, env=None):
    done = subprocess.run([BINARY, "store", *map(str, args)],
                          env=clean_environ(env), text=True,
                          capture_output=True, timeout=60)
    assert not SANITIZER_REPORT.search(done.stderr), done.stderr
    return done


def check_fails(done, status, word):
    assert done.returncode == status, done.stdout + done.stderr
    assert done.stderr.startswith("fcgi-sse store: ")
    assert word in done.stderr


def fill(url, count, **more):
    lines = [json.dumps({"topic": ["t", "u"], "data": number, **more})
             for number in range(count)]
    return accepted(publish("--store", url, "--ndjson",
                            text="\n".join(lines)))


def values(done):
    assert (done.returncode, done.stderr) == (0, "")
    return dict(line.split(": ", 1) for line in done.stdout.splitlines())


def replay(hub, count, topic="t", last="earliest"):
    """The ids and data of so many events behind the last."""
    with hub.client() as client:
        answer = client.send_request("/events",
                                     f"topic={topic}&lastEventID={last}")
        return [(event.id, event.data)
                for event in client.recv_events(answer, count)[:count]]


# check

def test_what_a_store_holds(short_dir, url):
    start(short_dir, url).stop()
    fill(url, 5)
    told = values(store("check", url))
    assert told["store"].startswith(url)
    assert told["kind"] in ("sqlite", "redis+unix")
    assert told["events"] == "5"
    assert int(told["bytes"]) > 5
    oldest, newest = (told[name].split() for name in ("oldest", "newest"))
    assert int(oldest[0]) < int(newest[0])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", newest[1])
    assert told.get("integrity") == "ok" or told["appendfsync"] == "everysec"


def test_a_store_that_holds_nothing(short_dir, url):
    start(short_dir, url).stop()
    told = values(store("check", url))
    assert (told["events"], told["oldest"]) == ("0", "none")


def test_check_while_it_is_served(short_dir, url):
    """It may be looked at any time, and says the same to all."""
    hub = start(short_dir, url)
    fill(url, 3)
    before = values(store("check", env={"FCGI_SSE_STORE": url}))
    assert before == values(store("check", url))
    fill(url, 1)
    assert values(store("check", url))["events"] == "4"
    assert len(replay(hub, 4)) == 4
    hub.stop()


@pytest.mark.parametrize("at", [0, 1024, 3000, 9000])
def test_damage_is_found_and_left(short_dir, at):
    url = f"sqlite:{short_dir}/log"
    start(short_dir, url).stop()
    fill(url, 300)
    path = short_dir / "log"
    with contextlib.closing(sqlite3.connect(path)) as log:
        log.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(path.read_bytes())
    assert len(data) > 10000
    data[at:at + 900] = b"\xa5" * 900
    path.write_bytes(data)
    names = {each.name for each in short_dir.iterdir()}
    done = store("check", url)
    assert done.returncode == 1
    assert str(path) in done.stderr
    assert path.read_bytes() == data
    assert {each.name for each in short_dir.iterdir()} \
        <= names | {"log-wal", "log-shm"}


@pytest.mark.parametrize("args, word", [
    (["--save", "", "--appendonly", "no"], "appendonly"),
    (["--maxmemory-policy", "allkeys-lru"], "maxmemory-policy")])
def test_settings_that_endanger_events(redis, args, word):
    redis.start(*args)
    done = store("check", redis.url)
    check_fails(done, 1, word)
    assert word in done.stdout


@pytest.mark.parametrize("address, word", [
    ("sqlite:/nowhere/log", "No such file"), ("memory", "inside a process"),
    ("redis+unix:/nowhere/s?password=w0rd", "/nowhere/s"),
    ("nosuch:x", "sqlite:FILE")])
def test_a_store_that_is_not_there(address, word):
    done = store("check", "--timeout", "5s", address)
    check_fails(done, 1, word)
    assert "w0rd" not in done.stdout + done.stderr


@pytest.mark.parametrize("args", [
    [], ["nope"], ["check"], ["check", "a", "b"], ["copy"], ["copy", "a"],
    ["copy", "a", "b", "c"], ["--nope"], ["--timeout", "1", "check", "a"]])
def test_usage(args):
    check_fails(store(*args), 2, "fcgi-sse store --help")


def test_usage_names_what_there_is():
    check_fails(store("chekc", "sqlite:x"), 2,
                '"chekc" is no command; there are check and copy')
    check_fails(store("check"), 2, "check takes one store: its URL")
    check_fails(store("check", "/var/lib/log"), 1,
                '"/var/lib/log" is no kind of store; give memory, sqlite:FILE')


def test_help():
    done = store("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert max(map(len, done.stdout.splitlines())) <= 80


# copy

@pytest.fixture
def other(short_dir, request):
    """An empty store of the other kind, and one of the same."""
    (short_dir / "b").mkdir()
    broker = Redis(short_dir / "b")
    yield {"sqlite": f"sqlite:{short_dir}/copy", "redis": broker.url,
           "broker": broker}
    broker.stop()


@pytest.mark.parametrize("kind", ["sqlite", "redis"])
def test_a_copy_has_the_same_ids_and_order(short_dir, url, other, kind,
                                           redis):
    hub = start(short_dir, url)
    made = fill(url, 700)
    made += accepted(publish("--store", url, "--topic", "t", "--id", "own",
                             "own"))
    fill(url, 1, private=True)
    want = replay(hub, 701)
    assert [each[0] for each in want] == made
    if kind == "redis":
        other["broker"].start()
    done = store("copy", url, other[kind])
    assert (done.stdout, done.stderr) == ("702 events copied\n", "")
    copy = start(short_dir, other[kind], "s2")
    assert replay(copy, 701) == want
    assert replay(copy, 100, last=made[600]) == want[601:]
    # The private one is there, and stays private.
    assert values(store("check", other[kind]))["events"] == "702"
    accepted(publish("--to", copy.address, "--topic", "t", "behind"))
    assert replay(copy, 1, last="own")[0][1] == "behind"
    hub.stop()
    copy.stop()


def test_a_copy_to_a_broker_that_has_a_tag(short_dir, redis):
    """Its own ids differ, so those of the copy are kept by name."""
    redis.start()
    start(short_dir, redis.url, "s2").stop()
    url = f"sqlite:{short_dir}/log"
    start(short_dir, url).stop()
    made = fill(url, 50)
    assert store("copy", url, redis.url).stdout == "50 events copied\n"
    copy = start(short_dir, redis.url, "s2")
    assert [each[0] for each in replay(copy, 50)] == made
    assert [each[0] for each in replay(copy, 9, last=made[40])] == made[41:]
    copy.stop()


def test_a_copy_while_events_come(short_dir):
    """All that was acknowledged before it began is in it, in order."""
    url = f"sqlite:{short_dir}/log"
    hub = start(short_dir, url)
    before = fill(url, 500)
    is_over = threading.Event()

    def go_on():
        while not is_over.is_set():
            publish("--to", hub.address, "--topic", "t", "during")

    thread = threading.Thread(target=go_on)
    thread.start()
    done = store("copy", url, f"sqlite:{short_dir}/copy")
    is_over.set()
    thread.join()
    assert done.returncode == 0
    count = int(done.stdout.split()[0])
    assert count >= 500
    copy = start(short_dir, f"sqlite:{short_dir}/copy", "s2")
    assert replay(copy, count) == replay(hub, count)
    assert [each[0] for each in replay(copy, 500)] == before
    hub.stop()
    copy.stop()


@pytest.mark.parametrize("kind", ["sqlite", "redis"])
def test_a_copy_to_a_store_that_is_served(short_dir, redis, kind):
    """Ids stay what they were, and what is published there goes on behind."""
    url = f"sqlite:{short_dir}/log"
    there = f"sqlite:{short_dir}/there"
    if kind == "redis":
        redis.start()
        there = redis.url
    hub = start(short_dir, url)
    copy = start(short_dir, there, "s2")
    made = fill(url, 300)
    assert store("copy", url, there).stdout == "300 events copied\n"
    made += accepted(publish("--to", copy.address, "--topic", "t", "new"))
    assert [each[0] for each in replay(copy, 301)] == made
    assert [each[0] for each in replay(copy, 51, last=made[249])] \
        == made[250:]
    hub.stop()
    copy.stop()


def test_no_copy_to_a_store_that_has_events(short_dir, url):
    start(short_dir, url).stop()
    fill(url, 3)
    there = f"sqlite:{short_dir}/there"
    start(short_dir, there).stop()
    fill(there, 1)
    check_fails(store("copy", url, there), 1, "is not empty")
    check_fails(store("copy", url, url), 1, "the same")
    assert values(store("check", there))["events"] == "1"
