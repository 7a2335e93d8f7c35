"""Two processes with one Redis, and each one's way to it cut in turn."""

import pathlib
import socket
import threading

import pytest

from fcgi_client import WAIT_S
from hub import start_hub
from redis_server import redis                              # noqa: F401
from responder import wait_until


class Way:
    """A way to the broker, by a socket of its own, that can be cut."""

    def __init__(self, path, target):
        self.path = pathlib.Path(path)
        self.target = str(target)
        self.lock = threading.Lock()
        self.socks = []
        self.listener = None

    def open(self):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.listener.listen(64)
        threading.Thread(target=self.accept, args=[self.listener],
                         daemon=True).start()

    def accept(self, listener):
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return              # cut
            far = socket.socket(socket.AF_UNIX)
            with self.lock:
                if self.listener is not listener:
                    near.close()    # cut meanwhile
                    far.close()
                    return
                far.connect(self.target)
                self.socks += [near, far]
            for pair in (near, far), (far, near):
                threading.Thread(target=self.pass_on, args=pair,
                                 daemon=True).start()

    @staticmethod
    def pass_on(source, sink):
        try:
            while data := source.recv(1 << 16):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass                    # cut, or the other way has ended

    def cut(self):
        if self.listener is None:
            return
        self.path.unlink()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self.lock:
            self.listener = None
            for sock in self.socks:
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass            # it has ended by itself
                sock.close()
            self.socks.clear()


@pytest.fixture
def ways(redis, short_dir):                                 # noqa: F811
    redis.start()
    both = [Way(short_dir / name, redis.socket) for name in "ab"]
    for way in both:
        way.open()
    yield both
    for way in both:
        way.cut()


def post(hub, data):
    return hub.post([("topic", "t"), ("data", data)])


def check_refused(hub):
    """At once, with the reason; no stream ends by it."""
    answer = post(hub, "refused")
    assert answer.status == "503 Service Unavailable"
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.body.startswith(b"503 Service Unavailable: ")
    assert len(answer.body) > len(b"503 Service Unavailable: ")


def data_of(reader):
    """What came, without what was refused and "may have been published"."""
    return [event.data for event in reader.events if event.data != "refused"]


def check_all_have(readers, expected):
    for reader in readers:
        reader.client.recv_until(
            reader.answer,
            lambda _, reader=reader: len(data_of(reader)) >= len(expected),
            2 * WAIT_S)
        assert data_of(reader) == expected
        assert reader.answer.end is None


def test_each_is_cut_in_turn(fcgi_sse, short_dir, ways):
    hubs = [start_hub(fcgi_sse, short_dir, "--store", f"redis+unix:{way.path}",
                      "--heartbeat", "1h") for way in ways]
    readers_of = [[hub.subscribe("t") for _ in range(3)] for hub in hubs]
    readers = sum(readers_of, [])
    sent = []
    for hub in hubs:
        sent.append(f"before-{len(sent)}")
        hub.publish("t", sent[-1])
    check_all_have(readers, sent)
    for at, way in enumerate(ways):
        cut, other = hubs[at], hubs[1 - at]
        way.cut()
        check_refused(cut)
        for _ in range(20):
            sent.append(f"meanwhile-{len(sent)}")
            other.publish("t", sent[-1])
        check_refused(cut)
        assert cut.subscribe("t").answer.status == "200 OK"
        check_all_have(readers_of[1 - at], sent)
        way.open()
        check_all_have(readers, sent)
        wait_until(lambda cut=cut: post(cut, "refused").status == "200 OK",
                   "it publishes again", 2 * WAIT_S)
        sent.append(f"again-{len(sent)}")
        cut.publish("t", sent[-1])
        check_all_have(readers, sent)
