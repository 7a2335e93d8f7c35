"""The hand-over from replay to live under fire, and bursts.

The environment's HUB_FIRE_SECONDS says how long the fire lasts.
"""

import os
import random
import re
import selectors
import threading
import time

import responder
from fcgi_client import Answer, Client, RecordReader, connect, environ, request
from test_hub_publish import FORM, KEY, start_hub

FIRE_SECONDS = float(os.environ.get("HUB_FIRE_SECONDS", "8"))
EVENTS_PER_SECOND = 2000
READERS = 200
EVENT = re.compile(rb"(?:\A|\n\n)id: (\d+)\ndata: (\d+)(?=\n\n)")


class Publisher(threading.Thread):
    """Publishes numbers to a topic, at a rate, on one connection."""

    def __init__(self, address, topic, per_second=None):
        super().__init__(daemon=True)
        self.address = address
        self.topic = topic
        self.per_second = per_second
        self.published = 0          # all up to this number
        self.stopping = threading.Event()
        self.failure = None

    def publish(self, client, number):
        body = f"topic={self.topic}&id={number}&data={number}".encode()
        client.send(request(environ(
            "/events", method="POST", CONTENT_TYPE=FORM,
            CONTENT_LENGTH=str(len(body)),
            HTTP_AUTHORIZATION=f"Bearer {KEY}"), body, keep=True))
        answer = client.recv_end(Answer())
        assert answer.body == str(number).encode(), answer.out
        self.published = number

    def run(self):
        began = time.monotonic()
        try:
            with Client(self.address) as client:
                while not self.stopping.is_set():
                    due = began + self.published / self.per_second
                    self.stopping.wait(max(due - time.monotonic(), 0))
                    self.publish(client, self.published + 1)
        except Exception as failure:    # told by the test
            self.failure = failure

    def stop(self):
        self.stopping.set()
        self.join()
        assert self.failure is None, self.failure


class Reader:
    """Follows a topic from 1 on, over as many streams as it takes; checks
    each event as it comes."""

    def __init__(self, address, selector, topic):
        self.address = address
        self.selector = selector
        self.topic = topic
        self.last = 0
        self.resume_count = 0
        self.open()

    def open(self):
        """Behind what it has, on a new connection."""
        self.sock = connect(self.address)
        self.records = RecordReader()
        self.text = b""
        self.has_head = False
        self.is_ended = False
        self.sock.sendall(request(environ(
            "/events", f"topic={self.topic}",
            HTTP_LAST_EVENT_ID=str(self.last or "earliest"))))
        self.sock.setblocking(False)
        self.selector.register(self.sock, selectors.EVENT_READ, self)

    def close(self):
        self.selector.unregister(self.sock)
        self.sock.close()

    def resume(self):
        self.close()
        self.resume_count += 1
        self.open()

    def read(self, limit=1 << 16):
        try:
            data = self.sock.recv(limit)
        except BlockingIOError:
            return
        for rec in self.records.feed(data):
            assert rec.id == 1
            if rec.type == 6:
                self.text += rec.content
            self.is_ended |= rec.type == 3
        self.take()
        if not data or self.is_ended:
            self.resume()

    def take(self):
        """Whole events only: the rest stays for the next time."""
        if not self.has_head:
            head, gap, body = self.text.partition(b"\r\n\r\n:\n\n")
            if not gap:
                return
            assert b"Status:" not in head, head
            field = re.search(rb"Last-Event-ID: (\S+)", head)[1].decode()
            assert field == str(self.last or "earliest")
            self.has_head = True
            self.text = body
        whole, gap, rest = self.text.rpartition(b"\n\n")
        if not gap:
            return
        for block in whole.split(b"\n\n"):
            if block == b":":
                continue
            number = self.last + 1
            assert block == b"id: %d\ndata: %d" % (number, number)
            self.last = number
        self.text = rest


def serve(selector, wait_s=0.02):
    for key, _ in selector.select(wait_s):
        key.data.read()


def drop_some(chosen, readers, count):
    """Some leave and come back, in the middle of whatever they were sent."""
    for reader in chosen.sample(readers, count):
        if chosen.random() < 0.5:
            reader.read(chosen.choice([1, 9, 100, 5000]))
        reader.resume()


def test_subscribers_that_drop_and_resume(fcgi_sse, short_dir):
    """Each has every event once and in order. The history is longer than
    anyone is away."""
    hub = start_hub(fcgi_sse, short_dir, "--history-events", "100000")
    address = hub.process.address
    chosen = random.Random(20261120)
    selector = selectors.DefaultSelector()
    readers = [Reader(address, selector, chosen.choice(
        ["fire", "fire&topic=other", "*"])) for _ in range(READERS)]
    publisher = Publisher(address, "fire", EVENTS_PER_SECOND)
    publisher.start()
    end = time.monotonic() + FIRE_SECONDS
    while time.monotonic() < end and publisher.failure is None:
        serve(selector)
        drop_some(chosen, readers, chosen.randrange(4))
    publisher.stop()
    deadline = time.monotonic() + 60
    while min(reader.last for reader in readers) < publisher.published:
        assert time.monotonic() < deadline
        serve(selector)
    resumed = sum(reader.resume_count for reader in readers)
    print(f"{publisher.published} events, {resumed} resumptions")
    for reader in readers:
        assert reader.last == publisher.published
        reader.close()
    assert resumed > READERS // 2
    assert publisher.published > FIRE_SECONDS * 100
    assert hub.process.is_alive()


def check_burst(hub, event_count, reader_count, query):
    """As fast as it goes, to readers that read: nobody is overrun."""
    selector = selectors.DefaultSelector()
    readers = [Reader(hub.process.address, selector, query)
               for _ in range(reader_count)]
    while not all(reader.has_head for reader in readers):
        serve(selector)
    publisher = Publisher(hub.process.address, "burst", 1e9)
    done = threading.Event()

    def publish():
        with Client(hub.process.address) as client:
            for number in range(1, event_count + 1):
                publisher.publish(client, number)
        done.set()

    thread = threading.Thread(target=publish, daemon=True)
    thread.start()
    deadline = time.monotonic() + 90
    while min(reader.last for reader in readers) < event_count:
        assert time.monotonic() < deadline
        assert thread.is_alive() or done.is_set()
        serve(selector)
    thread.join()
    for reader in readers:
        assert (reader.last, reader.text) == (event_count, b"")
        reader.close()
    return sum(reader.resume_count for reader in readers)


def test_burst(fcgi_sse, short_dir):
    """Ten times what the history keeps; nothing was lost, even if readers
    that fell behind had to come back."""
    hub = start_hub(fcgi_sse, short_dir)
    resumed = check_burst(hub, 10000 if not responder.is_sanitized() else 3000,
                          100, "burst")
    assert resumed == 0
    ended = [line for line in hub.process.log if line["event"] == "disconnect"
             and line["reason"] != "client-closed"]
    assert ended == []


def test_burst_to_followers_of_several_topics(fcgi_sse, short_dir):
    hub = start_hub(fcgi_sse, short_dir, "--history-events", "200")
    assert check_burst(hub, 2000, 30, "burst&topic=a&topic=b") == 0
