"""A directory of its own for fcgi-sse, its log and its web server.

Of a file from deploy/ only the paths named in PLACES are replaced.
"""

import datetime
import errno
import os
import pathlib
import pwd
import re
import shlex
import shutil
import subprocess
import tempfile
import textwrap

from responder import (
    BINARY, ROOT, SANITIZER_REPORT, STOP_S, Line, clean_environ, free_port,
    wait_until)

DEPLOY = ROOT / "deploy"
ORIGIN = "https://example.org"
HEARTBEAT_S = 1
MAX_STREAMS = 1000

# What the files from deploy/ name, and what it is in a test.
PLACES = {
    "/usr/local/bin/fcgi-sse": "{dir}/fcgi-sse",
    "/run/fcgi-sse/fcgi-sse.sock": "{dir}/fcgi-sse.sock",
    "/run/fcgi-sse/fcgi-sse.pid": "{dir}/fcgi-sse.pid",
    "/run/lighttpd/fcgi-sse.sock": "{dir}/spawned.sock",
    "/run/fcgi-sse": "{dir}",
    "/etc/fcgi-sse.ini": "{dir}/fcgi-sse.ini",
    "/etc/fcgi-sse.key": "{dir}/fcgi-sse.key",
    "/etc/": "{dir}/",
    "/var/log/fcgi-sse.log": "{dir}/log",
    "127.0.0.1:9080": "127.0.0.1:{tcp_port}",
}


def is_root():
    return os.geteuid() == 0


def web_user():
    """Whom web server and responder run as: what Popen takes."""
    return {"user": "www-data", "group": "www-data"} if is_root() else {}


class Place:
    """A directory with the program, its log, and copies from deploy/."""

    def __init__(self, mount=""):
        self.mount = mount              # the option's; empty: not given
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="fcgi-sse-test-"))
        self.tcp_port = free_port()
        (self.dir / "htdocs").mkdir()
        (self.dir / "state-home").mkdir(mode=0o700)
        shutil.copy(BINARY, self.dir / "program")
        self.environ = {
            "FCGI_SSE_LOG": self.dir / "log",
            "FCGI_SSE_HEARTBEAT": f"{HEARTBEAT_S}s",
            "FCGI_SSE_ALLOW_ORIGIN": ORIGIN,
            "FCGI_SSE_MOUNT": mount,
            # Streams by CGI whose clients have left are open for a while.
            "FCGI_SSE_MAX_STREAMS": MAX_STREAMS,
            "XDG_STATE_HOME": self.dir / "state-home",
        }
        self.script("fcgi-sse")
        ini = self.copy("fcgi-sse.ini", "fcgi-sse.ini")
        ini.write_text(ini.read_text().replace("publish-key-file",
                                               ";publish-key-file"))
        self.own(self.dir, *self.dir.rglob("*"))

    @staticmethod
    def own(*paths):
        """They belong to the user that web_user() gives."""
        if is_root():
            user = pwd.getpwnam("www-data")
            for path in paths:
                os.chown(path, user.pw_uid, user.pw_gid)

    def set_environ(self, **values):
        """What the program is started with, beside what it has already."""
        self.environ.update(values)
        self.script("fcgi-sse")

    def script(self, name):
        """The program with the tests' options, wherever it is started from."""
        path = self.dir / name
        path.write_text(
            "#!/bin/sh\n"
            + "".join(f"export {name}={shlex.quote(str(value))}\n"
                      for name, value in self.environ.items())
            + f'exec {self.dir}/program "$@" 2>>{self.dir}/stderr\n')
        path.chmod(0o755)
        return path

    def fitted(self, text):
        """The text with this place's paths in it."""
        names = sorted(PLACES, key=len, reverse=True)
        return re.sub(
            "|".join(map(re.escape, names)),
            lambda match: PLACES[match[0]].format(
                dir=self.dir, tcp_port=self.tcp_port),
            text)

    def copy(self, name, to):
        """A file from deploy/."""
        path = self.dir / to
        path.write_text(self.fitted((DEPLOY / name).read_text()))
        path.chmod((DEPLOY / name).stat().st_mode)
        return path

    def log_lines(self, event):
        """The log's lines of one event."""
        path = self.dir / "log"
        text = path.read_text() if path.exists() else ""
        # The last one may still be in the making.
        lines = map(Line, text.split("\n")[:-1])
        return [line for line in lines if line["event"] == event]

    def _is_removed(self):
        """Not while a process that ends still leaves files of its store."""
        shutil.rmtree(self.dir, ignore_errors=True)
        return not self.dir.exists()

    def remove(self):
        """Unless a sanitizer left a report, which fails the test."""
        path = self.dir / "stderr"
        text = path.read_text() if path.exists() else ""
        wait_until(self._is_removed, f"nobody writes to {self.dir}")
        assert not SANITIZER_REPORT.search(text), text


def seconds(stamp):
    """A date of the ISO format, as time.time() counts."""
    return datetime.datetime.fromisoformat(
        stamp.replace("Z", "+00:00")).timestamp()


def start_program(command, **options):
    """Popen of what was just written: another thread that starts a process
    meanwhile has it open for writing for a moment, in its child."""
    def start():
        try:
            return subprocess.Popen(command, **options)
        except OSError as error:
            if error.errno != errno.ETXTBSY:
                raise
            return None
    return wait_until(start, f"{command[0]} can be run")


class External:
    """fcgi-sse with --listen, beside the web server."""

    def __init__(self, place, listen):
        self.place = place
        self.listen = listen
        self.process = None

    def start(self):
        count = len(self.place.log_lines("ready"))
        self.process = start_program(
            [self.place.dir / "fcgi-sse", "--config",
             self.place.dir / "fcgi-sse.ini", "--listen", self.listen],
            env=clean_environ(), stdin=subprocess.DEVNULL, **web_user())
        wait_until(lambda: len(self.place.log_lines("ready")) > count,
                   "the line `ready` in the log")

    def stop(self):
        if self.process:
            self.process.terminate()
            status = self.process.wait(STOP_S)
            self.process = None
            assert status == 0, f"fcgi-sse: exit status {status}"


def documented(heading):
    """The configuration blocks in a section of doc/web-servers.md."""
    text = (ROOT / "doc" / "web-servers.md").read_text()
    section = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    blocks = re.findall(r"(?:^    .*\n|^\n(?=    ))+", section, re.M)
    return [textwrap.dedent(block) for block in blocks]
