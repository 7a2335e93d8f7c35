"""A small FastCGI client: the web server's side of FastCGI 1.0.

It builds records, reads them back strictly, and can misbehave: everything it
sends is bytes, so a test may cut, reorder or spoil them before `send`.
"""

import collections
import select
import socket
import struct
import time

import event_stream

BEGIN_REQUEST, ABORT_REQUEST, END_REQUEST, PARAMS, STDIN, STDOUT, STDERR = \
    range(1, 8)
GET_VALUES, GET_VALUES_RESULT, UNKNOWN_TYPE = 9, 10, 11
RESPONDER, AUTHORIZER, FILTER = 1, 2, 3
REQUEST_COMPLETE, CANT_MPX_CONN, OVERLOADED, UNKNOWN_ROLE = range(4)
KEEP_CONN = 1
CONTENT_BYTES_MAX = 65535
# Nobody waits so long but on a machine that is very busy.
WAIT_S = 30

Record = collections.namedtuple("Record", "type id content")


class ProtocolError(Exception):
    """The responder sent what FastCGI 1.0 does not allow."""


# Records and what is in them

def record(kind, content=b"", request_id=1, padding=0, version=1):
    head = struct.pack("!BBHHBx", version, kind, request_id, len(content),
                       padding)
    return head + content + bytes(padding)


def records(kind, content, request_id=1, piece=CONTENT_BYTES_MAX):
    """A stream of records of that kind, with the empty one at its end."""
    pieces = [content[at:at + piece] for at in range(0, len(content), piece)]
    return b"".join(record(kind, part, request_id) for part in pieces + [b""])


def begin(request_id=1, role=RESPONDER, keep=False):
    body = struct.pack("!HB5x", role, KEEP_CONN if keep else 0)
    return record(BEGIN_REQUEST, body, request_id)


def abort(request_id=1):
    return record(ABORT_REQUEST, b"", request_id)


def length(count):
    """A name-value length: one byte up to 127, else four."""
    if count < 128:
        return bytes([count])
    return struct.pack("!I", count | 1 << 31)


def pairs(values):
    out = bytearray()
    for name, value in dict(values).items():
        name, value = to_bytes(name), to_bytes(value)
        out += length(len(name)) + length(len(value)) + name + value
    return bytes(out)


def read_pairs(content):
    values, at = {}, 0

    def number():
        nonlocal at
        size = 4 if content[at] & 0x80 else 1
        at += size
        value = int.from_bytes(content[at - size:at], "big")
        return value & 0x7fffffff

    while at < len(content):
        name_bytes, value_bytes = number(), number()
        end = at + name_bytes + value_bytes
        if end > len(content):
            raise ProtocolError("name-value pair longer than its record")
        values[content[at:at + name_bytes].decode()] = \
            content[at + name_bytes:end].decode()
        at = end
    return values


def get_values(*names):
    return record(GET_VALUES, pairs({name: "" for name in names}), 0)


def to_bytes(text):
    return text if isinstance(text, bytes) else text.encode()


def environ(path="/", query="", method="GET", mount="", **changes):
    """CGI variables as a web server gives them that knows its mount.

    A change to None leaves the variable out.
    """
    target = mount + path + ("?" + query if query else "")
    values = {
        "GATEWAY_INTERFACE": "CGI/1.1", "SERVER_PROTOCOL": "HTTP/1.1",
        "REQUEST_METHOD": method, "SCRIPT_NAME": mount, "PATH_INFO": path,
        "QUERY_STRING": query, "REQUEST_URI": target,
        "REMOTE_ADDR": "192.0.2.7", "SERVER_NAME": "example.org",
    }
    values.update(changes)
    return {name: value for name, value in values.items()
            if value is not None}


def request(values, body=b"", request_id=1, keep=False, piece=4096):
    """All records of a request."""
    return (begin(request_id, keep=keep)
            + records(PARAMS, pairs(values), request_id)
            + records(STDIN, body, request_id, piece))


def get(path="/", query="", request_id=1, keep=False, **changes):
    return request(environ(path, query, **changes), b"", request_id, keep)


# What comes back

class RecordReader:
    """Takes bytes as they come, gives whole records."""

    def __init__(self):
        self.pending = bytearray()

    def feed(self, data):
        self.pending += data
        while len(self.pending) >= 8:
            version, kind, request_id, size, padding, _ = struct.unpack_from(
                "!BBHHBB", self.pending)
            if version != 1 or not BEGIN_REQUEST <= kind <= UNKNOWN_TYPE:
                raise ProtocolError(f"no record: {bytes(self.pending[:64])}")
            whole = 8 + size + padding
            if len(self.pending) < whole:
                return
            content = bytes(self.pending[8:8 + size])
            del self.pending[:whole]
            yield Record(kind, request_id, content)


class Answer:
    """What came back for one request, checked as it comes."""

    def __init__(self, request_id=1):
        self.request_id = request_id
        self.out = bytearray()
        self.end = None         # (application status, protocol status)
        self.out_sizes = []     # content bytes of each STDOUT record
        self._out_ended = False

    def add(self, rec):
        if rec.id != self.request_id:
            raise ProtocolError(f"a record of a stranger: {rec}")
        if self.end is not None:
            raise ProtocolError(f"a record behind END_REQUEST: {rec}")
        if rec.type == STDOUT:
            if self._out_ended:
                raise ProtocolError("STDOUT behind its end")
            self._out_ended = not rec.content
            self.out += rec.content
            self.out_sizes += [len(rec.content)] if rec.content else []
        elif rec.type == END_REQUEST:
            self.end = struct.unpack("!IB3x", rec.content)
        elif rec.type != STDERR or rec.content:
            raise ProtocolError(f"unexpected {rec}")

    @property
    def head(self):
        """The head's bytes with the empty line, or b"" while it is not whole.
        """
        head, gap, _ = bytes(self.out).partition(b"\r\n\r\n")
        return head + gap if gap else b""

    @property
    def headers(self):
        """Name to value; a name given twice is an error."""
        found = {}
        for line in self.head.decode("ascii").split("\r\n")[:-2]:
            name, value = line.split(": ", 1)
            if name.lower() in (known.lower() for known in found):
                raise ProtocolError(f"{name} is there twice")
            found[name] = value
        return found

    @property
    def status(self):
        return self.headers.get("Status", "200 OK")

    @property
    def body(self):
        return bytes(self.out[len(self.head):]) if self.head else b""

    @property
    def parser(self):
        parser = event_stream.Parser()
        parser.feed(self.body)
        return parser

    @property
    def events(self):
        return self.parser.events


def connect(address, rcvbuf_bytes=None, wait_s=WAIT_S):
    """A socket to "unix:PATH", "HOST:PORT" or "[V6]:PORT"."""
    if address.startswith("unix:"):
        family, target = socket.AF_UNIX, address[len("unix:"):]
    else:
        host, port = address.rsplit(":", 1)
        family = socket.AF_INET6 if host[0] == "[" else socket.AF_INET
        target = (host.strip("[]"), int(port))
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if rcvbuf_bytes:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf_bytes)
        sock.settimeout(wait_s)
        sock.connect(target)
        if family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError:
        sock.close()
        raise
    return sock


class Client:
    """One connection to the responder. Use it with `with`."""

    def __init__(self, address, rcvbuf_bytes=None):
        self.sock = connect(address, rcvbuf_bytes)
        self.records = RecordReader()
        self.arrived = collections.deque()
        self.recv_sizes = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        self.sock.sendall(data)

    def send_request(self, path="/", query="", request_id=1, keep=False,
                     body=b"", **changes):
        self.send(request(environ(path, query, **changes), body, request_id,
                          keep))
        return Answer(request_id)

    def recv_some(self, wait_s=WAIT_S):
        """Takes in what one recv gives; False at the end."""
        if not self.has_input(max(wait_s, 0)):
            raise TimeoutError(f"silence for {wait_s:.1f} s")
        data = self.sock.recv(1 << 18)
        self.recv_sizes.append(len(data))
        self.arrived.extend(self.records.feed(data))
        return bool(data)

    def recv_record(self, wait_s=WAIT_S):
        """The next record; None when the responder has closed."""
        deadline = time.monotonic() + wait_s
        while not self.arrived:
            if not self.recv_some(deadline - time.monotonic()):
                if self.records.pending:
                    raise ProtocolError("the last record is cut")
                return None
        return self.arrived.popleft()

    def recv_until(self, answer, enough, wait_s=WAIT_S):
        """Reads records into the answer until `enough(answer)`."""
        deadline = time.monotonic() + wait_s
        while not enough(answer):
            rec = self.recv_record(deadline - time.monotonic())
            if rec is None:
                raise ConnectionError(
                    f"closed behind {bytes(answer.out[-200:])}")
            answer.add(rec)
        return answer

    def recv_events(self, answer, count, wait_s=WAIT_S):
        self.recv_until(answer, lambda a: len(a.events) >= count, wait_s)
        return answer.events

    def recv_end(self, answer, wait_s=WAIT_S):
        return self.recv_until(answer, lambda a: a.end is not None, wait_s)

    def recv_close(self, wait_s=WAIT_S):
        """The records until the responder has closed, cleanly or not."""
        deadline = time.monotonic() + wait_s
        seen = []
        try:
            while (rec := self.recv_record(deadline - time.monotonic())):
                seen.append(rec)
        except ConnectionResetError:
            pass
        return seen

    def ask(self, path="/", query="", request_id=1, keep=False, body=b"",
            **changes):
        """One request to its END_REQUEST."""
        values = environ(path, query, **changes)
        if body:
            values.setdefault("CONTENT_LENGTH", str(len(body)))
        self.send(request(values, body, request_id, keep))
        return self.recv_end(Answer(request_id))

    def has_input(self, wait_s=0):
        return bool(select.select([self.sock], [], [], wait_s)[0])

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        """Closes so that TCP sends RST. A unix socket with unread input does
        the like by itself."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack("ii", 1, 0))
        self.close()

    def close(self):
        self.sock.close()


def ask(address, path="/", query="", **options):
    """One request on a connection of its own, which must close behind it."""
    with Client(address) as client:
        answer = client.ask(path, query, **options)
        assert client.recv_close() == []
    return answer
