"""A small HTTP/1.1 client that shows when each piece of an answer came."""

import socket
import struct
import time

from fcgi_client import WAIT_S


class Cut(Exception):
    """The connection ended before the response did."""


class Event:
    """One block of an event stream, and when its last byte was received."""

    def __init__(self, block, received_at):
        self.received_at = received_at
        self.id = self.event = self.data = self.retry = None
        for line in block.decode().split("\n"):
            name, _, value = line.partition(":")
            if name:                # and not a comment
                setattr(self, name, value.removeprefix(" "))


class Stream:
    """One request, its response, and what comes of the body."""

    def __init__(self, port, path, method="GET", headers=None, wait=True):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=WAIT_S)
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
        lines += [f"{k}: {v}" for k, v in (headers or {}).items()]
        self.method = method
        self.buffer = b""       # received, not yet taken apart
        self.body = b""         # taken apart, not yet read
        self.left = None        # bytes left of the chunk or of the length
        self.chunked = False
        self.ended = False
        self.received_at = 0.0
        self.sock.sendall("\r\n".join(lines + ["", ""]).encode())
        if wait:
            self.read_head()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def read_head(self):
        head = self._until(b"\r\n\r\n").decode().split("\r\n")
        self.status = int(head[0].split()[1])
        self.headers = [
            (k.lower(), v.strip())
            for k, _, v in (line.partition(":") for line in head[1:])
        ]
        self.chunked = self.header("transfer-encoding") == "chunked"
        if self.method == "HEAD" or self.status in (204, 304):
            self.ended = True
        elif not self.chunked and self.header("content-length") is not None:
            self.left = int(self.header("content-length"))
            self.ended = self.left == 0

    def header(self, name):
        return dict(self.headers).get(name)

    def read_event(self, timeout=WAIT_S):
        """The next event; None at the response's proper end."""
        self.sock.settimeout(timeout)
        while b"\n\n" not in self.body:
            if self.ended:
                assert not self.body.strip(b":\n"), \
                    f"half an event: {self.body!r}"
                return None
            self._more_body()
        block, _, self.body = self.body.partition(b"\n\n")
        return Event(block, self.received_at)

    def read_to_end(self, timeout=WAIT_S):
        self.sock.settimeout(timeout)
        while not self.ended:
            self._more_body()
        body, self.body = self.body, b""
        return body

    def close(self):
        """Close with FIN: bytes not yet received would make it RST."""
        self.sock.setblocking(False)
        try:
            while self.sock.recv(65536):
                pass
        except BlockingIOError:
            pass
        self.sock.close()

    def reset(self):
        """Close with RST, as a client that crashed or left the network."""
        self.sock.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def _receive(self):
        data = self.sock.recv(65536)
        self.received_at = time.time()
        if not data:
            raise Cut
        self.buffer += data

    def _until(self, mark):
        while mark not in self.buffer:
            self._receive()
        part, _, self.buffer = self.buffer.partition(mark)
        return part

    def _more_body(self):
        if self.chunked and self.left is None:
            self.left = int(self._until(b"\r\n").partition(b";")[0], 16)
            if self.left == 0:
                self._until(b"\r\n")
                self.ended = True
                return
        try:
            if not self.buffer:
                self._receive()
        except Cut:
            if self.left is not None:
                raise
            self.ended = True       # neither chunked nor of known length
            return
        part = self.buffer if self.left is None else self.buffer[:self.left]
        self.buffer = self.buffer[len(part):]
        self.body += part
        if self.left is not None:
            self.left -= len(part)
            if self.left == 0 and self.chunked:
                assert self._until(b"\r\n") == b""
                self.left = None
            elif self.left == 0:
                self.ended = True


def ask(port, path, **kwargs):
    """One request: the finished stream, its body in .text."""
    with Stream(port, path, **kwargs) as stream:
        stream.text = stream.read_to_end().decode()
    return stream
