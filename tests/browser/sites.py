"""What the browser visits: fcgi-sse behind lighttpd, and a relay that buffers.
"""

import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse
import urllib.request

from responder import ROOT, Responder, free_port, wait_until

DEPLOYED = (ROOT / "deploy/lighttpd/external.conf").read_text()
DEPLOYED_SOCKET = "/run/fcgi-sse/fcgi-sse.sock"
DEPLOYED_BODY = "server.stream-response-body = 2"

AT_ROOT = f"""
server.modules += ( "mod_fastcgi" )
{DEPLOYED_BODY}
fastcgi.server = ( "/" => ((
    "socket" => "{DEPLOYED_SOCKET}", "check-local" => "disable"
)) )
"""


def is_answering(port):
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


class Site:
    """One fcgi-sse, and one lighttpd before it that mounts it at `mount`."""

    def __init__(self, *args, mount="/sse/", is_buffering=False):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="fcgi-sse-"))
        self.args = args            # of fcgi-sse
        self.mount = mount
        self.is_buffering = is_buffering
        self.responder = None
        self.lighttpd = None
        self.relay = None

    @property
    def url(self):
        port = self.relay.port if self.relay else self.port
        return f"http://127.0.0.1:{port}{self.mount}"

    def start_responder(self):
        address = f"unix:{self.dir}/sse.sock"
        self.responder = Responder(["--listen", address, *self.args],
                                   [address])

    def conf(self):
        text = AT_ROOT if self.mount == "/" else DEPLOYED
        assert DEPLOYED_BODY in text
        if self.is_buffering:
            text = text.replace(DEPLOYED_BODY, DEPLOYED_BODY[:-1] + "0")
        text = text.replace(DEPLOYED_SOCKET, f"{self.dir}/sse.sock")
        return f"""
            server.bind = "127.0.0.1"
            server.port = {self.port}
            server.document-root = "{self.dir}"
            server.errorlog = "{self.dir}/error.log"
            mimetype.assign = ( ".html" => "text/html; charset=utf-8",
                                ".js" => "text/javascript" )
            {text}
            """

    def start_lighttpd(self):
        for _ in range(3):          # another may take the free port first
            self.port = free_port()
            conf = self.dir / "lighttpd.conf"
            conf.write_text(self.conf())
            self.lighttpd = subprocess.Popen(
                ["/usr/sbin/lighttpd", "-D", "-f", str(conf)],
                stdin=subprocess.DEVNULL)
            wait_until(lambda: self.lighttpd.poll() is not None
                       or is_answering(self.port), "lighttpd answers")
            if self.lighttpd.poll() is None:
                return
        raise AssertionError("lighttpd does not start")

    def publish(self, key, **form):
        """An update to the site itself, around its relay; the event's id."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{self.mount}events",
            urllib.parse.urlencode(form).encode(),
            {"Authorization": f"Bearer {key}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read().decode()

    def start_relay(self):
        self.relay = Relay(self.port)
        return self.relay

    def __enter__(self):
        try:
            self.start_responder()
            self.start_lighttpd()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        try:
            if self.relay:
                self.relay.close()
            if self.lighttpd:
                self.lighttpd.terminate()
                self.lighttpd.wait(20)
            if self.responder:
                self.responder.stop()
        finally:
            shutil.rmtree(self.dir)


class Relay:
    """A proxy that holds the event stream back while `hold_s` is not 0: it
    passes on what has come in that time, all at once. While `cut_s` is not 0
    it cuts each event stream after that time. It answers by itself what
    `refusal(head)` has an answer to. The rest is untouched.
    """

    def __init__(self, upstream_port):
        self.upstream_port = upstream_port
        self.hold_s = 0
        self.cut_s = 0
        self.refusal = None         # the answer to a request, or None
        self.pairs = []
        self.closing = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def drop(self):
        """Ends all connections. A browser that has lost a stream in this way
        stays away for three seconds.
        """
        for pair in self.pairs:
            pair.shut()
        self.pairs.clear()

    def close(self):
        self.closing.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return              # it is closed
            try:
                server = socket.create_connection(
                    ("127.0.0.1", self.upstream_port))
            except OSError:
                client.close()
                continue
            pair = _Pair(self, client, server)
            self.pairs.append(pair)
            for work in (pair.pass_requests, pair.pass_responses):
                threading.Thread(target=work, daemon=True).start()


class _Pair:
    def __init__(self, relay, client, server):
        self.relay = relay
        self.client = client
        self.server = server
        self.is_stream = False

    def pass_requests(self):
        def look(data):
            words = data.split(b" ", 2)
            self.is_stream = (words[0] == b"GET"
                              and words[1].endswith(b"/stream"))
            if self.is_stream and self.relay.cut_s:
                timer = threading.Timer(self.relay.cut_s, self.shut)
                timer.daemon = True
                timer.start()
            answer = self.relay.refusal and self.relay.refusal(data)
            if answer:
                self.client.sendall(answer)
                self.shut()
        self._pass(self.client, self.server, look)

    def pass_responses(self):
        def hold(_):
            due = time.monotonic() + self.relay.hold_s
            while (self.is_stream and self.relay.hold_s
                   and time.monotonic() < due
                   and not self.relay.closing.wait(0.02)):
                pass
        self._pass(self.server, self.client, hold)

    def _pass(self, source, sink, look):
        try:
            while data := source.recv(65536):
                look(data)
                sink.sendall(data)
        except OSError:
            pass
        self.shut()

    def shut(self):
        for end in (self.client, self.server):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
