"""Secrets stay apart: nobody is ever sent what went to another topic.

A thousand subscribers, each on a topic of its own, whose events carry its own
token. They stall, reset, leave in the middle of an event and come back, while
the hub writes to all of them through one writer.
"""

import os
import random
import re
import resource
import secrets
import selectors
import socket
import struct
import time

import pytest

import fcgi_client
import responder
from fcgi_client import Answer, connect, environ, request
from hub import FORM, KEY, start_hub

pytestmark = pytest.mark.each_store

SECONDS = float(os.environ.get("HUB_SECRETS_SECONDS", "4"))
COUNT = 1000
BATCH = 50
BLOCK = re.compile(r"(?::\n)*id: (\S+)\ndata: (\S+) (x*)")
LAST = "last"               # the id of each topic's last event


class Subscriber:
    """On its own topic, with its own token and its own request id."""

    def __init__(self, address, selector, number):
        self.address = address
        self.selector = selector
        self.number = number
        self.token = f"{number}.{secrets.token_hex(8)}"
        self.count = 0              # events seen
        self.last_id = "earliest"
        self.sock = None
        self.open()

    def open(self):
        self.answer = Answer(self.number + 1)
        self.records = fcgi_client.RecordReader()
        self.text = b""
        self.has_head = False
        self.is_stalled = False
        self.sock = connect(self.address, 4096)
        self.sock.sendall(request(
            environ("/events", f"topic=t{self.number}",
                    HTTP_LAST_EVENT_ID=self.last_id),
            request_id=self.number + 1))
        self.sock.setblocking(False)
        self.selector.register(self.sock, selectors.EVENT_READ, self)

    def stall(self):
        if self.sock and not self.is_stalled:
            self.selector.unregister(self.sock)
            self.is_stalled = True

    def leave(self, is_reset=False):
        if not self.sock:
            return
        if not self.is_stalled:
            self.selector.unregister(self.sock)
        if is_reset:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                 struct.pack("ii", 1, 0))
        self.sock.close()
        self.sock = None

    def read(self):
        try:
            data = self.sock.recv(1 << 16)
        except BlockingIOError:
            return
        except ConnectionResetError:
            data = b""
        for rec in self.records.feed(data):
            assert rec.id == self.number + 1, rec
            self.text += rec.content if rec.type == fcgi_client.STDOUT else b""
        self.check()
        if not data:                # sent away: it had stalled for too long
            self.leave()
            self.open()

    def has_last(self):
        """Whether it has its topic's last event."""
        return self.last_id == LAST

    def check(self):
        """Each byte so far is the head's or belongs to the own topic."""
        if not self.has_head:
            head, gap, rest = self.text.partition(b"\r\n\r\n")
            if not gap:
                return
            assert b"text/event-stream" in head and b"Status:" not in head
            assert re.fullmatch(rb"(?:[A-Za-z-]+: [^\r\n]*(?:\r\n|\Z))+", head)
            self.has_head = True
            self.text = rest
        *blocks, self.text = self.text.split(b"\n\n")
        for block in blocks:
            found = BLOCK.fullmatch(block.decode())
            assert found, (self.number, block[:200])
            if found[1]:
                assert found[2] == self.token, (self.number, block[:200])
                self.last_id = found[1]
                self.count += 1
        # Of an event that is not whole yet, the part that is here.
        own = f"data: {self.token} ".encode()
        at = self.text.find(b"data: ")
        assert at == -1 or self.text[at:at + len(own)] == \
            own[:len(self.text) - at]


def publish(client, subscribers, chosen, is_last=False):
    """An event to each of these topics, all sent before any answer is read.
    """
    batch = []
    for subscriber in subscribers:
        token, number = subscriber.token, subscriber.number
        size = chosen.choice([0, 10, 500, 9000, 30000])
        name = LAST if is_last else chosen.randrange(1 << 40)
        body = (f"topic=t{number}&id={name}"
                f"&data={token}+{'x' * size}").encode()
        batch.append(request(environ(
            "/events", method="POST", CONTENT_TYPE=FORM,
            CONTENT_LENGTH=str(len(body)),
            HTTP_AUTHORIZATION=f"Bearer {KEY}"), body, keep=True, piece=60000))
    client.send(b"".join(batch))
    for _ in batch:
        answer = client.recv_end(Answer())
        assert answer.status == "200 OK", answer.body


def disturb(chosen, subscriber):
    """What clients do; on TCP a reset, on a unix socket unread input."""
    deed = chosen.randrange(5)
    if subscriber.sock is None:
        subscriber.open()
    elif deed == 0:
        subscriber.stall()
    elif deed <= 2:
        subscriber.leave(is_reset=deed == 1)
    elif subscriber.is_stalled or deed == 3:
        subscriber.leave(is_reset=chosen.random() < 0.5)
        subscriber.open()


def read_some(selector, wait_s=0):
    for key, _ in selector.select(wait_s):
        key.data.read()


def mingle(hub, selector, subscribers, send, batch_size, seconds):
    """Sends events to them while they stall, leave and come back; then the
    last event to each, and waits until all have it."""
    chosen = random.Random(len(subscribers))
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        send(hub.client, chosen.sample(subscribers, batch_size), chosen)
        read_some(selector)
        for subscriber in chosen.sample(subscribers, 25):
            disturb(chosen, subscriber)
    for subscriber in subscribers:  # all are there, and read
        if subscriber.is_stalled:
            subscriber.leave()
        if subscriber.sock is None:
            subscriber.open()
    for at in range(0, len(subscribers), batch_size):
        send(hub.client, subscribers[at:at + batch_size], chosen, True)
        read_some(selector)
    deadline = time.monotonic() + 60
    while not all(subscriber.has_last() for subscriber in subscribers):
        assert time.monotonic() < deadline
        read_some(selector, 0.1)


@pytest.fixture(name="descriptors", autouse=True)
def fixture_descriptors():
    old, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE,
                       (max(old, min(most, COUNT + 200)), most))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (old, most))


@pytest.mark.parametrize("transport", ["unix", "tcp"])
def test_nobody_is_sent_the_token_of_another(fcgi_sse, short_dir, transport):
    hub = start_hub(fcgi_sse, short_dir, "--history-bytes", "64M",
                    "--history-events", "5", "--stall-timeout", "1s",
                    transport=transport)
    selector = selectors.DefaultSelector()
    subscribers = [Subscriber(hub.process.address, selector, number)
                   for number in range(COUNT)]
    mingle(hub, selector, subscribers, publish, BATCH, SECONDS)
    seen = sum(subscriber.count for subscriber in subscribers)
    reasons = {line["reason"] for line in hub.process.log
               if line["event"] == "disconnect"}
    print(f"{seen} events; streams ended by {', '.join(sorted(reasons))}")
    assert seen >= 2 * COUNT or responder.is_sanitized()
    for subscriber in subscribers:
        subscriber.leave()
