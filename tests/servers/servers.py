"""Real web servers, each with its file from deploy/ and a minimal frame.

Of a file from deploy/ only the paths named in PLACES are replaced.
"""

import datetime
import os
import pathlib
import pwd
import re
import shutil
import subprocess
import tempfile
import textwrap

from responder import (
    BINARY, ROOT, SANITIZER_REPORT, Line, clean_environ, free_port, wait_until)
import streams

DEPLOY = ROOT / "deploy"
APACHE_MODULES = "/usr/lib/apache2/modules"
ORIGIN = "https://example.org"
HEARTBEAT_S = 1

# What the files from deploy/ name, and what it is in a test.
PLACES = {
    "/usr/local/bin/fcgi-sse": "{dir}/fcgi-sse",
    "/run/fcgi-sse/fcgi-sse.sock": "{dir}/fcgi-sse.sock",
    "/run/fcgi-sse/fcgi-sse.pid": "{dir}/fcgi-sse.pid",
    "/run/lighttpd/fcgi-sse.sock": "{dir}/spawned.sock",
    "/run/fcgi-sse": "{dir}",
    "127.0.0.1:9080": "127.0.0.1:{tcp_port}",
}


def is_root():
    return os.geteuid() == 0


def web_user():
    """Whom web server and responder run as: what Popen takes."""
    return {"user": "www-data", "group": "www-data"} if is_root() else {}


class Place:
    """A directory with the program, its log, and copies from deploy/."""

    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="fcgi-sse-test-"))
        self.tcp_port = free_port()
        (self.dir / "htdocs").mkdir()
        shutil.copy(BINARY, self.dir / "program")
        self.script("fcgi-sse")
        if is_root():
            user = pwd.getpwnam("www-data")
            for path in (self.dir, *self.dir.rglob("*")):
                os.chown(path, user.pw_uid, user.pw_gid)

    def script(self, name):
        """The program with the tests' options, wherever it is started from."""
        path = self.dir / name
        path.write_text(
            "#!/bin/sh\n"
            f"export FCGI_SSE_LOG={self.dir}/log\n"
            f"export FCGI_SSE_HEARTBEAT={HEARTBEAT_S}s\n"
            f"export FCGI_SSE_ALLOW_ORIGIN={ORIGIN}\n"
            f'exec {self.dir}/program "$@" 2>>{self.dir}/stderr\n')
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

    def remove(self):
        """Unless a sanitizer left a report, which fails the test."""
        path = self.dir / "stderr"
        text = path.read_text() if path.exists() else ""
        shutil.rmtree(self.dir)
        assert not SANITIZER_REPORT.search(text), text


def seconds(stamp):
    """A date of the ISO format, as time.time() counts."""
    return datetime.datetime.fromisoformat(
        stamp.replace("Z", "+00:00")).timestamp()


class External:
    """fcgi-sse with --listen, beside the web server."""

    def __init__(self, place, listen):
        self.place = place
        self.listen = listen
        self.process = None

    def start(self):
        count = len(self.place.log_lines("ready"))
        self.process = subprocess.Popen(
            [self.place.dir / "fcgi-sse", "--listen", self.listen],
            env=clean_environ(), stdin=subprocess.DEVNULL, **web_user())
        wait_until(lambda: len(self.place.log_lines("ready")) > count,
                   "the line `ready` in the log")

    def stop(self):
        if self.process:
            self.process.terminate()
            status = self.process.wait(10)
            self.process = None
            assert status == 0, f"fcgi-sse: exit status {status}"


class WebServer:
    """A web server on a free port, with one configuration file."""

    process = None

    def __init__(self, place, fragment):
        self.place = place
        self.fragment = fragment

    def start(self):
        for _ in range(3):          # another may take the free port first
            self.port = free_port()
            conf = self.place.dir / "server.conf"
            conf.write_text(self.frame())
            with open(self.place.dir / "server.out", "ab") as out:
                # A session of its own: Apache signals its process group.
                self.process = subprocess.Popen(
                    self.command(conf), stdout=out, stderr=out,
                    stdin=subprocess.DEVNULL, env=clean_environ(),
                    start_new_session=True)
            wait_until(lambda: self.answers()
                       or self.process.poll() is not None,
                       f"{self.command(conf)[0]} answers")
            if self.process.poll() is None:
                return
        raise AssertionError(self.messages())

    def answers(self):
        try:
            return streams.ask(self.port, "/no-such-file").status > 0
        except (OSError, streams.Cut):
            return False

    def stop(self):
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(3)
            except subprocess.TimeoutExpired:
                self.process.kill()     # some wait for their clients
                self.process.wait()
            self.process = None

    def messages(self):
        return "".join(
            path.read_text(errors="replace")
            for path in (self.place.dir / "server.out",
                         self.place.dir / "error.log") if path.exists())


class Lighttpd(WebServer):
    def command(self, conf):
        return ["/usr/sbin/lighttpd", "-D", "-f", str(conf)]

    def frame(self):
        conf = self.place.copy(self.fragment, "fragment.conf")
        user = 'server.username = "www-data"' if is_root() else ""
        return f"""
            server.bind = "127.0.0.1"
            server.port = {self.port}
            server.document-root = "{self.place.dir}/htdocs"
            server.errorlog = "{self.place.dir}/error.log"
            server.upload-dirs = ( "{self.place.dir}" )
            {user}
            include "{conf}"
            """


class Apache(WebServer):
    modules = ()

    def command(self, conf):
        return ["/usr/sbin/apache2", "-DFOREGROUND", "-f", str(conf)]

    def frame(self):
        self.install()
        load = "\n".join(
            f"LoadModule {name}_module {APACHE_MODULES}/mod_{name}.so"
            for name in ("mpm_event", "authz_core", "alias", "env", "mime")
            + self.modules)
        user = "User www-data\nGroup www-data" if is_root() else ""
        return f"""
            {load}
            {user}
            ServerRoot {self.place.dir}
            ServerName localhost
            Listen 127.0.0.1:{self.port}
            PidFile {self.place.dir}/apache.pid
            DefaultRuntimeDir {self.place.dir}
            ErrorLog {self.place.dir}/error.log
            TypesConfig /etc/mime.types
            ThreadsPerChild 64
            MaxRequestWorkers 512
            ServerLimit 8
            # As on Debian: the file is outside of the virtual host.
            <VirtualHost *:{self.port}>
                DocumentRoot {self.place.dir}/htdocs
            </VirtualHost>
            <Directory {self.place.dir}/htdocs>
                AllowOverride FileInfo Options=ExecCGI
                Require all granted
            </Directory>
            {self.include()}
            """

    def install(self):
        self.place.copy(self.fragment, "fragment.conf")

    def include(self):
        return f"Include {self.place.dir}/fragment.conf"


class ApacheProxy(Apache):
    modules = ("proxy", "proxy_fcgi")


class ApacheFcgid(Apache):
    modules = ("fcgid",)

    def include(self):
        # Where it may write, and with mod_fcgid's other defaults as they are.
        return f"""
            FcgidIPCDir {self.place.dir}/fcgid
            FcgidProcessTableFile {self.place.dir}/fcgid.table
            {super().include()}
            """


class ApacheCgi(Apache):
    modules = ("cgid",)

    def install(self):
        self.place.copy(self.fragment, "htdocs/.htaccess")
        self.place.script("htdocs/sse.cgi")

    def include(self):
        return f"ScriptSock {self.place.dir}/cgid.sock"


class Nginx(WebServer):
    def command(self, conf):
        return ["/usr/sbin/nginx", "-p", str(self.place.dir), "-c", str(conf),
                "-e", str(self.place.dir / "error.log")]

    def frame(self):
        conf = self.place.copy(self.fragment, "fragment.conf")
        params = self.place.dir / "fastcgi_params"
        if not params.exists():
            params.symlink_to("/etc/nginx/fastcgi_params")
        temp = "\n".join(
            f"{kind}_temp_path {self.place.dir}/{kind};" for kind in
            ("client_body", "fastcgi", "proxy", "scgi", "uwsgi"))
        return f"""
            {"user www-data;" if is_root() else ""}
            daemon off;
            pid {self.place.dir}/nginx.pid;
            events {{ worker_connections 1024; }}
            http {{
                access_log off;
                {temp}
                server {{
                    listen 127.0.0.1:{self.port};
                    root {self.place.dir}/htdocs;
                    include {conf};
                }}
            }}
            """


def documented(heading):
    """The configuration blocks in a section of doc/web-servers.md."""
    text = (ROOT / "doc" / "web-servers.md").read_text()
    section = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    blocks = re.findall(r"(?:^    .*\n|^\n(?=    ))+", section, re.M)
    return [textwrap.dedent(block) for block in blocks]


class Documented(WebServer):
    """Configured by what doc/web-servers.md says; the fragment's its heading.
    """

    def blocks(self):
        return [self.place.fitted(block) for block in documented(self.fragment)]


class HAProxy(Documented):
    def command(self, conf):
        return ["/usr/sbin/haproxy", "-db", "-f", str(conf)]

    def frame(self):
        backend, rules, defaults = self.blocks()
        user = "user www-data\ngroup www-data" if is_root() else ""
        return f"""
global
{user}
defaults
    mode http
    timeout connect 5s
    timeout client 50s
    timeout server 50s
{defaults}
{backend}
frontend test
    bind 127.0.0.1:{self.port}
{rules}
"""


class Caddy(Documented):
    def command(self, conf):
        return ["/usr/bin/env", f"HOME={self.place.dir}", "/usr/bin/caddy",
                "run", "--adapter", "caddyfile", "--config", str(conf)]

    def frame(self):
        return f"""
            {{
                admin off
                auto_https off
            }}
            http://localhost:{self.port} {{
                {self.blocks()[0]}
            }}
            """


class H2o(Documented):
    def command(self, conf):
        return ["/usr/bin/h2o", "-c", str(conf)]

    def frame(self):
        user = "user: www-data" if is_root() else ""
        paths = textwrap.indent(self.blocks()[0], "    ")
        return f"""
{user}
hosts:
  default:
    listen:
      host: 127.0.0.1
      port: {self.port}
{paths}
"""


class Front:
    """One way to run fcgi-sse: server, file, where, and what it can do."""

    def __init__(self, name, server, fragment, listen=None, prefix="/sse",
                 frames_to_notice=0, clients=200, is_cgi=False):
        self.name = name
        self.server = server
        self.fragment = fragment
        self.listen = listen            # None: the web server starts it
        self.prefix = prefix
        # Frames written to a client that left, until the web server tells.
        self.frames_to_notice = frames_to_notice
        self.clients = clients
        self.is_cgi = is_cgi


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
    Front("haproxy", HAProxy, "HAProxy", TCP, frames_to_notice=1),
    Front("caddy", Caddy, "Caddy", UNIX, frames_to_notice=4),
    Front("h2o", H2o, "h2o", UNIX, frames_to_notice=2),
) if shutil.which(front.name, path="/usr/sbin:/usr/bin")]


class Site:
    """A web server with fcgi-sse behind it, running."""

    def __init__(self, front):
        self.front = front
        self.place = Place()
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
