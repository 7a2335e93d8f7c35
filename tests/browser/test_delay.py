"""The page says when events arrive late, and only then."""

import re
import urllib.request
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest

from responder import ROOT

LATE = "Your web server is buffering: events arrive late."

# An event of each second, held for so long: most of them come two together, and
# no two are three seconds apart, which would be silence.
BURST_S = 1.7

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
    assert page.text("delay-finding") == "late-events"
    page.wait(lambda: urlsplit(page.find("delay-link")
                               .get_attribute("href")).fragment == section)


def check_bursts(page):
    """The page says that events came together. Where the machine itself kept
    it from them for three seconds it speaks of silence: it is on time again
    first, then it meets bursts anew.
    """
    for _ in range(5):
        page.relay.hold_s = BURST_S
        check_late(page, "lighttpd")
        if "together" in page.text("delay-reason"):
            return
        page.relay.hold_s = 0
        check_ontime(page)
    raise AssertionError(page.text("delay-reason"))


def check_ontime(page):
    page.wait_state("delay", "ontime")
    assert page.text("delay-note") == "Events arrive on time."
    assert not page.is_shown("delay-help")


@pytest.fixture(scope="module", autouse=True)
def pages(start_site, open_page):
    """Nine pages, each before a site of its own, watched together: what has
    to be waited for is mostly the same. Four of them met good times first.
    """
    cut = start_site()
    cut.start_relay().cut_s = 4.5
    pages = SimpleNamespace(
        cut=open_page(cut.url),
        ended=open_page(start_site("--stream-lifetime", "4s").url),
        good=open_page(start_site().url),
        other_clock=open_page(start_site().url, OTHER_CLOCK),
        kept=open_page(start_site(is_buffering=True).url))
    for name in ("bursts", "hidden", "once", "silent"):
        site = start_site()
        relay = site.start_relay()
        page = open_page(site.url)
        page.site, page.relay = site, relay
        setattr(pages, name, page)
    for page in (pages.bursts, pages.hidden, pages.once, pages.silent):
        check_ontime(page)
    pages.hidden.run(HIDE, True)
    pages.hidden.relay.hold_s = pages.bursts.relay.hold_s = BURST_S
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
        # Nobody is there to say what the doctor advises.
        assert pages.silent.text("delay-advice") == ""
        check_bursts(pages.bursts)
    pages.bursts.relay.hold_s = 0
    return [pages.silent, pages.bursts]


def test_one_burst_is_no_buffering(pages):
    page = pages.once
    page.relay.hold_s = 60
    pages.good.wait_ticks(2)
    page.relay.hold_s = 0
    page.wait_ticks(4)
    assert "together" not in page.text("delay-reason")
    page.check_quiet()


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


def advice(check, front):
    """What the doctor would say, as its own table has it."""
    text = (ROOT / "src" / "tool" / "advice.def").read_text()
    found = re.findall(rf'^ADVICE\({check}, {front}, "((?:[^"\\]|\\.)*)",'
                       r'\s+((?:"(?:[^"\\]|\\.)*"\s*)+)\)$', text, re.M)
    assert found
    return [(directive, re.sub(r'"\s*"', "", where.strip())[1:-1])
            for directive, where in found]


def check_advice(page, word, check, front, name):
    """The doctor's word, its lines, and a link to the word's row."""
    wanted = " ".join(f"{name}{directive}, {where}."
                      for directive, where in advice(check, front))
    page.wait(lambda: page.text("delay-advice") == wanted)
    assert page.text("delay-finding") == word
    link = page.find("delay-finding").get_attribute("href")
    assert link.endswith(f"/web-servers#{word}")


def test_table_of_the_doctor_is_served(pages):
    """Each row of the doctor's table, below its word."""
    text = (ROOT / "src" / "tool" / "advice.def").read_text()
    checks = re.findall(r"^ADVICE\((\w+), (\w+),\s", text, re.M)
    url = pages.good.driver.current_url + "web-servers"
    with urllib.request.urlopen(url) as answer:
        html = answer.read().decode()
    served = []
    for word, rows in re.findall(
            r'<h3 id="([\w-]+)"><code>\1</code></h3>\s*<ul>(.*?)</ul>',
            html, re.S):
        fronts = re.findall(r'<li data-front="([\w-]+)">', rows)
        served += [(word, front) for front in fronts]
    assert served == [
        tuple(part.lower().replace("_", "-") for part in pair)
        for pair in checks]


def test_stream_that_is_cut(pages):
    """Twice after the same time: the page says so in the doctor's words."""
    page = pages.cut
    page.wait(lambda: "cut" in page.states("delay"), 60)
    page.wait_state("delay", "cut")
    assert page.text("delay-note") == "Something cuts the event stream."
    assert page.is_shown("delay-doctor") and page.is_shown("delay-help")
    assert not page.is_shown("delay-link")
    check_advice(page, "cut", "CUT", "UNKNOWN", "")


def test_lifetime_is_no_cut(pages):
    """What the option stream-lifetime ends is as it should be."""
    page = pages.ended
    page.wait(lambda: page.run("return connection.losses") >= 2)
    assert "cut" not in page.states("delay")


def test_stream_that_is_refused(start_site, open_page):
    site = start_site("--max-streams", "1", "--drain-spread", "1s")
    with urllib.request.urlopen(site.url + "clock") as held:
        assert held.readline().startswith(b"data")
        page = open_page(site.url)
        page.wait_state("delay", "refused")
        assert page.text("delay-reason") == "It says: too many streams."
        check_advice(page, "refused-streams", "REFUSED_STREAMS", "UNKNOWN", "")


def test_web_server_that_keeps_everything(pages):
    page = pages.kept
    check_late(page, "lighttpd")
    check_advice(page, "late-events", "LATE_EVENTS", "LIGHTTPD", "lighttpd: ")
    assert page.state("now") == "connecting"
    url = page.driver.current_url
    page.click("delay-link")
    assert page.driver.current_url == url + "web-servers#lighttpd"
    assert "server.stream-response-body = 2" in page.text("lighttpd")
    page.check_quiet()
