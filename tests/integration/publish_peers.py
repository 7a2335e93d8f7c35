"""What fcgi-sse publish may meet: a web server, and peers that misbehave."""

import contextlib
import http.client
import pathlib
import re
import socket
import subprocess
import threading

import event_stream
from fcgi_client import WAIT_S
from responder import (
    BINARY, ROOT, SANITIZER_REPORT, Responder, clean_environ, free_port,
    wait_until)

LIGHTTPD = "/usr/sbin/lighttpd"
KEY = "a-key.that~is_secret/0123456789"
MAX_BODY_BYTES = 2 << 20
PUBLIC_TOPIC = "chat"


class Site:
    """lighttpd on TCP and a unix socket, with fcgi-sse at /sse/."""

    def __init__(self, directory):
        self.dir = directory
        self.key_file = directory / "key"
        self.key_file.write_text(f"\n  {KEY}\nanother\n")
        self.key_file.chmod(0o600)
        self.fcgi_socket = directory / "fcgi.sock"
        self.web_socket = directory / "web.sock"
        address = f"unix:{self.fcgi_socket}"
        self.responder = Responder(
            ["--listen", address, "--publish-key-file", str(self.key_file),
             "--public-topic", PUBLIC_TOPIC,
             "--max-body", str(MAX_BODY_BYTES)], [address])
        self.lighttpd = None
        self.start_lighttpd()

    def start_lighttpd(self):
        self.port = free_port()
        fragment = self.dir / "fragment.conf"
        text = (ROOT / "deploy/lighttpd/external.conf").read_text()
        fragment.write_text(text.replace(
            "/run/fcgi-sse/fcgi-sse.sock", str(self.fcgi_socket)))
        conf = self.dir / "lighttpd.conf"
        conf.write_text(f"""
            server.bind = "127.0.0.1"
            server.port = {self.port}
            server.document-root = "{self.dir}"
            server.errorlog = "{self.dir}/error.log"
            server.upload-dirs = ( "{self.dir}" )
            $SERVER["socket"] == "{self.web_socket}" {{ }}
            include "{fragment}"
            """)
        self.lighttpd = subprocess.Popen([LIGHTTPD, "-D", "-f", str(conf)])
        wait_until(self.answers, "lighttpd answers")

    def answers(self):
        assert self.lighttpd.poll() is None, "lighttpd ended"
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        self.lighttpd.terminate()
        self.lighttpd.wait(WAIT_S)
        self.responder.stop()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/sse/events"

    def subscribe(self, topic, start="earliest"):
        return Subscriber(self.port, topic, start)

    def events(self, topic, count):
        """So many events of a topic, from its first."""
        with self.subscribe(topic) as subscriber:
            return subscriber.wait(count)


class Subscriber:
    def __init__(self, port, topic, start):
        self.connection = http.client.HTTPConnection(
            "127.0.0.1", port, timeout=WAIT_S)
        self.connection.request(
            "GET", f"/sse/events?topic={topic}&lastEventID={start}")
        self.response = self.connection.getresponse()
        assert self.response.status == 200
        self.parser = event_stream.Parser()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.response.close()
        self.connection.close()

    def read_until(self, mark, count):
        """The bytes up to the count-th mark."""
        data = b""
        while data.count(mark) < count:
            piece = self.response.read1(1 << 16)
            assert piece, f"cut after {data[-80:]}"
            data += piece
        return data

    def wait(self, count):
        while len(self.parser.events) < count:
            data = self.response.read1(1 << 16)
            assert data, f"cut after {self.parser.events}"
            self.parser.feed(data)
        assert len(self.parser.events) == count
        return self.parser.events


def start_publish(*args, env=None, **streams):
    return subprocess.Popen([BINARY, "publish", *map(str, args)],
                            env=clean_environ(env), text=True, **streams)


def publish(*args, text="", env=None, wait_s=2 * WAIT_S, retry_for="0s"):
    """Runs the command to its end. It never tells the key."""
    with start_publish("--retry-for", retry_for, *args, env=env, stdin=subprocess.PIPE,
                       stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE) as process:
        out, err = process.communicate(text, wait_s)
    assert not SANITIZER_REPORT.search(err), err
    assert KEY not in out + err
    return subprocess.CompletedProcess(args, process.returncode, out, err)


class Peer:
    """Takes requests on TCP or a unix socket and has its own way to answer.

    `answers` are in turn the bytes that answer each request; the last one is
    repeated. After one that is None, or that says so, it closes.
    """

    def __init__(self, *answers, path=None):
        self.answers = list(answers)
        self.requests = []
        self.connection_count = 0
        self.sock = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
        self.sock.bind(str(path) if path else ("127.0.0.1", 0))
        self.sock.listen(8)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.sock.getsockname()[1]}/hub"

    def _run(self):
        with contextlib.suppress(OSError):
            while True:
                conn, _ = self.sock.accept()
                self.connection_count += 1
                with conn, contextlib.suppress(OSError):
                    conn.settimeout(WAIT_S)
                    self._serve(conn)

    def _serve(self, conn):
        while request := read_request(conn):
            self.requests.append(request)
            at = min(len(self.requests), len(self.answers)) - 1
            if self.answers[at] is None:
                return
            conn.sendall(self.answers[at])
            if b"close" in self.answers[at]:
                return

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # Wakes accept(2), which close alone does not.
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()


def read_request(conn):
    """A request with its body; what is there of it when the client leaves."""
    data = b""
    while b"\r\n\r\n" not in data:
        if not (piece := conn.recv(65536)):
            return data
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    found = re.search(rb"(?i)content-length: (\d+)", head)
    while len(body) < (int(found[1]) if found else 0):
        if not (piece := conn.recv(65536)):
            break
        body += piece
    return head + b"\r\n\r\n" + body


def answer(status, body="", content_type="text/plain", *fields):
    """The bytes of a response."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *fields]
    if content_type:
        lines.append(f"Content-Type: {content_type}")
    return "\r\n".join([*lines, "", body]).encode()


def program_beside():
    """The program that the command becomes, in a build."""
    return pathlib.Path(BINARY).with_name("fcgi-sse-publish")
