"""Real web servers, each with one configuration file in a minimal frame."""

import os
import signal
import subprocess
import textwrap

from place import documented, is_root
from responder import clean_environ, free_port, wait_until
import streams

APACHE_MODULES = "/usr/lib/apache2/modules"


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
                # Some wait for their clients; Apache leaves its children.
                os.killpg(self.process.pid, signal.SIGKILL)
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
            Timeout 300
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
    modules = ("cgid", "setenvif")

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


class Documented(WebServer):
    """Configured by what doc/web-servers.md says; the fragment's its heading.
    """

    def blocks(self):
        return [self.place.fitted(block)
                for block in documented(self.fragment)]


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
