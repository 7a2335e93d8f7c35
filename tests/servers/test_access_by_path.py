"""What doc/access.md shows works as it stands there: the web server's rules
for paths say who may have a topic.
"""

import base64
import http.server
import re
import subprocess
import threading
import urllib.parse

import pytest

from responder import ROOT
from servers import UNIX, Front
from test_hub import HUB, Hub
from web_servers import ApacheProxy, Lighttpd, Nginx

ACCESS = (ROOT / "doc" / "access.md").read_text()
OPTIONS = {"FCGI_SSE_TOPIC_BY": "path", "FCGI_SSE_ANONYMOUS": "yes"}
PASSWORDS = {"ann": "ann's", "bob": "bob's"}
ORDERS = "/events/t/orders"


def shown(heading, language):
    section = ACCESS.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.search(rf"^```{language}\n(.*?)^```$", section, re.M | re.S)[1]


class Session(http.server.BaseHTTPRequestHandler):
    """The site's own program: who has which cookie may have which topic."""

    def do_GET(self):
        cookie, topic = self.headers["Cookie"], self.headers["X-Topic"]
        user = (cookie or "").removeprefix("user=")
        is_good = user and topic.split("/")[:2] in (
            ["orders"], ["orders", user])
        self.send_response(204 if is_good else 403 if user else 401)
        self.end_headers()

    def log_message(self, *_):
        pass


class NginxAsking(Nginx):
    def frame(self):
        text = self.place.fitted(shown("nginx", "nginx"))
        assert "127.0.0.1:8000" in text
        own = f"include {self.place.dir}/fragment.conf;"
        return super().frame().replace(own, own + text.replace(
            "127.0.0.1:8000", f"127.0.0.1:{self.place.session_port}"))


class ApacheAsking(ApacheProxy):
    modules = ApacheProxy.modules + (
        "authn_core", "auth_basic", "authn_file", "authz_user")
    heading = "Apache"

    def frame(self):
        return super().frame() + self.place.fitted(
            shown(self.heading, "apache"))


class ApacheForm(ApacheAsking):
    modules = ApacheAsking.modules + (
        "auth_form", "request", "session", "session_cookie", "session_crypto")
    heading = "Apache with a form"


class LighttpdAsking(Lighttpd):
    def frame(self):
        return self.place.fitted(shown("lighttpd", "lighttpd")) \
            + super().frame()


@pytest.fixture(name="start", scope="module")
def fixture_start():
    hubs = {}
    session = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Session)
    thread = threading.Thread(target=session.serve_forever, daemon=True)
    thread.start()

    def start(server, fragment):
        if server not in hubs:
            hub = hubs[server] = Hub(
                Front(server.__name__, server, fragment, UNIX))
            prepare(hub.site.place, session.server_port)
            hub.site.start()
        return hubs[server]

    yield start
    for hub in hubs.values():
        hub.site.stop()
        hub.site.place.remove()
    session.shutdown()
    session.server_close()
    thread.join()


def prepare(place, session_port):
    place.session_port = session_port
    place.set_environ(**OPTIONS)
    lines = [f"{user}:" + subprocess.run(
        ["openssl", "passwd", "-apr1", password], check=True, text=True,
        stdout=subprocess.PIPE).stdout for user, password in PASSWORDS.items()]
    (place.dir / "fcgi-sse.htpasswd").write_text("".join(lines))
    (place.dir / "fcgi-sse.session").write_text("a passphrase for a test\n")


def basic(user):
    if not user:
        return {}
    text = f"{user}:{PASSWORDS.get(user, 'none')}".encode()
    return {"Authorization": "Basic " + base64.b64encode(text).decode()}


def status_of(hub, path, headers):
    answer = hub.request("HEAD", path, headers=headers)
    answer.read()
    return answer.status


def test_the_options_are_those_of_the_document():
    lines = [f"    {name[9:].lower().replace('_', '-')} = {value}\n"
             for name, value in OPTIONS.items()]
    assert "\n\n" + "".join(lines) + "\n" in ACCESS


@pytest.mark.parametrize("server, fragment", [
    (NginxAsking, "nginx/fcgi-sse.conf"),
    (ApacheAsking, "apache/proxy-fcgi-unix.conf"),
    (LighttpdAsking, "lighttpd/external.conf")], ids=lambda x: str(x)[-24:])
def test_who_may_have_a_topic(start, server, fragment):
    hub = start(server, fragment)

    def of(user):
        if server is NginxAsking:
            return {"Cookie": f"user={user}"} if user else {}
        return basic(user)

    assert status_of(hub, ORDERS, of(None)) == 401
    assert status_of(hub, ORDERS, of("ann")) == 200
    for path in "/events/t/other", "/events/t/ordersx", "/events/t/%0A":
        assert status_of(hub, path, of("ann")) in (400, 403, 404), path
    for path in "/events?topic=orders", HUB + "?topic=orders":
        assert status_of(hub, path, of("ann")) == 403
    reader = hub.subscribe("last=1", ORDERS, **of("ann"))
    answer = status_of(hub, "/events/x/%2e%2e/t//orders", of(None))
    assert answer in (401, 403, 404)
    reader.close()


def test_nginx_asks_about_each_topic(start):
    hub = start(NginxAsking, "nginx/fcgi-sse.conf")
    ann = {"Cookie": "user=ann"}
    assert status_of(hub, ORDERS + "/ann/7", ann) == 200
    assert status_of(hub, ORDERS + "/bob/7", ann) == 403
    for spelling in ("/ann/../bob/7", "/%61nn/%2e%2e/bob/7", "//bob/7",
                     "/bob%2f7", "/bob/7%0A", "/%62ob/7"):
        assert status_of(hub, ORDERS + spelling, ann) in (403, 404), spelling
    assert hub.post([("data", "d")], path=ORDERS).status == 403


def test_apache_knows_each_user(start):
    hub = start(ApacheAsking, "apache/proxy-fcgi-unix.conf")
    assert status_of(hub, ORDERS, basic("bob")) == 401
    for user in "ann", "bob":
        for owner in "ann", "bob", "annx", "%61nn":
            is_own = owner.replace("%61", "a") == user
            for rest in "", "/mail":
                path = f"/events/t/users/{owner}{rest}"
                assert status_of(hub, path, basic(user)) \
                    == (200 if is_own else 401), path


def test_lighttpd_knows_the_user(start):
    hub = start(LighttpdAsking, "lighttpd/external.conf")
    assert status_of(hub, ORDERS + "/7", basic("ann")) == 200
    assert status_of(hub, ORDERS + "/7", basic("bob")) in (401, 403)
    assert status_of(hub, "/events/t/%6Frders", basic("bob")) in (401, 403)


def test_apache_has_a_form(start):
    hub = start(ApacheForm, "apache/proxy-fcgi-unix.conf")
    path = "/events/t/members/news"
    assert status_of(hub, path, {}) == 401
    hub.site.front.prefix = ""
    answers = [hub.request("POST", "/login", urllib.parse.urlencode(
        {"httpd_username": "ann", "httpd_password": password}),
        {"Content-Type": "application/x-www-form-urlencoded"})
        for password in ("wrong", PASSWORDS["ann"])]
    hub.site.front.prefix = "/sse"
    assert [answer.status for answer in answers] == [401, 302]
    cookie = answers[1].getheader("Set-Cookie").split(";")[0]
    assert PASSWORDS["ann"] not in urllib.parse.unquote(cookie)
    assert status_of(hub, path, {"Cookie": cookie}) == 200
    assert status_of(hub, path, {"Cookie": cookie[:-4]}) == 401
    assert status_of(hub, "/events/t/orders", {"Cookie": cookie}) == 403
