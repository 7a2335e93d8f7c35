"""A cookie with a token in three engines: Chromium, Firefox and WebKit. The
page is of another origin of the same site, since ports have cookies in common.
"""

import pathlib
import shutil
import urllib.parse

import pytest

import engines
from responder import free_port
from sites import Site
from tokens import key_args, old

PAGES = pathlib.Path(__file__).resolve().parent / "pages"


class TwoPorts(Site):
    """Answers at a second port too, from where the page comes."""

    def __init__(self):
        super().__init__()
        self.page_port = free_port()
        self.page_origin = f"http://127.0.0.1:{self.page_port}"
        self.args = [*key_args(self.dir, dialects="07"), "--public-topic",
                     "found", "--allow-origin", self.page_origin,
                     "--publish-origin", self.page_origin]
        shutil.copy(PAGES / "cookie.html", self.dir)

    def conf(self):
        return super().conf() + (
            f'$SERVER["socket"] == "127.0.0.1:{self.page_port}" {{ }}\n')


@pytest.fixture(name="site", scope="module")
def fixture_site():
    with TwoPorts() as site:
        yield site


def found_by(site, engine):
    """What the page in that engine publishes when it is done."""
    topic = f"/topic/{engine}"
    query = urllib.parse.urlencode({
        "hub": f"{site.url}.well-known/mercure", "topic": topic,
        "token": old(publish=[topic], subscribe=[topic])})
    return engines.found(site, lambda: engines.Engine(
        engine, f"{site.page_origin}/cookie.html?{query}"))


@pytest.mark.parametrize("engine", engines.NAMES)
def test_cookie_from_another_origin(site, engine):
    if not engines.is_there(engine):
        pytest.skip(f"{engine} is not installed")
    assert found_by(site, engine) == {
        "without": 2, "omitted": 2, "state": 1, "other": 403, "status": 200,
        "data": "secret"}
    reasons = {line["reason"] for line in site.responder.log
               if line.has(event="refuse-token")}
    assert reasons == {"none", "scope"}
