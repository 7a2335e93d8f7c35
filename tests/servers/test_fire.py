"""Fire: processes behind a real web server are killed, and nobody notices.

Three processes serve one socket behind lighttpd. One after the other they are
killed by SIGKILL, and so is the broker of the Redis store. Writers repeat what
was not answered, with one Idempotency-Key, and readers come back by
Last-Event-ID. Nothing that was acknowledged is lost, nothing comes twice, and
all readers have the same order.

The environment's FIRE_SECONDS says how long it burns on each store.
"""

import http.client
import os
import random
import signal
import socket
import threading
import time
import urllib.parse

import pytest

from fcgi_client import WAIT_S
from hub import FORM, KEY, write_keys
from place import Place
from redis_server import redis                              # noqa: F401
from responder import Responder, is_sanitized, run, wait_until
from web_servers import Lighttpd

SECONDS = float(os.environ.get("FIRE_SECONDS", "5"))
PROCESS_COUNT = 3
WRITER_COUNT = 2
READER_COUNT = 8
PATH = "/sse/events"
LAST = "last"
CUT = (OSError, http.client.HTTPException)


class Processes:
    """Responders that share a socket and a store."""

    def __init__(self, path, folder, url):
        self.args = ["--publish-key-file", str(write_keys(folder)),
                     "--history-events", "1000000",
                     "--history-bytes", "256M", "--store", url]
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.bind(str(path))
        os.chmod(path, 0o666)
        self.sock.listen(256)
        self.all = []
        self.kill_count = 0

    def start(self):
        process = Responder(self.args, ["fd:0"], stdin=self.sock,
                            await_ready=False)
        self.all.append(process)

    def kill(self, at):
        """One of them, and another one takes its place."""
        process = self.all.pop(at)
        process.process.kill()
        status = process.process.wait(WAIT_S)
        assert status == -signal.SIGKILL, "\n".join(process.lines)
        self.kill_count += 1
        self.start()

    def stop(self):
        self.sock.close()
        for process in self.all:
            process.wait_ready()    # before, a signal would end it at once
            process.stop()


class Party(threading.Thread):
    """A client in a thread of its own; what it finds wrong it raises when it
    is joined."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port = port
        self.failure = None

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port,
                                          timeout=WAIT_S)

    def run(self):
        try:
            self.act()
        except Exception as failure:        # for the test's own thread
            self.failure = failure

    def end(self, wait_s=60):
        self.join(wait_s)
        assert not self.is_alive(), f"{type(self).__name__} is not done"
        if self.failure:
            raise self.failure


class Writer(Party):
    def __init__(self, port, name):
        super().__init__(port)
        self.name_ = name
        self.sent = []              # acknowledged, in order
        self.repeat_count = 0
        self.is_stopping = threading.Event()

    def act(self):
        number = 0
        while not self.is_stopping.is_set():
            number += 1
            self.publish(f"{self.name_}-{number}")

    def publish(self, data):
        """Until it is acknowledged."""
        deadline = time.monotonic() + 60
        body = urllib.parse.urlencode({"topic": "fire", "data": data})
        while time.monotonic() < deadline:
            client = self.connect()
            try:
                client.request("POST", PATH, body, {
                    "Content-Type": FORM, "Authorization": f"Bearer {KEY}",
                    "Idempotency-Key": f'"{data}"'})
                answer = client.getresponse()
                answer.read()
                assert answer.status == 200 or answer.status >= 500, \
                    answer.status
                if answer.status == 200:
                    self.sent.append(data)
                    return
            except CUT:
                pass
            finally:
                client.close()
            self.repeat_count += 1
            time.sleep(0.02)
        raise TimeoutError(data)


class Reader(Party):
    def __init__(self, port):
        super().__init__(port)
        self.last_id = "earliest"
        self.seen = []              # the data of all events
        self.ids = []
        self.resume_count = -1
        self.client = None

    def act(self):
        while not self.seen or self.seen[-1] != LAST:
            self.resume_count += 1
            self.client = self.connect()
            try:
                self.follow()
            except CUT:
                time.sleep(0.02)
            finally:
                self.client.close()

    def follow(self):
        self.client.request("GET", PATH + "?topic=fire", headers={
            "Last-Event-ID": self.last_id})
        answer = self.client.getresponse()
        assert answer.status == 200 or answer.status >= 500, answer.status
        if answer.status != 200:
            time.sleep(0.05)
            return
        # What an id of ours says is known wherever it is asked for.
        assert answer.headers["Last-Event-ID"] == self.last_id
        event = {}
        while line := answer.readline():
            if not line.endswith(b"\n"):
                return              # cut within a line: no event
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name:
                event[name] = value
            else:
                self.take(event)
                event = {}
            if self.seen and self.seen[-1] == LAST:
                return

    def take(self, event):
        if "data" in event:
            self.last_id = event["id"]
            self.ids.append(event["id"])
            self.seen.append(event["data"])

    def drop(self):
        """The connection breaks, whatever it was about to bring."""
        sock = self.client and self.client.sock
        if sock:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass                # it is broken already


def burn(processes, readers, broker):
    chosen, end = random.Random(20261126), time.monotonic() + SECONDS
    broker_kill_count = 0
    while time.monotonic() < end:
        processes.kill(chosen.randrange(PROCESS_COUNT))
        due = time.monotonic() + chosen.uniform(0.2, 0.6)
        chosen.choice(readers).drop()
        if broker and chosen.random() < 0.3:
            broker.process.kill()
            broker.process.wait(WAIT_S)
            broker.start("--appendfsync", "always")
            broker_kill_count += 1
        wait_until(lambda: time.monotonic() >= due, "the next is due")
    return broker_kill_count


def check(readers, writers):
    order = readers[0].seen
    assert len(set(order)) == len(order), "an event came twice"
    for writer in writers:
        own = [data for data in order if data.startswith(writer.name_)]
        # Its own in its order; all that was acknowledged is there.
        assert own == writer.sent
    for reader in readers:
        assert reader.seen == order and reader.ids == readers[0].ids
        assert reader.ids == sorted(set(reader.ids))


@pytest.fixture(params=["sqlite", "redis"])
def store(request, short_dir):
    """The URL of a store, and its broker or None."""
    if request.param == "redis":
        broker = request.getfixturevalue("redis")
        broker.start("--appendfsync", "always")
        return broker.url, broker
    if "without it" in run("--listen", "nope", "--store", "sqlite:/x").stderr:
        pytest.skip("built without sqlite")
    return f"sqlite:{short_dir}/log", None


def test_fire(short_dir, store):
    url, broker = store
    place = Place()
    processes = Processes(place.dir / "fcgi-sse.sock", short_dir, url)
    server = Lighttpd(place, "lighttpd/external.conf")
    try:
        for _ in range(PROCESS_COUNT):
            processes.start()
        server.start()
        writers = [Writer(server.port, f"w{number}")
                   for number in range(WRITER_COUNT)]
        readers = [Reader(server.port) for _ in range(READER_COUNT)]
        for party in writers + readers:
            party.start()
        broker_kill_count = burn(processes, readers, broker)
        for writer in writers:
            writer.is_stopping.set()
            writer.end()
        Writer(server.port, "end").publish(LAST)
        for reader in readers:
            reader.end()
        check(readers, writers)
    finally:
        server.stop()
        processes.stop()
    place.remove()
    delivered = sum(len(reader.seen) for reader in readers)
    resumed = sum(reader.resume_count for reader in readers)
    print(f"{url.split(':')[0]}: {delivered} deliveries, {resumed} "
          f"resumptions, {processes.kill_count} processes and "
          f"{broker_kill_count} brokers killed")
    assert processes.kill_count >= 2 and resumed > 0
    assert delivered > READER_COUNT * 10 or is_sanitized()
