"""How many streams one browser can have open over HTTP/2 behind each server.

doc/web-servers.md says so in a table. Chromium opens more of them, over one
connection, as the first that it has to the server.
"""

import pathlib
import re
import shutil
import sys
import tempfile

import pytest

from responder import ROOT
from servers import TCP, UNIX, Front, Site
from tls import Tls
from web_servers import ApacheProxy, Caddy, H2o, HAProxy, Lighttpd, Nginx

sys.path.append(str(ROOT / "tests" / "browser"))

from page import start_chromium     # noqa: E402

LIGHTTPD_TLS = pathlib.Path("/usr/lib/lighttpd/mod_openssl.so")
ASKED = 30

# Opens so many, and gives how many are open when none has come for a second,
# or, while they are fewer than there have to be, for longer.
OPEN_STREAMS = """
const [count, least, done] = arguments;
let opened = 0, last = performance.now();
window.sources = Array.from({ length: count }, (_, number) => {
    const source = new EventSource(`/sse/clock?number=${number}`);
    source.onopen = () => { opened++; last = performance.now(); };
    return source;
});
const watch = setInterval(() => {
    if (opened === count || performance.now() - last
        > (opened < least ? 15000 : 1000)) {
        clearInterval(watch);
        done(opened);
    }
}, 50);
"""

PROTOCOL = """
return performance.getEntriesByType("navigation")[0].nextHopProtocol;
"""


class TlsLighttpd(Tls, Lighttpd):
    def with_tls(self, text, key, cert, both):
        return text + f"""
            server.modules += ( "mod_openssl" )
            $SERVER["socket"] == "127.0.0.1:{self.tls_port}" {{
                ssl.engine = "enable"
                ssl.pemfile = "{both}"
            }}
            """


class TlsApache(Tls, ApacheProxy):
    modules = ApacheProxy.modules + ("ssl", "http2", "socache_shmcb")

    def with_tls(self, text, key, cert, both):
        return text + f"""
            Listen 127.0.0.1:{self.tls_port}
            Protocols h2 http/1.1
            <VirtualHost *:{self.tls_port}>
                DocumentRoot {self.place.dir}/htdocs
                SSLEngine on
                SSLCertificateFile {cert}
                SSLCertificateKeyFile {key}
            </VirtualHost>
            """


class TlsNginx(Tls, Nginx):
    def with_tls(self, text, key, cert, both):
        plain = f"listen 127.0.0.1:{self.port};"
        assert plain in text
        return text.replace(plain, plain + f"""
                    listen 127.0.0.1:{self.tls_port} ssl http2;
                    ssl_certificate {cert};
                    ssl_certificate_key {key};""")


class TlsHAProxy(Tls, HAProxy):
    def with_tls(self, text, key, cert, both):
        plain = f"bind 127.0.0.1:{self.port}\n"
        assert plain in text
        return text.replace(plain, plain + f"    bind 127.0.0.1:"
                            f"{self.tls_port} ssl crt {both} alpn h2\n")


class TlsCaddy(Tls, Caddy):
    def with_tls(self, text, key, cert, both):
        return text + f"""
            https://localhost:{self.tls_port} {{
                tls {cert} {key}
                {self.blocks()[0]}
            }}
            """


class TlsH2o(Tls, H2o):
    def with_tls(self, text, key, cert, both):
        plain = f"""    listen:
      host: 127.0.0.1
      port: {self.port}
"""
        assert plain in text
        return text.replace(plain, plain + f"""    listen:
      host: 127.0.0.1
      port: {self.tls_port}
      ssl:
        key-file: {key}
        certificate-file: {cert}
""")


FRONTS = {
    "lighttpd": Front("lighttpd", TlsLighttpd, "lighttpd/external.conf", UNIX),
    "Apache": Front("apache2", TlsApache, "apache/proxy-fcgi-unix.conf", UNIX),
    "nginx": Front("nginx", TlsNginx, "nginx/fcgi-sse.conf", UNIX),
    "HAProxy": Front("haproxy", TlsHAProxy, "HAProxy", TCP),
    "Caddy": Front("caddy", TlsCaddy, "Caddy", UNIX),
    "h2o": Front("h2o", TlsH2o, "h2o", UNIX, mount="/sse"),
}


def documented_counts():
    """The table: how many streams are sure to open behind each server."""
    text = (ROOT / "doc" / "web-servers.md").read_text()
    section = text.split("\n## Streams of one browser\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| ([^|]+) \| (\d+)[^|]*\|", section, re.M)
    return {name: int(count) for name, count in rows}


@pytest.fixture(name="site", params=FRONTS)
def fixture_site(request):
    front = FRONTS[request.param]
    if not shutil.which(front.name, path="/usr/sbin:/usr/bin"):
        pytest.skip(f"{front.name} is not installed")
    if front.server is TlsLighttpd and not LIGHTTPD_TLS.exists():
        pytest.skip("lighttpd-mod-openssl is not installed")
    site = Site(front)
    site.documented = documented_counts()[request.param]
    with site:
        yield site


@pytest.fixture(name="driver")
def fixture_driver():
    profile = tempfile.mkdtemp(prefix="fcgi-sse-")
    driver = start_chromium(profile, "--ignore-certificate-errors")
    yield driver
    driver.quit()
    shutil.rmtree(profile, ignore_errors=True)


def test_streams_over_one_connection(site, driver, figure):
    driver.set_script_timeout(30)
    driver.get(f"https://localhost:{site.server.tls_port}/sse/clockwork")
    assert driver.execute_script(PROTOCOL) == "h2"
    opened = driver.execute_async_script(OPEN_STREAMS, ASKED,
                                          site.documented)
    figure(f"{site.front.name}: {opened} of {ASKED} streams over HTTP/2")
    assert opened >= site.documented
