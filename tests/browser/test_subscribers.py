"""The list of subscribers: what the page shows of it, live, and what it says
where it may not see it, or where nobody can.
"""

import contextlib
import http.client
import itertools
import shlex
import urllib.parse

import pytest
from selenium.webdriver.common.keys import Keys

import responder
import tokens
from sites import Site
from test_access import LOW_CONTRASTS

MARKUP = "<img src=x onerror=alert(1)>"
TOPIC = "https://e.example/a b?ü={x}&y"
BELOW = f"{tokens.HUB_PATH}/subscriptions"
HIDDEN_LATER = 3

CGI = """
server.modules += ( "mod_alias", "mod_cgi" )
$HTTP["url"] =~ "^/sse(/|$)" {{
    server.stream-response-body = 2
    alias.url = ( "/sse" => "{script}" )
    cgi.assign = ( "" => "" )
}}
"""


class CgiSite(Site):
    """A process for each request."""

    def start_responder(self):
        values = {"FCGI_SSE_SUBSCRIPTIONS": "both",
                  "FCGI_SSE_ANONYMOUS": "yes",
                  "FCGI_SSE_LOG": f"{self.dir}/log",
                  "XDG_STATE_HOME": str(self.dir)}
        self.script = self.dir / "fcgi-sse"
        self.script.write_text("#!/bin/sh\n" + "".join(
            f"export {name}={shlex.quote(value)}\n"
            for name, value in values.items())
            + f"exec {shlex.quote(responder.BINARY)}\n")
        self.script.chmod(0o755)

    def conf(self):
        text = super().conf()
        begin = text.index("server.modules")
        return text[:begin] + CGI.format(script=self.script)


class Hub:
    """A site that announces in these shapes, and who subscribes there."""

    def __init__(self, start_site, directory, mode):
        self.site = start_site(
            *tokens.key_args(directory), "--anonymous", "yes",
            "--subscriptions", mode, "--heartbeat", "1s",
            "--drain-spread", "0")
        self.url = self.site.url
        self.hosts = itertools.count(2)

    def subscribe(self, topic, name="topic", payload=None):
        """A stream, which ends when it is closed."""
        token = tokens.sign({"alg": "HS256", "typ": "JWT"}, {"mercure": {
            "subscribe": [], **({"payload": payload} if payload else {})}})
        # What one client does is announced once a second.
        client = http.client.HTTPConnection(
            "127.0.0.1", self.site.port, timeout=20,
            source_address=(f"127.0.0.{next(self.hosts)}", 0))
        client.request("GET", "/sse/events?" + urllib.parse.urlencode(
            {name: topic}), headers={"Authorization": f"Bearer {token}"})
        answer = client.getresponse()
        assert answer.status == 200
        return contextlib.closing(_Stream(client, answer))


class _Stream:
    def __init__(self, client, answer):
        self.client = client
        self.answer = answer

    def close(self):
        self.answer.close()
        self.client.close()


@pytest.fixture(name="hubs", scope="module")
def fixture_hubs(start_site, tmp_path_factory):
    """Gives the hub that announces in these shapes."""
    hubs = {}

    def get(mode):
        if mode not in hubs:
            hubs[mode] = Hub(start_site, tmp_path_factory.mktemp("keys"),
                             mode)
        return hubs[mode]
    return get


@pytest.fixture(name="panel")
def fixture_panel(any_page):
    """Its console has the refusals, and nothing else."""
    yield any_page
    if any_page.driver.current_url.startswith("http"):
        assert any_page.run("return window.violations") == []
        assert {message["source"] for message in any_page.messages()} \
            <= {"network"}


def watch(page, hub, token, topic=TOPIC):
    page.open(hub.url)
    page.run("[$('publish-topic').value, $('publish-key').value] = arguments",
             topic, token)
    page.click("subscribers-watch")


def texts(page):
    return page.run("return Array.from(document.querySelectorAll("
                    "'#subscribers-list li'), (line) => Array.from("
                    "line.children, (part) => part.textContent))")


def wait_count(page, count, topic=TOPIC):
    note = f"Subscribers of {topic}: {count or 'none'}."
    page.wait(lambda: page.text("subscribers-note") == note)
    page.wait(lambda: len(texts(page)) == count)


def wait_failed(page, line):
    page.wait_state("subscribers", "failed")
    assert page.text("subscribers-note") == line
    assert page.find("subscribers-watch").get_attribute("aria-pressed") \
        == "false"
    assert not page.is_shown("subscribers-list")


def may_all(make):
    return make(subscribe=["*"]) if make is tokens.old else make()


@pytest.mark.parametrize("mode, make", [
    ("0.x", tokens.new), ("1.0", tokens.old), ("both", tokens.old),
    ("both", tokens.new)])
def test_list_and_what_follows(panel, hubs, mode, make):
    """In both shapes, whichever dialect the token is of."""
    hub = hubs(mode)
    topic = TOPIC.replace("{x}", "x")   # draft 08 does not name a template
    name = "match" if mode == "1.0" else "topic"
    with hub.subscribe(topic, name, {"name": MARKUP}) as first:
        watch(panel, hub, may_all(make), topic)
        wait_count(panel, 1, topic)
        [[first_id, payload]] = texts(panel)
        assert first_id.startswith("urn:uuid:")
        assert payload == f'{{"name":"{MARKUP}"}}'
        assert panel.all("#subscribers img") == []
        assert panel.is_shown("subscribers-list")
        with hub.subscribe(topic, name), \
                hub.subscribe(topic + "/other", name):
            wait_count(panel, 2, topic)
            assert texts(panel)[0][0] == first_id
            assert len(texts(panel)[1]) == 1
            first.close()
            panel.wait(lambda: len(texts(panel)) == 1)
            assert texts(panel)[0][0] != first_id
        wait_count(panel, 0, topic)
    assert not panel.is_shown("subscribers-list")
    panel.click("subscribers-watch")
    panel.wait_state("subscribers", "idle")
    panel.check_quiet()


def test_a_template_is_a_topic_too(panel, hubs):
    hub = hubs("0.x")
    with hub.subscribe(TOPIC):
        watch(panel, hub, tokens.old(subscribe=[
            f"{BELOW}/{urllib.parse.quote(TOPIC, '')}{{/who}}"]))
        wait_count(panel, 1)


def test_who_may_not_see_it(panel, hubs):
    hub = hubs("both")
    watch(panel, hub, tokens.old(subscribe=[TOPIC]))
    wait_failed(panel, "This token may not see the subscribers of the topic. "
                "403 Forbidden: the token does not allow to subscribe to "
                "this path")
    assert panel.run("return getComputedStyle($('subscribers-note')).color") \
        != panel.run("return getComputedStyle($('publish-note')).color")
    watch(panel, hub, tokens.old(subscribe=["*"],
                                 secret=tokens.OTHER_SECRET))
    panel.wait_state("subscribers", "failed")
    assert panel.text("subscribers-note").startswith(
        "Only a token may see the subscribers. 401 Unauthorized: the token "
        "is not"
        " valid")
    watch(panel, hub, "")
    panel.wait_state("subscribers", "failed")
    assert panel.text("subscribers-note").startswith(
        "Only a token may see the subscribers. 401 Unauthorized: ")
    watch(panel, hub, may_all(tokens.old), "")
    wait_failed(panel, "The field Topic is empty.")


def test_where_it_is_off(panel, hubs):
    watch(panel, hubs("no"), may_all(tokens.old))
    wait_failed(panel, "The server does not list subscribers. 404 Not Found: "
                "the option subscriptions is off")


def test_where_each_stream_is_a_process(panel):
    site = CgiSite()
    try:
        site.start_responder()
        site.start_lighttpd()
        watch(panel, site, may_all(tokens.old))
        panel.wait_state("subscribers", "failed")
        assert panel.text("subscribers-note").startswith(
            "The server cannot know the subscribers. 501 Not Implemented: ")
        panel.open("about:blank")
    finally:
        site.stop()


def test_token_that_ends_meanwhile(panel, hubs):
    hub = hubs("both")
    watch(panel, hub, tokens.old(subscribe=["*"], exp=tokens.soon(4)))
    wait_count(panel, 0)
    panel.wait_state("subscribers", "failed")
    assert panel.text("subscribers-note").startswith(
        "Only a token may see the subscribers. 401 Unauthorized: ")
    states = panel.states("subscribers")
    assert states[-1] == "failed" and "reconnecting" in states


def test_server_that_begins_anew(panel, start_site, tmp_path):
    """It knows nothing of those who were there, and nobody is shown twice."""
    hub = Hub(start_site, tmp_path, "0.x")
    with hub.subscribe(TOPIC):
        watch(panel, hub, may_all(tokens.old))
        wait_count(panel, 1)
        hub.site.responder.stop()
        panel.wait_state("subscribers", "reconnecting")
        assert "next attempt in" in panel.text("subscribers-note")
    hub.site.start_responder()
    wait_count(panel, 0)
    with hub.subscribe(TOPIC):
        wait_count(panel, 1)


def test_another_topic_and_another_visit(panel, hubs):
    hub = hubs("0.x")
    with hub.subscribe(TOPIC), hub.subscribe("another"), \
            hub.subscribe("another"):
        watch(panel, hub, may_all(tokens.old))
        wait_count(panel, 1)
        panel.find("publish-topic").send_keys(Keys.CONTROL + "a")
        panel.find("publish-topic").send_keys("another", Keys.TAB)
        wait_count(panel, 2, "another")
        # The key is not kept for who comes back, and neither is the list.
        panel.open(hub.url + "web-servers")
        panel.driver.back()
        panel.wait(lambda: panel.state("subscribers") == "idle")
        assert texts(panel) == []


def test_by_keyboard(panel, hubs):
    hub = hubs("0.x")
    with hub.subscribe(TOPIC):
        panel.open(hub.url)
        panel.run("[$('publish-topic').value, $('publish-key').value] ="
                  " arguments", TOPIC, may_all(tokens.old))
        button = panel.find("subscribers-watch")
        button.send_keys(Keys.ENTER)
        wait_count(panel, 1)
        assert button.get_attribute("aria-pressed") == "true"
        button.send_keys(Keys.TAB)
        focused = panel.driver.switch_to.active_element
        assert focused.get_attribute("id") == "subscribers-list"
        assert focused.value_of_css_property("outline-style") != "none"
        assert panel.find("subscribers-note").aria_role == "status"
        assert panel.find("subscribers-list").aria_role == "list"
        assert panel.find("subscribers-list").accessible_name == "Subscribers"
        button.send_keys(Keys.SPACE)
        assert panel.state("subscribers") == "idle"
        assert button.get_attribute("aria-pressed") == "false"


def test_in_the_dark_and_on_a_phone(panel, hubs):
    hub = hubs("0.x")
    panel.emulate(prefers_reduced_motion="reduce")
    with hub.subscribe(TOPIC, payload={"name": "x" * 300}):
        for token, state in [(may_all(tokens.old), "open"), ("x", "failed")]:
            watch(panel, hub, token)
            panel.wait_state("subscribers", state)
            for scheme in ("light", "dark"):
                panel.emulate(prefers_color_scheme=scheme)
                assert panel.run(LOW_CONTRASTS) == []
            panel.resize(320, 740)
            assert panel.run(
                "return document.documentElement.scrollWidth") <= 320


def test_many_are_counted_and_some_are_shown(panel, hubs):
    hub = hubs("0.x")
    watch(panel, hub, may_all(tokens.old))
    wait_count(panel, 0)
    rows_max = panel.run("return SUBSCRIBERS_ROWS_MAX")
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(hub.subscribe(TOPIC))
                   for _ in range(rows_max + HIDDEN_LATER)]
        note = f"Subscribers of {TOPIC}: {len(streams)}."
        panel.wait(lambda: panel.text("subscribers-note") == note)
        assert len(texts(panel)) == rows_max
        assert panel.text("subscribers-more") == f"And {HIDDEN_LATER} more."
        assert panel.is_shown("subscribers-more")
        for stream in streams[:HIDDEN_LATER]:
            stream.close()
        wait_count(panel, rows_max)
        assert not panel.is_shown("subscribers-more")
