"""Padding, behind a server that holds back the first 64 KiB of a response."""

import socket

import pytest

from servers import Front, Site
from web_servers import ApacheFcgid


class Holding(ApacheFcgid):
    """mod_fcgid with its own buffer, as where one has only .htaccess."""

    def install(self):
        conf = self.place.copy(self.fragment, "fragment.conf")
        text = conf.read_text()
        assert "\nFcgidOutputBufferSize 0\n" in text
        conf.write_text(text.replace("FcgidOutputBufferSize 0", ""))


@pytest.fixture(name="site", scope="module")
def fixture_site():
    front = Front("apache-fcgid-holding", Holding, "apache/fcgid.conf")
    with Site(front) as site:
        yield site


def test_nothing_comes_without_it(site):
    with site.open("/clock?interval=100ms", wait=False) as stream:
        stream.sock.settimeout(1.5)
        with pytest.raises(socket.timeout):
            stream.read_head()


@pytest.mark.parametrize("count", [65536, 131072])
def test_head_and_first_event_come_at_once(site, count):
    with site.open(f"/clock?interval=1h&padding={count}") as stream:
        assert stream.status == 200
        assert stream.read_event().data
