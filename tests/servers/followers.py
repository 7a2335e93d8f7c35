"""Many clients of one topic, as browsers are: each comes back when its stream
ends, after the time that it was told, with the id of its last event.

The data of the events are the numbers 1, 2, 3, ...; whoever misses or doubles
one is found out.
"""

import heapq
import resource
import selectors
import socket
import threading
import time
import urllib.parse
import urllib.request

RETRY_MS = 3000             # of a browser that was told nothing
TURN_S = 0.05
RATE = 5                    # updates a second


class Follower:
    """One EventSource."""

    def __init__(self, number):
        self.number = number
        self.sock = None
        self.is_open = False
        self.buffer = b""
        self.last_id = ""
        self.retry_ms = RETRY_MS
        self.last = 0               # the number in the last event
        self.comebacks = 0


class Followers:
    def __init__(self, port, path, count):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.port, self.path = port, path
        self.all = [Follower(number) for number in range(count)]
        self.faults = []
        self.refused_count = 0
        self._due = []              # when, and who connects then
        self._is_ending = False
        self._selector = selectors.DefaultSelector()
        for number, one in enumerate(self.all):
            heapq.heappush(self._due, (0.0, number, one))
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def open_count(self):
        return sum(one.is_open for one in self.all)

    def have(self, number):
        """Whether all have had that event, or one has had a wrong one."""
        return self.faults or all(one.last >= number for one in self.all)

    def stop(self):
        self._is_ending = True
        self._thread.join(20)
        for one in self.all:
            if one.sock:
                one.sock.close()
        self._selector.close()

    def _run(self):
        while not self._is_ending:
            now = time.monotonic()
            while self._due and self._due[0][0] <= now:
                self._connect(heapq.heappop(self._due)[2])
            for key, _ in self._selector.select(TURN_S):
                self._read(key.data)

    def _connect(self, one):
        head = [f"GET {self.path} HTTP/1.0", "Host: localhost",
                "Accept: text/event-stream"]
        if one.last_id:
            head.append(f"Last-Event-ID: {one.last_id}")
        one.buffer = b""
        try:
            one.sock = socket.create_connection(("127.0.0.1", self.port), 30)
            one.sock.sendall("\r\n".join([*head, "", ""]).encode())
        except OSError:
            self._come_back(one)
            return
        one.sock.setblocking(False)
        self._selector.register(one.sock, selectors.EVENT_READ, one)

    def _come_back(self, one):
        one.is_open = False
        if one.sock:
            one.sock.close()
            one.sock = None
        one.comebacks += 1
        heapq.heappush(self._due, (time.monotonic() + one.retry_ms / 1000,
                                   one.number, one))

    def _read(self, one):
        try:
            data = one.sock.recv(65536)
        except OSError:
            data = b""
        one.buffer += data
        if not one.is_open and b"\r\n\r\n" in one.buffer:
            head, _, one.buffer = one.buffer.partition(b"\r\n\r\n")
            one.is_open = True
            if head.split()[1] != b"200":
                self.faults.append((one.number, head.split(b"\r\n")[0]))
        if one.is_open:
            *blocks, one.buffer = one.buffer.split(b"\n\n")
            for block in blocks:
                self._take(one, block.decode())
        if not data:
            self._selector.unregister(one.sock)
            self._come_back(one)

    def _take(self, one, block):
        event = dict(line.split(": ", 1) for line in block.split("\n")
                     if ": " in line)
        one.last_id = event.get("id", one.last_id)
        one.retry_ms = int(event.get("retry", one.retry_ms))
        if event.get("event") == "refused":
            self.refused_count += 1
        elif "data" in event:
            if int(event["data"]) != one.last + 1:
                self.faults.append((one.number, one.last, event["data"]))
            one.last = int(event["data"])


class Publisher:
    """Publishes 1, 2, 3, ... until it is told to end. What had no answer it
    sends again, with its Idempotency-Key."""

    def __init__(self, url, key):
        self.url, self.key = url, key
        self.sent = 0
        self.sent_at = {}           # when each was sent first
        self.repeats = 0
        self._is_ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._is_ending.wait(1 / RATE):
            self.sent_at[self.sent + 1] = time.monotonic()
            while not self._publish(self.sent + 1):
                self.repeats += 1
                time.sleep(0.05)
            self.sent += 1

    def _publish(self, number):
        form = urllib.parse.urlencode({"topic": "t", "data": number}).encode()
        request = urllib.request.Request(self.url, form, {
            "Authorization": f"Bearer {self.key}", "Idempotency-Key": f"n{number}"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status == 200
        except OSError:             # an HTTPError, too
            return False

    def end(self):
        """How many it has sent."""
        self._is_ending.set()
        self._thread.join(30)
        assert not self._thread.is_alive()
        return self.sent
