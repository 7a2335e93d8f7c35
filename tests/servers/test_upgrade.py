"""A new fcgi-sse takes the place of the old one under a thousand streams, and
publishing goes on: nobody loses an event, and nobody gets one twice. As
doc/operation.md says.
"""

import shutil
import socket
import subprocess

import pytest

from followers import Followers, Publisher
from place import is_root, web_user
from responder import STOP_S, clean_environ, wait_until
from servers import UNIX, Front, Site
from web_servers import Lighttpd, Nginx

STREAM_COUNT = 1000
KEY = "s3same"
WAIT_S = 60
# By systemd's way, descriptor 3, and by spawn-fcgi's, descriptor 0.
START = {"systemd": 'LISTEN_PID=$$ LISTEN_FDS=1; export LISTEN_PID LISTEN_FDS;'
                    ' exec "$0" "$@" 3<&0 </dev/null',
         "spawn-fcgi": 'exec "$0" "$@"'}


class BigLighttpd(Lighttpd):
    def frame(self):
        return super().frame() + "server.max-fds = 8192\n"


class BigNginx(Nginx):
    def frame(self):
        text = super().frame()
        assert "worker_connections 1024;" in text
        return "worker_rlimit_nofile 8192;\n" + text.replace(
            "worker_connections 1024;", "worker_connections 8192;")


class Socket:
    """A socket that others hold, and the processes behind it."""

    def __init__(self, place, way, store):
        self.place, self.way = place, way
        path = place.dir / "fcgi-sse.sock"
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.bind(str(path))
        self.sock.listen(4096)
        path.chmod(0o666)
        keys = place.dir / "keys"
        keys.write_text(KEY)
        state = place.dir / "state"
        state.mkdir()
        for file, mode in (keys, 0o600), (state, 0o700):
            file.chmod(mode)
            if is_root():
                shutil.chown(file, "www-data")
        self.options = [
            "--publish-key-file", keys, "--drain-spread", "2s",
            "--log", place.dir / "log", "--store",
            store.format(dir=state)]
        self.processes = []

    def start(self):
        self.processes.append(subprocess.Popen(
            ["/bin/sh", "-c", START[self.way], self.place.dir / "program",
             *self.options], env=clean_environ(), stdin=self.sock,
            stderr=subprocess.DEVNULL, **web_user()))
        wait_until(lambda: len(self.place.log_lines("ready")) ==
                   len(self.processes), "it is ready")

    def end(self, process):
        process.terminate()
        assert process.wait(STOP_S) == 0

    def stop(self):
        for process in self.processes:
            if process.poll() is None:
                self.end(process)
        self.sock.close()


def replace(holder):
    """A restart: the old one has ended before the new one starts."""
    holder.end(holder.processes[-1])
    holder.start()


def overtake(holder):
    """The new one is ready before the old one is told to stop."""
    old = holder.processes[-1]
    holder.start()
    holder.end(old)


CASES = {
    "restart-lighttpd": (BigLighttpd, "lighttpd/external.conf", "systemd",
                         "sqlite:{dir}/updates.db", replace),
    "overlap-nginx": (BigNginx, "nginx/fcgi-sse.conf", "spawn-fcgi",
                      "sqlite:{dir}/updates.db", overtake),
    "restart-nginx-memory": (BigNginx, "nginx/fcgi-sse.conf", "systemd",
                             "memory", replace),
}


@pytest.mark.parametrize("case", CASES)
def test_upgrade_under_a_thousand_streams(case):
    server, fragment, way, store, change = CASES[case]
    site = Site(Front(case, server, fragment, UNIX))
    holder = site.responder = Socket(site.place, way, store)
    followers = publisher = None
    try:
        site.start()
        followers = Followers(site.server.port, "/sse/events?topic=t",
                              STREAM_COUNT)
        wait_until(lambda: followers.open_count() == STREAM_COUNT,
                   "all streams are open", WAIT_S)
        publisher = Publisher(
            f"http://127.0.0.1:{site.server.port}/sse/events", KEY)
        wait_until(lambda: publisher.sent >= 3, "it publishes", WAIT_S)
        change(holder)
        wait_until(lambda: all(one.comebacks for one in followers.all) and
                   followers.open_count() == STREAM_COUNT,
                   "all have come back", WAIT_S)
        after = publisher.sent
        wait_until(lambda: publisher.sent >= after + 3, "it goes on", WAIT_S)
        sent = publisher.end()
        wait_until(lambda: followers.have(sent), "all events", WAIT_S)
        assert followers.faults == []
        ended = site.place.log_lines("disconnect")
        assert {line["reason"] for line in ended[:STREAM_COUNT]} == \
            {"shutdown"}
    finally:
        for part in (publisher, followers):
            if part:
                (part.end if part is publisher else part.stop)()
        site.stop()
    site.place.remove()
