"""The page says when events arrive late, and only then."""

from urllib.parse import urlsplit

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


def test_on_time(page, site):
    page.open(site.url)
    check_ontime(page)
    page.wait_ticks(4)
    assert page.states("delay")[-1] == "ontime"
    assert "late" not in page.states("delay")


def test_clocks_may_differ(page, site):
    added = page.driver.execute_cdp_cmd(
        "Page.addScriptToEvaluateOnNewDocument", {"source": OTHER_CLOCK})
    try:
        page.open(site.url)
        check_ontime(page)
    finally:
        page.driver.execute_cdp_cmd(
            "Page.removeScriptToEvaluateOnNewDocument", added)
    assert "late" not in page.states("delay")


def test_web_server_that_keeps_everything(page, start_site):
    site = start_site(is_buffering=True)
    page.open(site.url)
    check_late(page, "lighttpd")
    assert page.state("now") == "connecting"
    page.click("delay-link")
    assert page.driver.current_url == site.url + "web-servers#lighttpd"
    assert "server.stream-response-body = 2" in page.text("lighttpd")


def test_bursts_and_recovery(page, site):
    relay = site.start_relay()
    page.open(site.url)
    check_ontime(page)
    relay.hold_s = 2
    check_late(page, "lighttpd")
    assert "together" in page.text("delay-reason")
    relay.hold_s = 0
    check_ontime(page)


def test_silence_and_recovery(page, site):
    page.open(site.url)
    check_ontime(page)
    with site.responder.paused():
        # The responder answers nothing at all, so the server stays unnamed.
        check_late(page, "buffering")
        assert "three seconds" in page.text("delay-reason")
    check_ontime(page)


def test_hidden_page_judges_nothing(page, site):
    relay = site.start_relay()
    page.open(site.url)
    check_ontime(page)
    page.run(HIDE, True)
    relay.hold_s = 2
    before = len(page.log_lines())

    def messages():
        return [line for line in page.log_lines()[before:]
                if line[1:3] == ["stream", "message"]]

    page.wait(lambda: len(messages()) >= 5)
    relay.hold_s = 0
    page.wait_ticks(2)
    page.run(HIDE, False)
    page.wait_ticks(4)
    assert page.states("delay")[-1] == "ontime"
    assert "late" not in page.states("delay")
