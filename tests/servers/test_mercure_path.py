"""The hub at /.well-known/mercure, on a high port, as a browser uses it: what
is published to a topic reaches those who subscribed to it, and nobody else.

Each web server is configured as doc/web-servers.md says. The page's host is no
localhost, so the browser sends no Sec-Fetch-Site: the page may publish since
its host and port are those of the request.
"""

import json
import shutil
import sys
import tempfile
import uuid

import pytest

from place import documented
from responder import ROOT
from servers import UNIX, Front, Site
from test_hub import KEY, add_options
from web_servers import ApacheProxy, Lighttpd, Nginx

sys.path.append(str(ROOT / "tests" / "browser"))

from page import start_chromium     # noqa: E402

HOST = "hub.test"
BASE = "https://example.net/books/"


def block(server, number):
    """The server with one of the section's blocks after its own file."""
    class AtRoot(server):
        def frame(self):
            text = self.place.fitted(documented("Mercure's path")[number])
            if server is not Nginx:
                return super().frame() + text
            own = f"include {self.place.dir}/fragment.conf;"
            assert own in super().frame()
            return super().frame().replace(own, own + text)

    return AtRoot


FRONTS = {
    "lighttpd": Front("lighttpd", block(Lighttpd, 0),
                      "lighttpd/external.conf", UNIX),
    "Apache": Front("apache2", block(ApacheProxy, 1),
                    "apache/proxy-fcgi-unix.conf", UNIX),
    "nginx": Front("nginx", block(Nginx, 2), "nginx/fcgi-sse.conf", UNIX),
}

# Subscribes, publishes once the stream is open, and gives what came of it: the
# first message with that id, or null when one behind it has come before.
TALK = """
const [hub, key, selectors, form, endTopic, done] = arguments;
const url = new URL(hub, location);
for (const selector of [...selectors, endTopic])
    url.searchParams.append("topic", selector);
const post = (pairs) => fetch(hub, { method: "POST",
    headers: { Authorization: `Bearer ${key}` },
    body: new URLSearchParams(pairs) });
const source = new EventSource(url);
const result = { event: null };
source.onerror = () => done({ error: source.readyState });
source.onmessage = (event) => {
    if (event.data === "the end") {
        source.close();
        done(result);
    } else
        result.event = [event.type, event.lastEventId, event.data];
};
source.onopen = async () => {
    const answer = await post(form);
    result.status = answer.status;
    result.type = answer.headers.get("Content-Type");
    result.body = await answer.text();
    await post([["topic", endTopic], ["data", "the end"]]);
};
"""


@pytest.fixture(name="driver", scope="module")
def fixture_driver():
    profile = tempfile.mkdtemp(prefix="fcgi-sse-")
    driver = start_chromium(
        profile, f"--host-resolver-rules=MAP {HOST} 127.0.0.1")
    driver.set_script_timeout(20)
    yield driver
    driver.quit()
    shutil.rmtree(profile, ignore_errors=True)


@pytest.fixture(name="talk", scope="module", params=FRONTS)
def fixture_talk(request, driver):
    site = Site(FRONTS[request.param])
    add_options(site.place)
    (site.place.dir / "htdocs" / "index.html").write_text("<p>A page.</p>")

    def talk(selectors, topics, **fields):
        form = [("topic", topic) for topic in topics] + list(fields.items())
        return driver.execute_async_script(
            TALK, "/.well-known/mercure", KEY, selectors, form,
            uuid.uuid4().hex)

    try:
        site.start()
        driver.get(f"http://{HOST}:{site.server.port}/")
        assert driver.execute_script("return isSecureContext") is False
        yield talk
    finally:
        site.stop()
    site.place.remove()


def check(talk, selectors, topics, is_received, **fields):
    """With {} in names replaced by what nobody else has."""
    mark = uuid.uuid4().hex
    selectors = [selector.replace("{}", mark) for selector in selectors]
    topics = [topic.replace("{}", mark) for topic in topics]
    name = f"id-{json.dumps(topics)}"
    data = "two lines\n\n        and some space before the last"
    found = talk(selectors, topics, id=name, data=data, **fields)
    assert (found["status"], found["body"]) == (200, name)
    assert found["type"].startswith("text/plain")
    assert found["event"] == (["message", name, data] if is_received
                              else None)


@pytest.mark.parametrize("selectors, topics", [
    (["{}"], ["{}"]),                           # a name
    (["{}"], ["first-{}", "{}"]),               # an alternate topic
    (["other", "{}"], ["{}"]),                  # several selectors
    ([BASE + "{}"], [BASE + "{}"]),             # a URI
    (["https://example.net/books/{id}"], [BASE + "{}"]),    # a URI template
], ids=str)
def test_what_matches_is_received(talk, selectors, topics):
    check(talk, selectors, topics, True)


@pytest.mark.parametrize("selectors, topics", [
    (["another name"], ["no such name}"]),
    ([BASE + "another"], [BASE + "none}"]),
    (["https://example.net/films/{id}"], [BASE + "none}"]),
], ids=str)
def test_what_does_not_match_is_not(talk, selectors, topics):
    check(talk, selectors, topics, False)


@pytest.mark.parametrize("selectors, topics", [
    (["{}"], ["{}"]), ([BASE + "{}"], [BASE + "{}"]),
    (["https://example.net/books/{id}"], [BASE + "{}"]),
], ids=str)
def test_what_is_private_is_for_nobody_without_a_token(talk, selectors,
                                                       topics):
    check(talk, selectors, topics, False, private="on")
