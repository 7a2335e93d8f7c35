"""The hand-over from replay to live under fire, and bursts.

The environment's HUB_FIRE_SECONDS says how long the fire lasts. As a program
of its own this file is the publisher, so that the readers do not slow it.
"""

import bisect
import os
import random
import re
import selectors
import subprocess
import sys
import time

import pytest

import responder
from fcgi_client import (
    Answer, Client, ProtocolError, connect, environ, request)

FIRE_SECONDS = float(os.environ.get("HUB_FIRE_SECONDS", "5"))
EVENTS_PER_SECOND = 2000
READER_COUNT = 200
DROPS_PER_SECOND = 150
FORM = "application/x-www-form-urlencoded"
KEY = "s3same-open"
HEAD_END = b"\r\n\r\n:\n"


class Expected:
    """What a topic's readers are to get, as far as it was asked for."""

    def __init__(self):
        self.bytes = bytearray()
        self.ends = [0]             # of event 1, 2, …

    def slice(self, start, size):
        while len(self.bytes) < start + size:
            number = len(self.ends)
            self.bytes += b"id: %d\ndata: %d\n\n" % (number, number)
            self.ends.append(len(self.bytes))
        return self.bytes[start:start + size]

    def count_before(self, at):
        """How many events are whole at that place."""
        self.slice(at, 1)
        return bisect.bisect_right(self.ends, at) - 1


class Reader:
    """Follows topics from event 1 on, over as many streams as it takes, and
    compares each byte."""

    def __init__(self, address, selector, expected, topics):
        self.address = address
        self.selector = selector
        self.expected = expected
        self.topics = topics
        self.at = 0                 # bytes of what is expected that are here
        self.resume_count = -1
        self.sock = None
        self.resume()

    @property
    def last(self):
        return self.expected.count_before(self.at)

    def resume(self):
        """Behind the last whole event, on a new connection."""
        self.close()
        self.resume_count += 1
        self.from_id = str(self.last or "earliest")
        self.at = self.expected.ends[self.last]
        self.pending = b""
        self.head = b""
        self.has_head = False
        self.sock = connect(self.address)
        self.sock.sendall(request(environ(
            "/events", self.topics, HTTP_LAST_EVENT_ID=self.from_id)))
        self.sock.setblocking(False)
        self.selector.register(self.sock, selectors.EVENT_READ, self)

    def close(self):
        if self.sock:
            self.selector.unregister(self.sock)
            self.sock.close()

    def read(self, limit=1 << 18):
        try:
            data = self.sock.recv(limit)
        except BlockingIOError:
            return
        text, is_ended = self.take_records(self.pending + data)
        self.take(text)
        if is_ended or not data:
            self.resume()

    def take_records(self, data):
        """As fcgi_client's reader, but in a hurry."""
        at, parts, is_ended = 0, [], False
        while len(data) - at >= 8:
            size = data[at + 4] << 8 | data[at + 5]
            end = at + 8 + size + data[at + 6]
            if end > len(data):
                break
            if data[at] != 1 or data[at + 1] not in (3, 6) or \
                    data[at + 3] != 1:
                raise ProtocolError(data[at:at + 64])
            if data[at + 1] == 6:
                parts.append(data[at + 8:at + 8 + size])
            is_ended |= data[at + 1] == 3
            at = end
        self.pending = data[at:]
        return b"".join(parts), is_ended

    def take(self, text):
        if not self.has_head:
            self.head += text
            head, gap, text = self.head.partition(HEAD_END)
            if not gap:
                return
            assert b"Status:" not in head, head
            assert re.search(rb"Last-Event-ID: (\S+)", head)[1].decode() == \
                self.from_id
            self.has_head = True
        assert text == self.expected.slice(self.at, len(text)), \
            (self.topics, self.from_id, self.at, text[:200])
        self.at += len(text)


class Publisher:
    """This file as a program."""

    def __init__(self, address, topic, per_second=0, count=1 << 40):
        self.process = subprocess.Popen(
            [sys.executable, __file__, address, topic, str(per_second),
             str(count)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True)

    def is_running(self):
        return self.process.poll() is None

    def stop(self):
        """How many it has published."""
        out, _ = self.process.communicate()
        assert self.process.returncode == 0
        return int(out)


def publish(address, topic, per_second, count):
    """Numbers, until the count is reached or stdin is at its end; without a
    rate, many requests at a time."""
    waiting = selectors.DefaultSelector()
    waiting.register(sys.stdin, selectors.EVENT_READ)
    began, done = time.monotonic(), 0
    with Client(address) as client:
        while done < count:
            size = min(1 if per_second else 100, count - done)
            wait_s = (began + done / per_second - time.monotonic()
                      if per_second else 0)
            if waiting.select(max(wait_s, 0)):
                break
            numbers = range(done + 1, done + size + 1)
            client.send(b"".join(post(topic, number) for number in numbers))
            for number in numbers:
                answer = client.recv_end(Answer())
                assert answer.body == b"%d" % number, answer.out
            done += size
    print(done)


def post(topic, number):
    body = f"topic={topic}&id={number}&data={number}".encode()
    return request(environ(
        "/events", method="POST", CONTENT_TYPE=FORM,
        CONTENT_LENGTH=str(len(body)), HTTP_AUTHORIZATION=f"Bearer {KEY}"),
        body, keep=True)


def start(fcgi_sse, directory, *args):
    path = directory / "keys"
    path.write_text(KEY)
    path.chmod(0o600)
    return fcgi_sse("--publish-key-file", str(path), "--heartbeat", "1h",
                    *args)


def serve(selector, wait_s=0.02):
    for key, _ in selector.select(wait_s):
        key.data.read()


def serve_until(selector, readers, last, wait_s=60):
    deadline = time.monotonic() + wait_s
    while min(reader.last for reader in readers) < last:
        assert time.monotonic() < deadline
        serve(selector)
    for reader in readers:
        assert reader.last == last
        assert reader.at == reader.expected.ends[last]


def drop(chosen, reader):
    """It leaves in the middle of whatever it was sent, and comes back."""
    if chosen.random() < 0.5:
        reader.read(chosen.choice([1, 9, 100, 5000]))
    reader.resume()


@pytest.mark.each_store
def test_subscribers_that_drop_and_resume(fcgi_sse, short_dir):
    """Each has every event once and in order. The history is longer than
    anyone is away."""
    process = start(fcgi_sse, short_dir, "--history-events", "1000000",
                    "--history-bytes", "1G")
    chosen, expected = random.Random(20261120), Expected()
    selector = selectors.DefaultSelector()
    readers = [Reader(process.address, selector, expected, chosen.choice(
        ["topic=fire", "topic=fire&topic=other", "topic=*"]))
        for _ in range(READER_COUNT)]
    publisher = Publisher(process.address, "fire", EVENTS_PER_SECOND)
    began, drop_count = time.monotonic(), 0
    while (past_s := time.monotonic() - began) < FIRE_SECONDS:
        assert publisher.is_running()
        serve(selector)
        for _ in range(min(int(past_s * DROPS_PER_SECOND) - drop_count, 20)):
            drop(chosen, chosen.choice(readers))
            drop_count += 1
    published = publisher.stop()
    serve_until(selector, readers, published)
    for reader in readers:
        reader.close()
    resumed = sum(reader.resume_count for reader in readers)
    print(f"{published} events, {resumed} resumptions of {READER_COUNT}")
    assert resumed >= drop_count > READER_COUNT / 10
    # Under a sanitizer a busy machine may do nothing but resume.
    assert published > (0 if responder.is_sanitized() else FIRE_SECONDS * 20)
    ends = {line["reason"] for line in process.log
            if line["event"] == "disconnect"}
    assert ends <= {"client-closed", "write-failed"}


def check_burst(process, event_count, reader_count, topics):
    """As fast as it goes. Nobody is sent away, since all of them read."""
    selector, expected = selectors.DefaultSelector(), Expected()
    readers = [Reader(process.address, selector, expected, topics)
               for _ in range(reader_count)]
    while not all(reader.has_head for reader in readers):
        serve(selector)
    expected.slice(0, 40 * event_count)
    publisher = Publisher(process.address, "burst", count=event_count)
    serve_until(selector, readers, event_count, 90)
    assert publisher.stop() == event_count
    assert [reader.resume_count for reader in readers] == [0] * reader_count
    for reader in readers:
        reader.close()


def test_burst(fcgi_sse, short_dir):
    """Ten times what the history keeps."""
    process = start(fcgi_sse, short_dir)
    check_burst(process, 3000 if responder.is_sanitized() else 10000, 100,
                "topic=burst")


def test_burst_to_followers_of_several_topics(fcgi_sse, short_dir):
    process = start(fcgi_sse, short_dir)
    check_burst(process, 10000, 30, "topic=burst&topic=a&topic=b")


def test_burst_that_is_coalesced(fcgi_sse, short_dir):
    process = start(fcgi_sse, short_dir, "--coalesce", "20ms")
    check_burst(process, 10000, 30, "topic=burst")


if __name__ == "__main__":
    publish(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
