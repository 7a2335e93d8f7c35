"""fcgi-sse publish --store: no server takes the event, the store does."""

import fcntl
import pathlib
import subprocess

import pytest

from hub import write_keys
from publish_peers import publish, start_publish
from redis_server import redis                              # noqa: F401
from responder import Responder, wait_until
from test_publish_command import URN, accepted, check_fails


@pytest.fixture(params=["sqlite", "redis"])
def url(request, short_dir):
    """A store that is there, or that its broker makes."""
    if request.param == "sqlite":
        return f"sqlite:{short_dir}/log"
    server = request.getfixturevalue("redis")
    server.start()
    return server.url


def start(directory, store, name="s"):
    address = f"unix:{directory}/{name}"
    process = Responder(
        ["--listen", address, "--store", store, "--publish-key-file",
         str(write_keys(directory)), "--public-topic", "t"], [address])
    wait_until(lambda: process.ask("/healthz", REMOTE_ADDR="127.0.0.1").status
               == "200 OK", "the store is up")
    return process


def subscribe(client, query="topic=t"):
    """The answer, once the stream is open."""
    answer = client.send_request("/events", query)
    client.recv_until(answer, lambda made: b"\r\n\r\n" in bytes(made.out))
    return answer


def test_streams_receive_it_at_once(short_dir, url):
    """From two processes; ids and order are those of the one log."""
    hubs = [start(short_dir, url, name) for name in ("s", "s2")]
    clients = [hub.client() for hub in hubs]
    answers = [subscribe(client) for client in clients]
    ids = accepted(publish("--store", url, "--topic", "t", "--lines",
                           text="1\n2\n3\n"))
    ids += accepted(publish("--to", hubs[0].address, "--topic", "t", "4"))
    ids += accepted(publish("--store", url, "--topic", "t", "--id", "own",
                            "--type", "kind", "--retry", "5", "5"))
    assert all(URN.fullmatch(each) for each in ids[:4])
    assert ids[:4] == sorted(ids[:4]) and ids[4] == "own"
    for client, answer in zip(clients, answers):
        events = client.recv_events(answer, 5)
        assert [event.id for event in events] == ids
        assert [event.data for event in events] == list("12345")
        assert events[4].type == "kind"
        client.close()
    for hub in hubs:
        hub.stop()


def test_it_is_there_for_who_comes_later(short_dir, url):
    start(short_dir, url).stop()
    one, = accepted(publish("--store", url, "--topic", "t", text="a\nb\n"))
    hub = start(short_dir, url)
    with hub.client() as client:
        answer = client.send_request("/events",
                                     "topic=t&lastEventID=earliest")
        event, = client.recv_events(answer, 1)
    assert (event.id, event.data) == (one, "a\nb")
    hub.stop()


def test_the_store_stands_in_the_environment(short_dir):
    url = f"sqlite:{short_dir}/log"
    start(short_dir, url).stop()
    assert accepted(publish("--topic", "t", "x", env={"FCGI_SSE_STORE": url}))


def test_an_empty_variable_is_none():
    check_fails(publish("--topic", "t", "x", env={"FCGI_SSE_STORE": ""}), 2,
                "--to is missing")


def test_json_lines(short_dir):
    url = f"sqlite:{short_dir}/log"
    start(short_dir, url).stop()
    done = publish("--store", url, "--ndjson",
                   text='{"topic":"t","data":1}\n{"topic":"*"}\n'
                   '{"topic":"t","data":2,"private":true}\n')
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 2
    assert "line 2: a topic is one that is reserved" in done.stderr


@pytest.mark.parametrize("args, word", [
    (["--topic", "/.well-known/mercure/subscriptions", "x"], "reserved"),
    (["--topic", "a\nb", "x"], "topic"),
    (["--topic", "t", "--type", "mercure", "x"], "mercure"),
    (["--topic", "t", "--type", "a\nb", "x"], "type"),
    (["--topic", "t", "--id", "#1", "x"], "id"),
    (["--topic", "t", "--id", "earliest ", "x"], "earliest"),
    (["--topic", "t", "--retry", "99999999", "x"], "a day"),
    (["--topic", "x" * 5000, "x"], "topic")])
def test_what_may_not_be_published(short_dir, args, word):
    url = f"sqlite:{short_dir}/log"
    start(short_dir, url).stop()
    check_fails(publish("--store", url, *args), 1, word)


# A store that does not take it

@pytest.mark.parametrize("args, status, word", [
    (["--store", "memory"], 1, "inside a process"),
    (["--store", "auto"], 1, "inside a process"),
    (["--store", "nosuch:x"], 1, "sqlite:FILE"),
    (["--store", "sqlite:"], 1, "names no file"),
    (["--store", "sqlite:/nowhere/log"], 1, "No such file"),
    (["--store", "redis+unix:/nowhere/sock"], 1, "/nowhere/sock"),
    (["--store", "memory", "--to", "http://x"], 2, "exclude")])
def test_a_store_that_cannot_be(args, status, word):
    done = publish(*args, "--topic", "t", "x")
    check_fails(done, status)
    assert word in done.stderr


def test_a_file_that_is_no_store(short_dir):
    (short_dir / "log").write_text("something else, for long enough\n" * 99)
    check_fails(publish("--store", f"sqlite:{short_dir}/log", "--topic", "t",
                        "x"), 1, "not a store of fcgi-sse")


def test_limits_of_the_file_stay(short_dir):
    """They belong to the servers, which the command does not know."""
    url = f"sqlite:{short_dir}/log"
    hub = start(short_dir, url)
    accepted(publish("--store", url, "--topic", "t", "x"))
    accepted(publish("--to", hub.address, "--topic", "t", "x"))
    assert not [line for line in hub.log if line["event"] == "store-limits"]
    hub.stop()


def is_waited_for(path):
    """Whether somebody waits in the kernel's line for a lock of the file."""
    inode = f":{path.stat().st_ino} "
    return any("->" in line and inode in line
               for line in pathlib.Path("/proc/locks").read_text().split("\n"))


def test_the_file_is_locked_for_a_while(short_dir):
    url = f"sqlite:{short_dir}/log"
    hub = start(short_dir, url)
    path = short_dir / "log-lock"
    with open(path, "r+b") as lock, hub.client() as client:
        answer = subscribe(client)
        fcntl.lockf(lock, fcntl.LOCK_EX, 1, 1 << 20)
        command = start_publish("--store", url, "--topic", "t", "--retry-for",
                                "60s", "late", stdout=subprocess.PIPE)
        wait_until(lambda: is_waited_for(path), "the command waits")
        fcntl.lockf(lock, fcntl.LOCK_UN, 1, 1 << 20)
        assert URN.fullmatch(command.communicate(timeout=90)[0].strip())
        assert client.recv_events(answer, 1)[0].data == "late"
    hub.stop()


def test_the_broker_is_away_for_a_while(short_dir, redis):
    command = start_publish("--store", redis.url, "--topic", "t",
                            "--retry-for", "60s", "late",
                            stdout=subprocess.PIPE)
    redis.start()
    assert URN.fullmatch(command.communicate(timeout=90)[0].strip())
    assert redis.ask("xlen", "fcgi-sse{log}") == "1"


def test_a_password_on_the_command_line(short_dir):
    """It is warned of, and never shown."""
    url = f"redis+unix:{short_dir}/none?password=w0rd"
    for args, env in ((["--store", url], {}), ([], {"FCGI_SSE_STORE": url})):
        done = publish(*args, "--topic", "t", "x", env=env)
        assert done.returncode == 1
        assert "w0rd" not in done.stderr + done.stdout
        assert ("warning" in done.stderr) == bool(args)
