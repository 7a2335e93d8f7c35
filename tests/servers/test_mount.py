"""Where Apache does not say what of a path is the mount point: SetHandler and
Action, as doc/web-servers.md has them, with and without the option.
"""

import pytest

from place import documented
from servers import UNIX, Front, Site
from test_servers import NO_ROUTES
from web_servers import ApacheFcgid, ApacheProxy

HEADING = "Apache SetHandler and Action"
MOUNT = "/live/sse"


class SetHandler(ApacheProxy):
    block = 0

    def install(self):
        text = self.place.fitted(documented(self.fragment)[self.block])
        (self.place.dir / "fragment.conf").write_text(text)


class Action(SetHandler, ApacheFcgid):
    block = 1
    modules = ApacheFcgid.modules + ("actions",)


FRONTS = {"SetHandler": (SetHandler, UNIX), "Action": (Action, None)}


def site_of(name, mount):
    server, listen = FRONTS[name]
    return Site(Front(name, server, HEADING, listen, prefix=MOUNT,
                      mount=mount))


@pytest.fixture(name="start", scope="module")
def fixture_start():
    sites = {}

    def start(*key):
        if key not in sites:
            sites[key] = site_of(*key)
            sites[key].start()
        return sites[key]

    yield start
    for site in sites.values():
        site.stop()
        site.place.remove()


@pytest.mark.parametrize("name", FRONTS)
def test_the_option_names_the_mount_point(start, name):
    site = start(name, MOUNT)
    with site.open("/clock?interval=100ms") as stream:
        assert stream.status == 200
        assert [stream.read_event().event for _ in range(3)] == [None] * 3
    page = site.ask("/")
    assert page.status == 200
    assert page.header("content-type") == "text/html; charset=utf-8"
    for path in NO_ROUTES:
        assert site.ask(path).status == 404, path


def test_the_404_says_so_without_it(start):
    answer = start("Action", "").ask("/clock")
    assert answer.status == 404
    assert answer.text == (
        f"404 Not Found: {MOUNT}/clock. If this is mounted at {MOUNT}, have "
        "the web server say so by PATH_INFO, or the option mount\n")
    assert start("SetHandler", "").ask("/clock").status == 404
