"""More of the files from deploy/: less common web servers, and what else may
be done with the common ones. Each passes on events at once, what the client
sends, and updates; the other tests are those of test_servers.py."""

import os
import re
import shutil
import signal
import subprocess
import time

import pytest

import deployed
from place import is_root, seconds
from responder import clean_environ, wait_until
from servers import TCP, UNIX, Front, Site
from test_hub import Hub, check_several
from web_servers import Lighttpd, Nginx

FRONTS = [
    Front("apache-prefork", deployed.ApachePrefork,
          "apache/proxy-fcgi-unix.conf", UNIX),
    Front("apache-sethandler", deployed.ApacheSetHandler,
          "apache/sethandler.conf", UNIX),
    Front("nginx-root", Nginx, "nginx/root.conf", UNIX, prefix=""),
    Front("lighttpd-several", Lighttpd, "lighttpd/several.conf"),
]
FRONTS += [front for front in (
    Front("haproxy", deployed.HAProxyFile, "", TCP),
    Front("caddy", deployed.CaddyFile, "", UNIX),
    Front("h2o", deployed.H2oFile, "", UNIX, mount="/sse"),
    Front("varnishd", deployed.Varnish, "varnish/fcgi-sse.vcl", UNIX),
) if shutil.which(front.name, path="/usr/sbin:/usr/bin")]


@pytest.fixture(name="hub", scope="module", params=FRONTS,
                ids=lambda front: front.name)
def fixture_hub(request):
    with Hub(request.param) as hub:
        yield hub


def check_late(late):
    """Seconds from an event's date to its arrival. A busy machine stalls for
    several at a time; a web server that collects holds up all of them."""
    assert min(late) > -0.005
    assert sorted(late)[len(late) // 3] < 0.1, late


def test_ticks_arrive_when_they_are_sent(hub):
    with hub.site.open("/clock?format=iso&interval=100ms") as stream:
        assert stream.header("content-encoding") is None
        ticks = [stream.read_event() for _ in range(10)]
    check_late([tick.received_at - seconds(tick.data) for tick in ticks[1:]])


def test_head_and_first_event_come_at_once(hub):
    with hub.site.open("/clock?interval=1h") as stream:
        assert stream.read_event().data


def test_end_is_passed_on(hub):
    with hub.site.open("/counter?count=3&interval=100ms",
                       headers={"Last-Event-ID": "1"}) as stream:
        found = [stream.read_event() for _ in range(3)]
        assert [event.id for event in found] == ["2", "3", None]
        assert stream.read_event() is None


def test_updates_and_keys_arrive(hub):
    """What is published with a key reaches all, and can be come back for."""
    check_several(hub)


def test_page_and_what_is_not_there(hub):
    assert hub.site.ask("/").status == 200
    assert hub.site.ask("/nope").status == 404
    if hub.site.front.prefix:
        answer = hub.request("GET", "")
        assert answer.status in (301, 302, 308)
        assert answer.getheader("Location").endswith("/sse/")


# HTTP/2

@pytest.mark.parametrize("front", [
    Front("apache2", deployed.ApacheHttp2, "apache/proxy-fcgi-unix.conf", UNIX),
    Front("nginx", deployed.NginxHttp2, "nginx/fcgi-sse.conf", UNIX),
], ids=lambda front: front.name)
def test_ticks_over_http2(front):
    with Site(front) as site:
        curl = deployed.curl_http2(
            site.server.tls_port, "/sse/clock?format=iso&interval=100ms")
        late, head = [], []
        while len(late) < 10:
            line = curl.stdout.readline().decode()
            assert line, head
            if line.startswith("data: "):
                late.append(time.time() - seconds(line[6:].strip()))
            else:
                head.append(line)
        curl.terminate()
        curl.communicate()
        assert head[0].startswith("HTTP/2 200"), head
        check_late(late[1:])


# Processes that others start

class Spawned:
    """Started by a script from deploy/spawn-fcgi."""

    def __init__(self, site, name):
        self.site = site
        self.script = site.place.copy(f"spawn-fcgi/{name}", "start.sh")

    def start(self):
        with open(self.site.place.dir / "start.out", "wb") as out:
            subprocess.run([self.script], check=True, env=clean_environ(),
                           stdout=out, stderr=out, timeout=60)
        wait_until(lambda: len(self.site.processes()) == 4, "four run")

    def stop(self):
        pids = (self.site.place.dir / "fcgi-sse.pid").read_text()
        for pid in re.findall(r"\d+", pids):
            os.kill(int(pid), signal.SIGTERM)
        wait_until(lambda: not self.site.processes(), "all have ended")


@pytest.mark.skipif(not is_root(), reason="spawn-fcgi -u needs root")
@pytest.mark.parametrize("name", ["several.sh", "multiwatch.sh"])
def test_spawn_fcgi_with_several(name):
    if name == "multiwatch.sh" and not shutil.which("multiwatch"):
        pytest.skip("multiwatch is not installed")
    hub = Hub(Front("nginx", Nginx, "nginx/fcgi-sse.conf", UNIX))
    hub.site.responder = Spawned(hub.site, name)
    with hub:
        check_several(hub)
        if name == "multiwatch.sh":
            first = hub.site.processes()
            os.kill(first[0], signal.SIGKILL)
            wait_until(lambda: first[0] not in hub.site.processes()
                       and len(hub.site.processes()) == 4, "four run again")
            check_several(hub)
        with hub.site.open("/clock") as stream:
            stream.read_event()
            hub.site.responder.stop()
            while stream.read_event() is not None:
                pass            # up to the response's proper end
        hub.site.responder = None
