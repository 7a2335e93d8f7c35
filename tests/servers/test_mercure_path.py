"""The hub at /.well-known/mercure, on a high port, as a browser uses it: what
is published to a topic reaches those who subscribed to it, and nobody else.

Each web server is configured as doc/web-servers.md says. The page's host is no
localhost, so the browser sends no Sec-Fetch-Site: the page may publish since
its host and port are those of the request.

Each case of the Mercure project's own browser suites has one here. That of
version 0.x has eleven: a name, alternate topics, several selectors, a URI and
a URI template are received; another name, URI and template are not; a private
name, URI and template are not. That of version 1.0 has ten: the same without
alternate topics, by the parameters `match` and `match_urlpattern`, with a URL
pattern in place of the template. Each is published with a token of its
dialect, those of version 0.x also with a plain key.
"""

import json
import shutil
import sys
import tempfile
import uuid

import pytest

from mercure_path import FRONTS, add_keys
from responder import ROOT
from servers import Site
from test_hub import KEY, add_options
import tokens

sys.path.append(str(ROOT / "tests" / "browser"))

from page import start_chromium     # noqa: E402

HOST = "hub.test"
BASE = "https://example.net/books/"
HUB_PATH = "/.well-known/mercure"
OLD_KEYS = {"key": KEY, "token": tokens.old(publish=["*"], subscribe=["*"])}
NEW_TOKEN = tokens.new()


# Subscribes, publishes once the stream is open, and gives what came of it: the
# first message with that id, or null when one behind it has come before.
TALK = """
const [hub, key, selectors, form, endTopic, done] = arguments;
const url = new URL(hub, location);
for (const [parameter, selector] of selectors)
    url.searchParams.append(parameter, selector);
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
    add_keys(site.place)
    site.place.set_environ(FCGI_SSE_ANONYMOUS="yes")
    (site.place.dir / "htdocs" / "index.html").write_text("<p>A page.</p>")

    def talk(key, selectors, topics, **fields):
        end_topic = uuid.uuid4().hex
        exact = "topic" if selectors[0][0] == "topic" else "match"
        form = [("topic", topic) for topic in topics] + list(fields.items())
        return driver.execute_async_script(
            TALK, HUB_PATH, key, [*selectors, (exact, end_topic)], form,
            end_topic)

    with site:
        driver.get(f"http://{HOST}:{site.server.port}/")
        assert driver.execute_script("return isSecureContext") is False
        yield talk


def by_topic(selectors):
    return [("topic", selector) for selector in selectors]


def check(talk, key, selectors, topics, is_received, **fields):
    """With {} in names replaced by what nobody else has."""
    mark = uuid.uuid4().hex
    selectors = [(parameter, selector.replace("{}", mark))
                 for parameter, selector in selectors]
    topics = [topic.replace("{}", mark) for topic in topics]
    name = f"id-{json.dumps(topics)}"
    data = "two lines\n\n        and some space before the last"
    found = talk(key, selectors, topics, id=name, data=data, **fields)
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
@pytest.mark.parametrize("key", OLD_KEYS)
def test_what_matches_is_received(talk, key, selectors, topics):
    check(talk, OLD_KEYS[key], by_topic(selectors), topics, True)


@pytest.mark.parametrize("selectors, topics", [
    (["another name"], ["no such name}"]),
    ([BASE + "another"], [BASE + "none}"]),
    (["https://example.net/films/{id}"], [BASE + "none}"]),
], ids=str)
@pytest.mark.parametrize("key", OLD_KEYS)
def test_what_does_not_match_is_not(talk, key, selectors, topics):
    check(talk, OLD_KEYS[key], by_topic(selectors), topics, False)


@pytest.mark.parametrize("selectors, topics", [
    (["{}"], ["{}"]), ([BASE + "{}"], [BASE + "{}"]),
    (["https://example.net/books/{id}"], [BASE + "{}"]),
], ids=str)
@pytest.mark.parametrize("key", OLD_KEYS)
def test_what_is_private_is_for_nobody_without_a_token(talk, key, selectors,
                                                       topics):
    check(talk, OLD_KEYS[key], by_topic(selectors), topics, False,
          private="on")


@pytest.mark.parametrize("selectors, topic, is_received", [
    ([("match", "{}")], "{}", True),
    ([("match", "other"), ("match", "{}")], "{}", True),
    ([("match", BASE + "{}")], BASE + "{}", True),
    ([("match_urlpattern", BASE + ":id")], BASE + "{}", True),
    ([("match", "another name")], "no such name", False),
    ([("match", BASE + "another")], BASE + "none", False),
    ([("match_urlpattern", "https://example.net/films/:id")], BASE + "none",
     False),
], ids=str)
def test_version_1_matches(talk, selectors, topic, is_received):
    check(talk, NEW_TOKEN, selectors, [topic], is_received)


@pytest.mark.parametrize("selector, topic", [
    (("match", "{}"), "{}"),
    (("match", BASE + "{}"), BASE + "{}"),
    (("match_urlpattern", BASE + ":id"), BASE + "{}"),
], ids=str)
def test_version_1_keeps_private_what_is(talk, selector, topic):
    check(talk, NEW_TOKEN, [selector], [topic], False, private="on")
