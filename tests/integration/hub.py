"""A hub that is tested: its process, its publisher, and its subscribers."""

import contextlib
import itertools
import pathlib
import re
import tempfile
import urllib.parse

import event_stream
from responder import Responder

FORM = "application/x-www-form-urlencoded"
KEY = "s3same-open"
END = "end-of-this"         # the type of an event behind which all is read
OWN_ID = re.compile(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}"
                    r"-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def write_keys(directory, text=KEY + "\n", mode=0o600):
    path = directory / "keys"
    path.write_text(text)
    path.chmod(mode)
    return path


class Subscriber:
    """One stream, read by a strict parser."""

    def __init__(self, process, query, path="/events", rcvbuf_bytes=None,
                 **changes):
        self.client = process.client(rcvbuf_bytes=rcvbuf_bytes)
        self.answer = self.client.send_request(path, query, **changes)
        self.client.recv_until(self.answer, lambda a: a.body or a.end)
        self.parser = event_stream.Parser()
        self._read_bytes = len(self.answer.head)

    @property
    def events(self):
        self.parser.feed(bytes(self.answer.out[self._read_bytes:]))
        self._read_bytes = len(self.answer.out)
        return self.parser.events

    @property
    def field(self):
        """The Last-Event-ID of the response."""
        head = self.answer.head.decode()
        found = re.findall(r"(?m)^Last-Event-ID: (.*?)\r$", head)
        assert len(found) <= 1
        return found[0] if found else None

    def take(self, count, wait_s=20):
        self.client.recv_until(self.answer,
                               lambda _: len(self.events) >= count, wait_s)
        assert len(self.events) == count
        return self.events

    def take_to_end(self, data="", wait_s=20):
        """All before the event of the type END with that data."""
        self.client.recv_until(
            self.answer, lambda _: self.events
            and self.events[-1][:2] == (END, data), wait_s)
        assert not self.parser.ignored
        return self.events[:-1]

    def close(self):
        self.client.close()


class Hub:
    """A process, and someone who may publish to it."""

    ends = itertools.count()

    def __init__(self, process):
        self.process = process
        self.client = process.client()

    def post(self, pairs, key=KEY, path="/events", **changes):
        """One request on a connection of its own. pairs: or the body."""
        body = (pairs if isinstance(pairs, bytes)
                else urllib.parse.urlencode(pairs).encode())
        changes.setdefault("CONTENT_TYPE", FORM)
        changes.setdefault("CONTENT_LENGTH", str(len(body)))
        if key is not None:
            changes.setdefault("HTTP_AUTHORIZATION", f"Bearer {key}")
        return self.process.ask(path, method="POST", body=body, **changes)

    def publish(self, topics, data="", **fields):
        """An update that must be accepted, on a connection that is kept. A
        string is one topic; type_ is the field type. Returns the id."""
        topics = [topics] if isinstance(topics, str) else topics
        pairs = [("topic", topic) for topic in topics] + [("data", data)]
        pairs += [(name.rstrip("_"), value)
                  for name, value in fields.items()]
        answer = self.client.ask(
            "/events", method="POST", keep=True, CONTENT_TYPE=FORM,
            HTTP_AUTHORIZATION=f"Bearer {KEY}",
            body=urllib.parse.urlencode(pairs).encode())
        assert answer.status == "200 OK", answer.body
        return answer.body.decode()

    def subscribe(self, *topics, last=None, path="/events", **changes):
        """last is the query's id; the header's is HTTP_LAST_EVENT_ID."""
        pairs = [("topic", topic) for topic in topics]
        pairs += [] if last is None else [("lastEventID", last)]
        return Subscriber(self.process, urllib.parse.urlencode(pairs), path,
                          **changes)

    def replay(self, *topics, **options):
        """The response's Last-Event-ID, and the data of all that a new
        subscriber to these topics is sent."""
        end = f"{END}/{next(self.ends)}"
        subscriber = self.subscribe(*topics, end, **options)
        self.publish(end, end, type_=END)
        events = subscriber.take_to_end(end)
        subscriber.close()
        return subscriber.field, [event.data for event in events
                                  if event.type != END]

    def metric(self, name):
        answer = self.process.ask("/metrics", REMOTE_ADDR="127.0.0.1")
        return int(re.search(rf"(?m)^fcgi_sse_{name} (\d+)$",
                             answer.body.decode())[1])


def start_hub(fcgi_sse, directory, *args, **options):
    return Hub(fcgi_sse("--publish-key-file", str(write_keys(directory)),
                        *args, **options))


@contextlib.contextmanager
def running_hub(*args, make_args=lambda directory: []):
    """A hub for as long as the block runs, such as for a whole module.
    make_args makes more options, of files that it writes in a directory."""
    with tempfile.TemporaryDirectory(prefix="fcgi-sse-") as name:
        directory = pathlib.Path(name)
        address = f"unix:{name}/s"
        process = Responder([
            "--listen", address, "--publish-key-file",
            str(write_keys(directory)), *make_args(directory), *args],
            [address])
        try:
            yield Hub(process)
        finally:
            process.stop()
