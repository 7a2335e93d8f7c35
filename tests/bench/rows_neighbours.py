"""A publish by the holder of a key, while others take what they can get."""

import contextlib
import socket
import statistics
import threading

import crowd
import fcgi_client
import updates
from results import Row
from rows_faults import GOOD_REQUEST_MS_MAX, Asked, quantiles, times_ms, \
    wait_for

PUBLISHES = 500
BODIES = 80
GREEDY, TOPICS = 139, 256
FILL_EVENTS, FILL_BYTES = 2500, 2000


def groups():
    return {
        "bodies": beside_bodies,
        "topics": beside_topics,
        "stopped": beside_stopped_reader,
    }


class Publisher:
    """Publishes by the key; what is not taken breaks the run."""

    def __init__(self, bench, process):
        self.bench = bench
        self.address = process.address
        self.count = 0

    def publish(self, topic=None, data="x"):
        """To a new topic, where none is named."""
        self.count += 1
        body = f"topic={topic or f'new/{self.count}'}&data={data}"
        answer = fcgi_client.ask(
            self.address, "/events", method="POST", body=body.encode(),
            CONTENT_TYPE="application/x-www-form-urlencoded",
            HTTP_AUTHORIZATION=f"Bearer {updates.KEY}")
        if answer.status != "200 OK":
            self.bench.broken.append(f"a publish: {answer.status}")


def measure(bench, title, neighbours, *options):
    """The times of a publish without the neighbours and beside them."""
    with bench.responder(*updates.key_options(bench), *options) as process:
        publisher = Publisher(bench, process)
        before_ms = times_ms(publisher.publish, PUBLISHES)
        with neighbours(process, publisher):
            beside_ms = times_ms(publisher.publish, PUBLISHES)
    return [
        *quantiles(f"a publish {title}", beside_ms, GOOD_REQUEST_MS_MAX),
        Row(f"a publish without, before those {title}: half have their answer",
            "ms", [statistics.median(before_ms)]),
    ]


def send_bodies(address, until, counts):
    """Bodies of 1 MiB that never end, so many at a time and ever new ones;
    anyone may send them."""
    values = fcgi_client.environ("/events", method="POST",
                                 CONTENT_LENGTH=str(1 << 20))
    asked = fcgi_client.begin() + fcgi_client.records(
        fcgi_client.PARAMS, fcgi_client.pairs(values)) + b"".join(
        fcgi_client.record(fcgi_client.STDIN, b"x" * 65535)
        for _ in range(15))
    socks = []
    while not until.is_set():
        if len(socks) == BODIES:
            socks.pop(0).close()
        try:
            socks.append(fcgi_client.connect(address))
            socks[-1].sendall(asked)
        except OSError:
            continue
        counts.append(1)
    for sock in socks:
        sock.close()


@contextlib.contextmanager
def bodies(process, _publisher):
    counts, done = [], threading.Event()
    thread = threading.Thread(
        target=send_bodies, args=(process.address, done, counts))
    thread.start()
    try:
        wait_for(lambda: len(counts) > BODIES or not thread.is_alive(),
                 "the bodies are there")
        yield
    finally:
        done.set()
        thread.join()


@contextlib.contextmanager
def many_topics(process, _publisher):
    """One address follows as many topics as it gets."""
    with crowd.peers() as peers:
        for at in range(GREEDY):
            query = "&".join(f"topic=greedy/{at}/{number}"
                             for number in range(TOPICS))
            peers.add(process.address, fcgi_client.get(
                "/events", query, REMOTE_ADDR="198.51.100.66",
                **crowd.EVENT_STREAM))
            peers.socks[-1].recv(1, socket.MSG_PEEK)    # it is answered
        yield


@contextlib.contextmanager
def stopped_reader(process, publisher):
    """It follows a topic of large events, and reads nothing."""
    with crowd.peers() as peers:
        peers.add(process.address,
                  fcgi_client.get("/events", "topic=busy"))
        asked = Asked(process.address)
        wait_for(lambda: asked.metric("streams_open") == 1, "it is open")
        for _ in range(FILL_EVENTS):
            publisher.publish("busy", "x" * FILL_BYTES)
        yield


def beside_bodies(bench):
    return measure(bench, "beside bodies of 1 MiB without end", bodies,
                   "--public-topic", "open")


def beside_topics(bench):
    return measure(bench, f"beside {GREEDY} streams of {TOPICS} new topics",
                   many_topics)


def beside_stopped_reader(bench):
    return measure(bench, "beside a reader that stopped", stopped_reader,
                   "--history-bytes", "4M", "--history-events", "100",
                   "--stall-timeout", "1h")
