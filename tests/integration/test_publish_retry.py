"""fcgi-sse publish tries again where nobody could take the event: one event."""

import contextlib
import fcntl
import re
import socket
import subprocess
import threading

import pytest

from hub import write_keys
from publish_peers import Peer, answer, publish, start_publish
from redis_server import redis                              # noqa: F401
from responder import Responder, wait_until
from test_publish_command import URN, accepted, check_fails

AWAY = answer("503 Service Unavailable",
              "503 Service Unavailable: disk full\n")
UNKNOWN = answer("503 Service Unavailable",
                 "503 Service Unavailable: may have been published: gone\n")
TAKEN = answer("200 OK", "id")
LONG = "60s"


def keys_of(requests):
    return [re.search(rb'(?i)\r\nidempotency-key: "(\w+)"\r\n', each)[1]
            for each in requests]


# Which answers, and how often

@pytest.mark.parametrize("first", [
    AWAY, UNKNOWN, None, answer("500 Internal Server Error"),
    answer("502 Bad Gateway"), answer("504 Gateway Timeout"),
    b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nX: close\r\n\r\n"],
    ids=["away", "unknown", "closed", "500", "502", "504", "cut"])
def test_a_passing_failure_is_tried_again(first):
    with Peer(first, first, TAKEN) as peer:
        assert accepted(publish("--to", peer.url, "--topic", "t", "x",
                                retry_for=LONG)) == ["id"]
        assert len(peer.requests) == 3
        assert len(set(keys_of(peer.requests))) == 1


@pytest.mark.parametrize("status", [
    "400 Bad Request", "401 Unauthorized", "403 Forbidden", "404 Not Found",
    "413 Content Too Large", "501 Not Implemented"])
def test_an_answer_for_good_is_not(status):
    with Peer(answer(status)) as peer:
        check_fails(publish("--to", peer.url, "--topic", "t", "x",
                            retry_for=LONG), 1, status[:3])
        assert len(peer.requests) == 1


def test_each_event_has_a_key_of_its_own():
    with Peer(TAKEN) as peer:
        accepted(publish("--to", peer.url, "--topic", "t", "--lines",
                         text="x\n" * 20))
        assert len(set(keys_of(peer.requests))) == 20


def test_retry_after_is_waited_for():
    asked = answer("503 Service Unavailable", "", "text/plain",
                   "Retry-After: 3600")
    with Peer(asked) as peer:
        check_fails(publish("--to", peer.url, "--topic", "t", "x",
                            retry_for=LONG), 1, "503")
        assert len(peer.requests) == 1


def test_tries_end_with_the_time():
    with Peer(AWAY) as peer:
        check_fails(publish("--to", peer.url, "--topic", "t", "x",
                            retry_for="3s"), 1, "disk full", "tried ")
        assert len(peer.requests) > 1


@pytest.mark.parametrize("text", ["", "x", "-1s", "2h", "1"])
def test_what_is_no_time(text):
    check_fails(publish("--to", "http://x", "--topic", "t", "x",
                        retry_for=text), 2, "--retry-for")


# Whether it may have been published

@pytest.mark.parametrize("answers", [
    [UNKNOWN], [None], [answer("502 Bad Gateway")],
    [answer("503 Service Unavailable", "<html>", "text/html")],
    [UNKNOWN, answer("401 Unauthorized")], [None, AWAY]],
    ids=["unknown", "closed", "502", "other", "refused then", "away then"])
def test_doubt_is_told(answers):
    with Peer(*answers) as peer:
        done = publish("--to", peer.url, "--topic", "t", "x",
                       retry_for="800ms")
        check_fails(done, 1, "may have been published")
        assert done.stderr.count("may have been published") == 1


def test_where_there_is_no_doubt(short_dir):
    with Peer(AWAY) as peer:
        for to in peer.url, f"unix:{short_dir}/nobody":
            done = publish("--to", to, "--topic", "t", "x",
                           retry_for="300ms")
            check_fails(done, 1)
            assert "may have been" not in done.stderr


# A responder that is away, or whose store is

def start(directory, store):
    address = f"unix:{directory}/s"
    return Responder(
        ["--listen", address, "--store", store, "--publish-key-file",
         str(write_keys(directory)), "--public-topic", "t",
         "--log-level", "debug"], [address])


def start_command(directory, data, socket_name="s"):
    return start_publish("--to", f"unix:{directory}/{socket_name}",
                         "--topic", "t",
                         "--retry-for", LONG, data, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE)


def check_one(hub, command, data):
    """It was accepted, and the topic has it once."""
    out, err = command.communicate(timeout=90)
    assert (command.returncode, err) == (0, "")
    assert URN.fullmatch(out.strip())
    accepted(publish("--to", hub.address, "--topic", "t", "last"))
    with hub.client() as client:
        made = client.send_request("/events", "topic=t&lastEventID=earliest")
        client.recv_until(made, lambda _: made.events
                          and made.events[-1].data == "last")
    assert [event.data for event in made.events] == [data, "last"]


class CutOff:
    """Passes requests on to a socket; the first answer is lost on its way."""

    def __init__(self, path, behind):
        self.behind = str(behind)
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.bind(str(path))
        self.sock.listen()
        self.lost_bytes = 0
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                with self.sock.accept()[0] as conn, \
                        socket.socket(socket.AF_UNIX) as behind:
                    behind.connect(self.behind)
                    behind.sendall(conn.recv(65536))
                    data = behind.recv(65536)
                    if self.lost_bytes:
                        conn.sendall(data)
                    self.lost_bytes += len(data)

    def close(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_the_answer_is_lost(short_dir, kind):
    """By FastCGI, where the key goes as a variable."""
    hub = start(short_dir, kind if kind == "memory"
                else f"sqlite:{short_dir}/log")
    relay = CutOff(short_dir / "relay", short_dir / "s")
    command = start_command(short_dir, "once", socket_name="relay")
    check_one(hub, command, "once")
    assert relay.lost_bytes > 0
    relay.close()
    hub.stop()


def test_nobody_listens_yet(short_dir):
    command = start_command(short_dir, "early")
    with socket.socket(socket.AF_UNIX) as knocked:
        knocked.bind(f"{short_dir}/s")
        knocked.listen()
        knocked.accept()[0].close()     # it has tried, and gets no answer
    (short_dir / "s").unlink()
    hub = start(short_dir, "memory")
    check_one(hub, command, "early")
    hub.stop()


def test_the_file_is_locked_for_a_while(short_dir):
    hub = start(short_dir, f"sqlite:{short_dir}/log")
    with open(short_dir / "log-lock", "r+b") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX, 1, 1 << 20)
        command = start_command(short_dir, "late")
        hub.wait_log("publish-failed")
    check_one(hub, command, "late")
    hub.stop()


def test_the_broker_is_away_for_a_while(short_dir, redis):
    redis.start()
    hub = start(short_dir, redis.url)
    wait_until(lambda: hub.ask("/healthz", REMOTE_ADDR="127.0.0.1").status
               == "200 OK", "the store is up")
    redis.stop()
    command = start_command(short_dir, "late")
    hub.wait_log("publish-failed")
    redis.start()
    check_one(hub, command, "late")
    hub.stop()
