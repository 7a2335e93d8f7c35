"""Web servers with more of the files from deploy/, each taken as it is."""

import re
import subprocess

from place import is_root
from tls import Tls
from web_servers import (
    APACHE_MODULES, ApacheProxy, Caddy, H2o, HAProxy, Lighttpd, Nginx,
    WebServer)


class ApachePrefork(ApacheProxy):
    """The prefork MPM with its file, beside proxy-fcgi-unix.conf."""

    def frame(self):
        self.place.copy("apache/prefork.conf", "prefork.conf")
        text = super().frame()
        assert "mpm_event" in text
        return re.sub(r"(?m)^ *(ThreadsPerChild|MaxRequest|ServerLimit).*", "",
                      text.replace("mpm_event", "mpm_prefork")) \
            + f"Include {self.place.dir}/prefork.conf\n"


class ApacheSetHandler(ApacheProxy):
    """A .htaccess in the folder /sse, and what the server needs for it."""

    def install(self):
        folder = self.place.dir / "htdocs" / "sse"
        folder.mkdir(exist_ok=True)
        self.place.copy("apache/sethandler.htaccess", "htdocs/sse/.htaccess")
        self.place.copy("apache/sethandler.conf", "fragment.conf")

    def frame(self):
        text = super().frame()
        allowed = "AllowOverride FileInfo Options=ExecCGI"
        assert allowed in text
        load = f"LoadModule dir_module {APACHE_MODULES}/mod_dir.so\n"
        return load + text.replace(allowed, "AllowOverride FileInfo AuthConfig")


class ApacheHttp2(Tls, ApacheProxy):
    modules = ApacheProxy.modules + ("ssl", "http2", "socache_shmcb")

    def with_tls(self, text, key, cert, both):
        self.place.copy("apache/http2.conf", "http2.conf")
        return text + f"""
            Listen 127.0.0.1:{self.tls_port}
            Include {self.place.dir}/http2.conf
            <VirtualHost *:{self.tls_port}>
                DocumentRoot {self.place.dir}/htdocs
                SSLEngine on
                SSLCertificateFile {cert}
                SSLCertificateKeyFile {key}
            </VirtualHost>
            """


class NginxHttp2(Tls, Nginx):
    """Its file is a server, beside the tests' own, of the same snippet."""

    def with_tls(self, text, key, cert, both):
        for folder in ("snippets", "ssl/certs", "ssl/private"):
            (self.place.dir / folder).mkdir(parents=True, exist_ok=True)
        (self.place.dir / "ssl/certs/example.org.pem").write_bytes(
            cert.read_bytes())
        (self.place.dir / "ssl/private/example.org.key").write_bytes(
            key.read_bytes())
        self.place.copy(self.fragment, "snippets/fcgi-sse.conf")
        conf = self.place.copy("nginx/http2.conf", "http2.conf")
        conf.write_text(conf.read_text().replace(
            "listen 443 ", f"listen 127.0.0.1:{self.tls_port} "))
        assert text.count("http {") == 1
        return text.replace("http {", f"http {{ include {conf};")


class HAProxyFile(HAProxy):
    def frame(self):
        conf = self.place.copy("haproxy/fcgi-sse.cfg", "haproxy.cfg")
        text = conf.read_text()
        assert "bind :80\n" in text
        return "global\n" + ("user www-data\n" if is_root() else "") \
            + text.replace("bind :80\n", f"bind 127.0.0.1:{self.port}\n")


class CaddyFile(Caddy):
    def frame(self):
        text = self.place.copy("caddy/Caddyfile", "Caddyfile").read_text()
        assert "\n:80 {\n" in text
        return "{\nadmin off\nauto_https off\n}\n" + text.replace(
            "\n:80 {\n", f"\nhttp://localhost:{self.port} {{\n")


class H2oFile(H2o):
    def frame(self):
        text = self.place.copy("h2o/fcgi-sse.yaml", "h2o.yaml").read_text()
        assert "      port: 80\n" in text
        return ("user: www-data\n" if is_root() else "") \
            + text.replace("      port: 80\n", "      host: 127.0.0.1\n"
                           f"      port: {self.port}\n")


class Varnish(WebServer):
    """In front of lighttpd with external.conf."""

    def __init__(self, place, fragment):
        super().__init__(place, fragment)
        self.behind = Lighttpd(place, "lighttpd/external.conf")

    def start(self):
        self.behind.start()
        self.place.dir.chmod(0o755)
        super().start()

    def command(self, conf):
        return ["/usr/sbin/varnishd", "-F", "-f", str(conf),
                "-n", str(self.place.dir / "varnish"), "-s", "malloc,8m",
                "-a", f"127.0.0.1:{self.port}",
                "-p", "thread_pool_min=10", "-p", "thread_pools=1"]

    def frame(self):
        text = self.place.copy(self.fragment, "varnish.vcl").read_text()
        port = '.port = "8080";'
        assert port in text
        return text.replace(port, f'.port = "{self.behind.port}";')

    def stop(self):
        super().stop()
        self.behind.stop()


def curl_http2(port, path):
    """curl, which reads a stream over HTTP/2 and says which version it was."""
    return subprocess.Popen(
        ["curl", "-sSkN", "--http2", "--max-time", "20",
         "-o", "-", "-D", "-", f"https://localhost:{port}{path}"],
        stdout=subprocess.PIPE)


class ApacheTurns(ApacheProxy):
    """20 workers of an MPM, by their file, beside proxy-fcgi-unix.conf."""

    modules = ApacheProxy.modules + ("setenvif",)
    mpm = "mpm_event"

    def frame(self):
        self.place.copy("apache/turns.conf", "turns.conf")
        text = super().frame()
        assert "mpm_event" in text
        return re.sub(r"(?m)^ *(ThreadsPerChild|MaxRequest|ServerLimit).*", "",
                      text.replace("mpm_event", self.mpm)) \
            + f"Include {self.place.dir}/turns.conf\n"


class ApachePreforkTurns(ApacheTurns):
    mpm = "mpm_prefork"
