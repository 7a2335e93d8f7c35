"""A proxy in front of the web server, as doc/web-servers.md has it: its pages
may publish, events come at once, and its clients are not taken for local ones.
Without the lines that pass on Host, the 403 says what was compared.
"""

import http.client
import urllib.parse

import pytest

from place import Place, documented
from servers import UNIX, Front, Site
import streams
from test_hub import FORM, KEY, add_options
from web_servers import Apache, Lighttpd, Nginx

HEADING = "Behind another proxy"
HOST = "www.example.org"
HOST_LINES = ("proxy_set_header Host $http_host;", "ProxyPreserveHost On")


class Proxy:
    """A web server whose fragment passes on all to another."""

    def __init__(self, place, number, port, has_host):
        text = documented(HEADING)[number].replace(
            "127.0.0.1:8080", f"127.0.0.1:{port}")
        for line in HOST_LINES if not has_host else ():
            text = text.replace(line, "")
        (place.dir / "fragment.conf").write_text(text)
        super().__init__(place, None)


class NginxProxy(Proxy, Nginx):
    def frame(self):
        self.place.copy = lambda *_: self.place.dir / "fragment.conf"
        return super().frame()


class ApacheHttpProxy(Proxy, Apache):
    modules = ("proxy", "proxy_http")

    def install(self):
        pass


PROXIES = {"nginx": (NginxProxy, 0), "Apache": (ApacheHttpProxy, 1)}


@pytest.fixture(name="site", scope="module")
def fixture_site():
    site = Site(Front("lighttpd", Lighttpd, "lighttpd/external.conf", UNIX))
    add_options(site.place)
    with site:
        yield site


@pytest.fixture(name="proxy", params=PROXIES)
def fixture_proxy(request, site):
    started = []

    def start(has_host=True):
        server, number = PROXIES[request.param]
        proxy = server(Place(), number, site.server.port, has_host)
        started.append(proxy)
        proxy.start()
        return proxy

    yield start
    for proxy in started:
        proxy.stop()
        proxy.place.remove()


def publish(proxy, origin, **headers):
    """The status, and the line of text."""
    conn = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=20)
    conn.request("POST", "/sse/events",
                 urllib.parse.urlencode({"topic": "t", "data": "x"}),
                 {"Content-Type": FORM, "Authorization": f"Bearer {KEY}",
                  "Host": f"{HOST}:{proxy.port}", "Origin": origin,
                  **headers})
    answer = conn.getresponse()
    text = answer.read().decode()
    conn.close()
    return answer.status, text


def test_its_pages_may_publish(proxy):
    proxy = proxy()
    own = f"http://{HOST}:{proxy.port}"
    assert publish(proxy, own)[0] == 200
    for other in (f"http://{HOST}", f"http://other.example:{proxy.port}",
                  f"https://{HOST}:{proxy.port + 1}", "null"):
        status, text = publish(proxy, other)
        assert status == 403
        assert f"its origin {other} is not the host and port" in text
        assert f"HTTP_HOST {HOST}:{proxy.port}, SERVER_PORT " in text


def test_what_the_browser_says_decides(proxy, site):
    """Over HTTPS and on localhost it does, and Host does not matter."""
    proxy = proxy(has_host=False)
    own = f"http://{HOST}:{proxy.port}"
    assert publish(proxy, own, **{"Sec-Fetch-Site": "same-origin"})[0] == 200
    assert publish(proxy, own, **{"Sec-Fetch-Site": "cross-site"}) == (
        403, "403 Forbidden: this page may not publish: its browser says "
        "Sec-Fetch-Site: cross-site. The option allow-origin names pages that "
        "may; a proxy has to pass on Host\n")
    assert publish(proxy, own) == (
        403, f"403 Forbidden: this page may not publish: its origin {own} is "
        "not the host and port that the web server passes, HTTP_HOST "
        f"127.0.0.1:{site.server.port}, SERVER_PORT {site.server.port}. The "
        "option allow-origin names pages that may; a proxy has to pass on "
        "Host\n")


def test_events_come_at_once_and_clients_are_not_local(proxy):
    proxy = proxy()
    with streams.Stream(proxy.port, "/sse/clock?interval=100ms") as stream:
        assert [stream.read_event().event for _ in range(4)] \
            == [None] * 4
    assert streams.ask(proxy.port, "/sse/metrics").status == 403
