"""The ways to run fcgi-sse behind a web server."""

import pathlib
import shutil

from place import External, Place
import streams
from web_servers import (
    ApacheCgi, ApacheFcgid, ApacheProxy, Caddy, H2o, HAProxy, Lighttpd, Nginx)


class Front:
    """One way to run fcgi-sse: server, file, where, and what it can do."""

    def __init__(self, name, server, fragment, listen=None, prefix="/sse",
                 frames_to_notice=0, clients=200, is_cgi=False, mount=""):
        self.name = name
        self.server = server
        self.fragment = fragment
        self.listen = listen            # None: the web server starts it
        self.prefix = prefix
        # Frames written to a client that left, until the web server tells.
        self.frames_to_notice = frames_to_notice
        self.clients = clients
        self.is_cgi = is_cgi
        self.mount = mount              # where the web server does not tell


UNIX = "unix:{dir}/fcgi-sse.sock"
TCP = "127.0.0.1:{tcp_port}"

FRONTS = [
    Front("lighttpd-spawned", Lighttpd, "lighttpd/spawned.conf",
          frames_to_notice=1),
    Front("lighttpd-external", Lighttpd, "lighttpd/external.conf", UNIX,
          frames_to_notice=1),
    Front("apache-proxy-unix", ApacheProxy, "apache/proxy-fcgi-unix.conf",
          UNIX, frames_to_notice=2),
    Front("apache-proxy-tcp", ApacheProxy, "apache/proxy-fcgi-tcp.conf",
          TCP, frames_to_notice=2),
    Front("nginx", Nginx, "nginx/fcgi-sse.conf", UNIX, frames_to_notice=0),
    # A process for each stream: fewer clients.
    Front("apache-fcgid", ApacheFcgid, "apache/fcgid.conf",
          frames_to_notice=2, clients=4),
    Front("lighttpd-cgi", Lighttpd, "lighttpd/cgi.conf",
          frames_to_notice=1, clients=20, is_cgi=True),
    Front("apache-cgi", ApacheCgi, "apache/cgi.htaccess",
          prefix="/sse.cgi", frames_to_notice=2, clients=20, is_cgi=True),
]

# Of these there is a section in doc/web-servers.md; tested if installed.
FRONTS += [front for front in (
    Front("haproxy", HAProxy, "HAProxy", TCP, frames_to_notice=0),
    Front("caddy", Caddy, "Caddy", UNIX, frames_to_notice=4),
    Front("h2o", H2o, "h2o", UNIX, frames_to_notice=2, mount="/sse"),
) if shutil.which(front.name, path="/usr/sbin:/usr/bin")]


class Started:
    """What runs at a place for as long as a block: start and stop do it."""

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind, *_):
        self.stop()
        if kind is None:            # else somebody will look at the files
            self.place.remove()


class Site(Started):
    """A web server with fcgi-sse behind it, running."""

    def __init__(self, front):
        self.front = front
        self.place = Place(front.mount)
        self.responder = None
        if front.listen:
            self.responder = External(self.place, front.listen.format(
                dir=self.place.dir, tcp_port=self.place.tcp_port))
        self.server = front.server(self.place, front.fragment)

    def start(self):
        if self.responder:
            self.responder.start()
        self.server.start()

    def stop(self):
        self.server.stop()
        if self.responder:
            self.responder.stop()

    def open(self, path, **kwargs):
        return streams.Stream(
            self.server.port, self.front.prefix + path, **kwargs)

    def ask(self, path, **kwargs):
        return streams.ask(
            self.server.port, self.front.prefix + path, **kwargs)

    def processes(self):
        """Ids of the processes that run this place's program."""
        found = []
        for path in pathlib.Path("/proc").glob("[0-9]*/exe"):
            try:
                if path.samefile(self.place.dir / "program"):
                    found.append(int(path.parent.name))
            except OSError:
                continue            # ended, or not ours to look at
        return found
