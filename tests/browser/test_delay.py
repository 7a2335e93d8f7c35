"""The page says when events arrive late, and only then."""

from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest

LATE = "Your web server is buffering: events arrive late."

OTHER_CLOCK = """
const ServerDate = Date;
Date = class extends ServerDate {
    constructor(...given) {
        super(...(given.length ? given : [ServerDate.now() + 5400e3]));
    }
    static now() { return ServerDate.now() + 5400e3; }
};
"""

HIDE = """
Object.defineProperty(document, "hidden",
    { get: () => arguments[0], configurable: true });
document.dispatchEvent(new Event("visibilitychange"));
"""


def check_late(page, section):
    page.wait_state("delay", "late")
    assert page.text("delay-note") == LATE
    assert page.is_shown("delay-help")
    assert page.text("delay-reason")
    page.wait(lambda: urlsplit(page.find("delay-link")
                               .get_attribute("href")).fragment == section)


def check_ontime(page):
    page.wait_state("delay", "ontime")
    assert page.text("delay-note") == "Events arrive on time."
    assert not page.is_shown("delay-help")


@pytest.fixture(scope="module", autouse=True)
def pages(start_site, open_page):
    """Six pages, each before a site of its own, watched together: what has to
    be waited for is mostly the same. Three of them met good times first.
    """
    pages = SimpleNamespace(
        good=open_page(start_site().url),
        other_clock=open_page(start_site().url, OTHER_CLOCK),
        kept=open_page(start_site(is_buffering=True).url))
    for name in ("bursts", "hidden", "silent"):
        site = start_site()
        relay = site.start_relay()
        page = open_page(site.url)
        page.site, page.relay = site, relay
        setattr(pages, name, page)
    for page in (pages.bursts, pages.hidden, pages.silent):
        check_ontime(page)
    pages.hidden.run(HIDE, True)
    pages.hidden.relay.hold_s = pages.bursts.relay.hold_s = 2
    pages.hidden.line_count = len(pages.hidden.log_lines())
    return pages


@pytest.fixture(scope="module")
def recovering(pages):
    """Those who met bursts and silence, once they have said so and it is over.
    """
    with pages.silent.site.responder.paused():
        # The responder answers nothing at all, so the server stays unnamed.
        check_late(pages.silent, "buffering")
        assert "three seconds" in pages.silent.text("delay-reason")
        check_late(pages.bursts, "lighttpd")
        assert "together" in pages.bursts.text("delay-reason")
    pages.bursts.relay.hold_s = 0
    return [pages.silent, pages.bursts]


def test_bursts_and_silence_are_told(recovering):
    for page in recovering:
        states = page.states("delay")
        assert states.index("ontime") < states.index("late")


def test_hidden_page_judges_nothing(pages):
    page = pages.hidden

    def messages():
        return [line for line in page.log_lines()[page.line_count:]
                if line[1:3] == ["stream", "message"]]

    page.wait(lambda: len(messages()) >= 5)
    page.relay.hold_s = 0
    page.wait_ticks(1)
    page.run(HIDE, False)
    page.wait_ticks(4)
    assert page.states("delay")[-1] == "ontime"
    assert "late" not in page.states("delay")
    page.check_quiet()


def test_on_time_again(recovering):
    for page in recovering:
        check_ontime(page)
        page.check_quiet()


@pytest.mark.parametrize("name", ["good", "other_clock"])
def test_on_time(pages, name):
    page = getattr(pages, name)
    check_ontime(page)
    assert "late" not in page.states("delay")
    page.check_quiet()


def test_web_server_that_keeps_everything(pages):
    page = pages.kept
    check_late(page, "lighttpd")
    assert page.state("now") == "connecting"
    url = page.driver.current_url
    page.click("delay-link")
    assert page.driver.current_url == url + "web-servers#lighttpd"
    assert "server.stream-response-body = 2" in page.text("lighttpd")
    page.check_quiet()
