"""The good clients, whom no fault may disturb, and the bad ones."""

import contextlib
import fcntl
import json
import select
import socket
import subprocess
import time

import fcgi_client
from responder import is_sanitized

INTERVAL_MS = 250
OPEN_S = 60
REPORT_S = 60
EVENT_STREAM = {"HTTP_ACCEPT": "text/event-stream"}


class Crowd:
    """Good clients of the clock. The load client speaks for all of them, and
    counts whom a tick did not reach."""

    def __init__(self, program, address, count, *options,
                 interval_ms=INTERVAL_MS):
        self.count = count
        self.interval_ms = interval_ms
        self.process = subprocess.Popen(
            [str(program), "--connect", address, "--streams", str(count),
             "--query", f"interval={interval_ms}ms", "--held", *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.opened = self._report(OPEN_S)

    def _report(self, wait_s):
        ready = select.select([self.process.stdout], [], [], wait_s)[0]
        assert ready, "the load client says nothing"
        line = self.process.stdout.readline()
        assert line, "the load client has ended"
        return json.loads(line)

    def report(self):
        """What they have seen so far."""
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()
        return self._report(REPORT_S)

    def check(self):
        """All are there, and had every tick once."""
        found = self.report()
        window = found["window"]
        bad = {name: found[name]
               for name in ("refused", "lost", "closed", "bad_status")}
        bad |= {name: window[name] for name in ("missing", "mismatched")}
        assert not any(bad.values()), bad
        assert found["opened"] == self.count
        # Nobody had a tick that all have missed: a slow machine may skip one.
        expected = window["seconds"] * 1000 / self.interval_ms
        if not is_sanitized():
            assert window["ticks"] >= expected * 0.85 - 2, window
        return window

    def leave(self):
        """All close their connections at the same moment."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def moved_up(sock):
    """The socket with a number that select(2) cannot take, so that those it
    can take are left to others."""
    fd = fcntl.fcntl(sock, fcntl.F_DUPFD_CLOEXEC, 1024)
    moved = socket.socket(fileno=fd)
    moved.settimeout(fcgi_client.WAIT_S)
    return moved


class Peers:
    """Connections that a test holds and closes together."""

    def __init__(self):
        self.socks = []

    def __len__(self):
        return len(self.socks)

    def add(self, address, data=b"", count=1):
        """So many new ones that send these bytes and then nothing."""
        for _ in range(count):
            with fcgi_client.connect(address) as sock:
                self.socks.append(moved_up(sock))
            self.socks[-1].sendall(data)

    def closed_count(self):
        """How many the responder has closed."""
        poll = select.poll()
        for sock in self.socks:
            poll.register(sock, select.POLLRDHUP)
        return len(poll.poll(0))

    def close(self):
        for sock in self.socks:
            sock.close()
        self.socks = []


@contextlib.contextmanager
def peers():
    held = Peers()
    try:
        yield held
    finally:
        held.close()


# Of src/edge/room.c: what may go out to a unix socket before it is asked for
# room, and what a write of so many bytes is counted as.
CREDIT_BYTES, OVERHEAD_BYTES, PIECE_BYTES = 150000, 1024, 8000


def charge(answer_bytes):
    pieces = -(-answer_bytes // PIECE_BYTES)
    return 2 * answer_bytes + pieces * OVERHEAD_BYTES


def jammed_request(process, query):
    """The bytes of a client who lets its unix socket fill up with answers
    that it does not read, and asks for the clock just before it is full."""
    def sized(path):
        answer = process.ask(path)
        return path, charge(len(answer.out))

    requests, left = b"", CREDIT_BYTES - charge(1000)
    for path, cost in (sized("/page.js"), sized("/nope")):
        while left >= cost:
            requests += fcgi_client.get(path, keep=True)
            left -= cost
    return requests + fcgi_client.get("/clock", query, **EVENT_STREAM)


def read_to_end(socks, wait_s=fcgi_client.WAIT_S):
    """What each socket receives until it is closed, in the order of ends."""
    deadline = time.monotonic() + wait_s
    chunks = {sock: bytearray() for sock in socks}
    poll = select.epoll()
    by_fd = {sock.fileno(): sock for sock in socks}
    with poll:
        for fd in by_fd:
            poll.register(fd, select.EPOLLIN)
        while by_fd:
            ready = poll.poll(max(deadline - time.monotonic(), 0))
            assert ready and time.monotonic() < deadline, \
                f"{len(by_fd)} of {len(chunks)} are still open"
            for fd, _ in ready:
                data = receive(by_fd[fd])
                chunks[by_fd[fd]] += data
                if not data:
                    poll.unregister(fd)
                    del by_fd[fd]
    return [answer_of(data) for data in chunks.values()]


def receive(sock):
    try:
        return sock.recv(65536)
    except (ConnectionResetError, socket.timeout):
        return b""


def answer_of(data):
    """The records of one request, read strictly."""
    answer, reader = fcgi_client.Answer(), fcgi_client.RecordReader()
    for rec in reader.feed(data):
        answer.add(rec)
    assert not reader.pending, "a record is cut"
    return answer
