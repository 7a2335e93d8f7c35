"""A hundred clients with answers of their own, while others reset, abort,
stall and end at random: every byte that a client receives is its own."""

import contextlib
import os
import random
import selectors
import threading
import time

import fcgi_client
from checks import STREAM_HEAD, check_404, counter_body
from dates import FORMATS, parse_date

SEED = int(os.environ.get("TEST_SEED", "0")) or random.SystemRandom() \
    .randrange(1, 1 << 32)
STORM_S = 4
OWN_COUNT = 100
HOOLIGAN_COUNT = 3
INTERVALS_MS = [100, 200, 250, 500]
FILES = ["/page.js", "/page.css", "/"]


class Own:
    """A client that knows each byte it is to receive, and asks again and
    again."""

    def __init__(self, process, number):
        self.process = process
        self.number = number
        self.rounds = 0
        self.client = None

    def ask(self, path, query="", keep=False, **changes):
        """Its request ids are its own, too."""
        if self.client is None:
            self.client = self.process.client()
        self.rounds += 1
        request_id = self.number * 500 + self.rounds % 500 + 1
        self.answer = self.client.send_request(path, query, request_id, keep,
                                               **changes)

    def read(self):
        """Takes in what is there; True when it asked on a new connection."""
        alive = self.client.recv_some()
        while self.client.arrived:
            self.answer.add(self.client.arrived.popleft())
            self.check()
            if self.answer.end is not None:
                assert self.answer.end == (0, 0)
                self.check_end()
                self.start()
        assert alive or self.client is None, "closed without an end"

    def drop(self):
        """Behind an answer that was the connection's last."""
        assert self.client.recv_close() == []
        self.client.close()
        self.client = None

    def check_end(self):
        raise AssertionError("ended by itself")


class Clock(Own):
    def start(self):
        self.name = list(FORMATS)[self.number % len(FORMATS)]
        self.interval_ms = INTERVALS_MS[self.number % 7 % len(INTERVALS_MS)]
        self.ask("/clock", f"interval={self.interval_ms}ms&format={self.name}")
        self.seen = 0
        self.last_ms = 0

    def check(self):
        assert self.answer.headers == STREAM_HEAD
        text = self.answer.body[self.seen:].decode()
        self.seen = len(self.answer.body)
        assert text.startswith("data: ") and text.endswith("\n\n")
        for event in text[len("data: "):-2].split("\n\ndata: "):
            moment_ms = parse_date(self.name, event)
            assert moment_ms >= self.last_ms
            if self.name == "iso" and self.last_ms:
                assert moment_ms % self.interval_ms == 0
            self.last_ms = moment_ms
            self.rounds += 1


class Counter(Own):
    def start(self):
        if self.client:
            self.drop()
        first = self.number * 1000 + self.rounds
        self.expected = counter_body(first + 1, first + 4)
        self.ask("/counter", f"count={first + 4}&interval=100ms",
                 HTTP_LAST_EVENT_ID=str(first))

    def check(self):
        assert self.answer.headers == STREAM_HEAD
        assert self.expected.startswith(self.answer.body)

    def check_end(self):
        assert self.answer.body == self.expected


class Text(Counter):
    def start(self):
        if self.client:
            self.drop()
        count = 2 + (self.number + self.rounds) % 9
        self.expected = "".join(f"{n + 1}\n" for n in range(count)).encode()
        self.ask("/counter", f"count={count}&interval=100ms&format=text")

    def check(self):
        assert self.expected.startswith(self.answer.body)


class Short(Own):
    def start(self):
        if self.client and self.rounds % 10 == 0:
            self.drop()
        self.path = f"/nope-{self.number}-{self.rounds}-" + "x" * 100
        self.ask(self.path, keep=(self.rounds + 1) % 10 != 0)

    def check(self):
        pass

    def check_end(self):
        check_404(self.answer, self.path)


class File(Own):
    pages = {}

    def start(self):
        if self.client and self.rounds % 5 == 0:
            self.drop()
        self.path = FILES[(self.number + self.rounds) % len(FILES)]
        self.ask(self.path, keep=(self.rounds + 1) % 5 != 0)

    def check(self):
        assert self.pages[self.path].startswith(self.answer.body)

    def check_end(self):
        assert self.answer.body == self.pages[self.path]


KINDS = [Clock, Counter, Text, Short, File]


class Hooligan(threading.Thread):
    """Does bad things, one behind the other, until it is told to stop."""

    def __init__(self, process, seed):
        super().__init__()
        self.process = process
        self.chance = random.Random(seed)
        self.held = []
        self.stopping = threading.Event()
        self.acts = [self.leave_stream, self.abort_stream, self.cut_request,
                     self.leave_jam, self.leave_at_end, self.lie, self.stall,
                     self.refused, self.garbage]
        self.act_count = 0

    def run(self):
        while not self.stopping.is_set():
            with contextlib.suppress(OSError):
                self.chance.choice(self.acts)()
            self.act_count += 1
            if len(self.held) > 40:
                self.leave(self.held.pop(self.chance.randrange(40)))
        for client in self.held:
            client.reset()

    def leave(self, client):
        self.chance.choice((client.close, client.reset))()

    def open(self, path="/clock", query="interval=100ms", keep=False):
        client = self.process.client(rcvbuf_bytes=4096)
        request_id = self.chance.randrange(1, 65536)
        client.send(fcgi_client.get(path, query, request_id, keep))
        return client, request_id

    def leave_stream(self):
        client, _ = self.open(self.chance.choice(("/clock", "/stream")))
        client.has_input(self.chance.random() * 0.02)
        self.leave(client)

    def abort_stream(self):
        client, request_id = self.open(keep=self.chance.random() < 0.5)
        if self.chance.random() < 0.5:
            client.has_input(0.02)
        client.send(fcgi_client.abort(request_id))
        self.held.append(client)

    def cut_request(self):
        whole = fcgi_client.get("/secret", HTTP_SECRET="s" * 500)
        with self.process.client() as client:
            client.send(whole[:self.chance.randrange(len(whole))])
            if self.chance.random() < 0.5:
                client.half_close()

    def leave_jam(self):
        client = self.process.client(rcvbuf_bytes=4096)
        client.sock.settimeout(0.02)
        with contextlib.suppress(OSError):
            client.send(b"".join(fcgi_client.get(path, keep=True)
                                 for path in FILES * 10))
        client.has_input(0.01)
        self.held.append(client)

    def leave_at_end(self):
        client, _ = self.open("/counter", "count=2&interval=100ms")
        client.has_input(0.02)
        self.held.append(client)

    def lie(self):
        with self.process.client() as client:
            client.send(
                fcgi_client.begin()
                + fcgi_client.records(
                    fcgi_client.PARAMS, self.chance.randbytes(50))
                + fcgi_client.records(fcgi_client.STDIN, b"secret"))

    def stall(self):
        client, _ = self.open()
        self.held.append(client)

    def refused(self):
        with self.process.client() as client:
            client.send(fcgi_client.begin(9, self.chance.randrange(5))
                        + fcgi_client.get("/secret", request_id=9)[16:])
            client.has_input(0.01)

    def garbage(self):
        with self.process.client() as client:
            client.send(self.chance.choice((b"", fcgi_client.begin()))
                        + self.chance.randbytes(100))


def read_all(clients, until):
    """Lets every client read what it gets."""
    with selectors.DefaultSelector() as selector:
        watched = {}
        while time.monotonic() < until:
            for own in clients:
                if watched.get(own) is not own.client:
                    selector.register(own.client.sock, selectors.EVENT_READ,
                                      own)
                    watched[own] = own.client
            for key, _ in selector.select(0.1):
                own, before = key.data, key.data.client
                own.read()
                if own.client is not before:
                    selector.unregister(key.fileobj)
    return clients


def test_every_byte_is_its_receivers_own(shared):
    print(f"TEST_SEED={SEED}")
    File.pages = {path: shared.ask(path).body for path in FILES}
    clients = [KINDS[number % len(KINDS)](shared, number)
               for number in range(1, OWN_COUNT + 1)]
    hooligans = [Hooligan(shared, SEED + number)
                 for number in range(HOOLIGAN_COUNT)]
    try:
        for client in clients:
            client.start()
        for hooligan in hooligans:
            hooligan.start()
        read_all(clients, time.monotonic() + STORM_S)
    finally:
        for hooligan in hooligans:
            hooligan.stopping.set()
            hooligan.join()
        for client in clients:
            if client.client:
                client.client.close()
    assert all(client.rounds >= 3 for client in clients)
    assert sum(hooligan.act_count for hooligan in hooligans) > 100
