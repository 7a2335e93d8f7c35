"""What a web server allowed by its path is what is served: a topic in the
path, behind a rule that keeps one topic from everybody.
"""

import re

import pytest

import fcgi_client
from servers import UNIX, Front
from test_hub import FORM, HUB, KEY, Hub
from web_servers import ApacheProxy, Lighttpd, Nginx

SECRET = "/sse/events/t/secret"

LIGHTTPD = """
server.modules += ( "mod_access" )
$HTTP["url"] =~ "^/sse/events/t/secret(/|$)" {
    url.access-deny = ( "" )
}
"""
APACHE = """
<Location "/sse/events/t/secret">
    Require all denied
</Location>
"""
NGINX = """
location = /sse/events/t/secret { return 403; }
location ^~ /sse/events/t/secret/ { return 403; }
"""


def with_rule(server, text):
    class Ruled(server):
        def frame(self):
            if server is Lighttpd:      # in the order of its modules
                return text + super().frame()
            if server is ApacheProxy:
                return super().frame() + text
            own = f"include {self.place.dir}/fragment.conf;"
            assert own in super().frame()
            return super().frame().replace(own, own + text)

    return Ruled


FRONTS = [
    Front("lighttpd", with_rule(Lighttpd, LIGHTTPD), "lighttpd/external.conf",
          UNIX),
    Front("apache", with_rule(ApacheProxy, APACHE),
          "apache/proxy-fcgi-unix.conf", UNIX),
    Front("nginx", with_rule(Nginx, NGINX), "nginx/fcgi-sse.conf", UNIX),
]
TOPICS = ["secret", "secret/x"]


@pytest.fixture(name="hub", scope="module", params=FRONTS,
                ids=lambda front: front.name)
def fixture_hub(request):
    hub = Hub(request.param)
    place = hub.site.place
    place.set_environ(FCGI_SSE_TOPIC_BY="path")
    try:
        hub.site.start()
        for topic in TOPICS:        # straight, not through the web server
            publish_inside(hub.site, topic)
        yield hub
    finally:
        hub.site.stop()
    place.remove()


def inside(site):
    """Straight to fcgi-sse, without the web server."""
    return fcgi_client.Client(f"unix:{site.place.dir}/fcgi-sse.sock")


def publish_inside(site, topic):
    with inside(site) as client:
        answer = client.ask(
            f"/events/t/{topic}", method="POST", body=b"data=hidden",
            CONTENT_TYPE=FORM, HTTP_AUTHORIZATION=f"Bearer {KEY}")
    assert answer.status == "200 OK", answer.body


def kept_inside(site, topic):
    """The data of all that the topic has, which is at least one event."""
    with inside(site) as client:
        answer = client.send_request(f"/events/t/{topic}", "last=1000")
        client.recv_until(answer, lambda a: a.body.count(b"\n\n") or a.end)
        return re.findall(r"(?m)^data: (.*)$", answer.body.decode())


@pytest.mark.parametrize("path", ["news", "orders/7", "a%20b", "%C3%A9", "a+b",
                                  "%2541", "h%23x", "x.cgi"])
def test_publish_and_subscribe_by_path(hub, path):
    path = "/events/t/" + path
    reader = hub.subscribe("last=1", path)
    assert hub.post([("data", "seen")], path=path).status == 200
    assert [event.data for event in reader.take(1)] == ["seen"]
    reader.close()


@pytest.mark.parametrize("path", ["/events?topic=secret", HUB + "?topic=*",
                                  "/events/t/secret", "/events/t/secret/x"])
def test_what_is_denied(hub, path):
    assert hub.request("GET", path).status == 403


# Spellings of the topic that nobody may have.
SPELLINGS = [
    "secret", "%73ecret", "%73%65%63%72%65%74", "secre%74", "s%65cret",
    "/secret", "//secret", "./secret", "x/../secret", "x/%2e%2e/secret",
    "x/%2E%2E/secret", "%2e/secret", "secret%0A", "secret%0a", "secret%0D",
    "secret?", "secret?x=/", "secret#x", "secret%00", "secret%00x",
    "..%2ft%2fsecret", "x%2f..%2fsecret", "%2Fsecret", "secret/x", "secret//x",
    "secret%2fx", "secret%2Fx", "secret/./x", "secret/y/../x", "secret;x",
    "%252e%252e/t/secret", "x%5c..%5csecret", "secret%20",
    "secret.", "%2573ecret", "secret/.", "secret/..", "../t/secret",
    "%u0073ecret", "s%E2%80%8Becret"]
BEFORE = ["/events/t/", "/events//t/", "//events/t/", "/./events/t/",
          "/events/x/../t/", "/Events/t/", "/event%73/t/", "/events%2ft%2f"]


@pytest.mark.parametrize("before", BEFORE)
def test_no_spelling_gets_round_a_rule(hub, before):
    """The topics of both requests are found alike: what is published by a
    spelling of a path that is denied does not reach its topic."""
    for spelling in SPELLINGS:
        hub.post([("data", "intruder")], path=before + spelling)
    for topic in TOPICS:
        assert kept_inside(hub.site, topic) == ["hidden"]
