"""The page behind lighttpd: clock, connection, counter, reader, console."""

import datetime
import re
from types import SimpleNamespace
import urllib.request
from urllib.parse import urlsplit

import pytest

# Many events at once: how many lines are kept, the last one, and how much of
# the console is below what is seen.
FLOOD = """
const log = document.getElementById("log");
for (let i = 0; i < 300; i++)
    connection.source.dispatchEvent(
        new MessageEvent("connecttime", { data: i }));
return [log.childElementCount, log.lastElementChild.textContent,
    log.scrollHeight - log.scrollTop - log.clientHeight];
"""
NUMBERS = [str(number) for number in range(1, 11)]


@pytest.fixture(scope="module", autouse=True)
def pages(start_site, open_page):
    """Four pages whose counters go on while the other tests run: one is left
    alone, with its reader, one is restarted, one loses the responder for a
    moment and one for long. Each is before a site of its own.
    """
    sites = SimpleNamespace(
        alone=start_site(), restarted=start_site(mount="/"),
        lost=start_site(), abandoned=start_site("--drain-spread", "0"))
    sites.lost.start_relay()
    pages = SimpleNamespace()
    for name, site in vars(sites).items():
        page = open_page(site.url)
        page.site = site
        setattr(pages, name, page)
    pages.alone.click("reader-start")
    for page in (pages.restarted, pages.lost):
        page.wait_number("counter", 3)
    pages.restarted.click("counter-restart")
    pages.restarted.wait(lambda: pages.restarted.number("counter") < 3)
    sites.lost.relay.drop()
    sites.lost.responder.stop()
    sites.lost.start_responder()
    sites.abandoned.responder.stop()
    return pages


@pytest.mark.parametrize("name, mount",
                         [("alone", "/sse/"), ("restarted", "/")])
def test_clock_is_live_below_any_mount(pages, name, mount):
    page = getattr(pages, name)
    site = page.site
    assert urlsplit(site.url).path == mount
    page.wait_state("now", "open")
    page.wait_ticks(1)
    hours, minutes, seconds = map(int, page.text("clock").split(":"))
    shown = datetime.timedelta(hours=hours, minutes=minutes, seconds=seconds)
    now = page.run("const now = new Date(); return now.getHours() * 3600"
                   " + now.getMinutes() * 60 + now.getSeconds()")
    assert (now - shown.total_seconds()) % 86400 <= 2
    assert str(datetime.date.today().year) in page.text("date")
    assert page.text("curl-url") == site.url + "clock"
    loaded = page.run("return performance.getEntriesByType('resource')"
                      ".map((entry) => entry.name)")
    assert {site.url + name for name in ("page.css", "page.js", "icon.svg")} \
        <= set(loaded)
    assert all(name.startswith(site.url) for name in loaded)


def test_page_without_its_slash(page, site):
    page.open(site.url[:-1])
    assert page.driver.current_url == site.url
    page.wait_state("now", "open")


def check_recovered(page):
    page.wait_state("now", "open", wait_s=30)
    assert "reconnected 1 ×" in page.text("now-note")
    assert not page.is_shown("retry")
    page.wait_ticks(1)
    # The network's failures are the browser's to report, nothing else is.
    assert {message["source"] for message in page.messages()} <= {"network"}


@pytest.fixture(scope="module")
def returned(pages):
    """The page that has lost the responder, once that is back."""
    page = pages.abandoned
    # The web server's 503 makes the browser give up.
    page.wait_state("now", "closed")
    assert page.is_shown("retry")
    assert page.text("state") == "Closed"
    page.wait(lambda: "closed" in page.states("now")[:-1])
    page.site.start_responder()
    return page


def test_loss_is_told(returned):
    states = returned.states("now")
    assert states.index("reconnecting") < states.index("closed")


@pytest.mark.parametrize("name, content_type", [
    ("", "text/html; charset=utf-8"),
    ("page.css", "text/css; charset=utf-8"),
    ("page.js", "text/javascript; charset=utf-8"),
    ("icon.svg", "image/svg+xml"),
    ("web-servers", "text/html; charset=utf-8")])
def test_heads_of_the_files(site, name, content_type):
    with urllib.request.urlopen(site.url + name) as answer:
        assert answer.headers["Content-Type"] == content_type
        if content_type.startswith("text/html"):
            assert answer.headers["Content-Security-Policy"] \
                == ("default-src 'self'; frame-ancestors 'self'; "
                    "base-uri 'none'; form-action 'self'")


def test_reader_is_cancelled_and_started_anew(page, start_site):
    site = start_site()
    page.open(site.url)
    page.click("reader-start")
    page.wait_number("reader", 1)
    page.click("reader-cancel")
    page.wait_state("reader", "failed")
    assert page.text("reader-note") == "Cancelled."
    assert page.driver.switch_to.active_element == page.find("reader-start")
    site.responder.wait_log("disconnect", path="/sse/counter",
                            reason="client-closed")
    page.click("reader-start")
    page.wait_number("reader", 2)
    page.click("reader-start")
    page.wait(lambda: page.number("reader") < 2)
    assert page.state("reader") == "running"


def test_console_lists_what_comes(page, site):
    page.open(site.url)
    page.wait(lambda: sum(line[1] == "stream"
                          for line in page.log_lines()) >= 4)
    lines = [line for line in page.log_lines() if line[1] == "stream"]
    assert [line[2] for line in lines[:4]] \
        == ["open", "connecttime", "message", "message"]
    assert all(re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3}", line[0])
               for line in lines)
    year = str(datetime.date.today().year)
    assert lines[1][3] == lines[2][3] == "data:"
    assert year in lines[1] and year in lines[2]


def test_console_pauses_clears_and_is_limited(page, site):
    page.open(site.url)
    page.wait_ticks(1)
    page.click("log-pause")
    assert page.find("log-pause").get_attribute("aria-pressed") == "true"
    before = page.log_lines()
    page.wait_ticks(1)
    assert page.log_lines() == before
    page.click("log-pause")
    assert page.find("log-pause").get_attribute("aria-pressed") == "false"
    after = page.log_lines()
    assert after[:len(before)] == before and len(after) > len(before)
    page.click("log-clear")
    assert len(page.log_lines()) < len(before)
    count, last, below = page.run(FLOOD)
    assert count == 200
    assert last.endswith("data: 299")
    assert below < 2


def test_no_more_than_four_streams_and_none_left_behind(page, start_site):
    # An idle stream's loss is noticed at its heartbeat.
    site = start_site("--heartbeat", "1s")
    page.open(site.url)
    page.click("reader-start")
    page.wait_number("reader", 1)
    opened = [int(line["open"]) for line in site.responder.log
              if line["event"] == "connect"]
    assert max(opened) == 4
    page.run("window.isKept = true")
    page.open(site.url + "web-servers")
    site.responder.wait_log("disconnect", count=4)
    # The browser has kept the page itself, which starts anew.
    page.driver.back()
    assert page.run("return window.isKept")
    page.wait_state("now", "open")
    page.wait_ticks(1)
    page.wait_state("counter", "running")


def test_reconnects_at_once_by_its_button(any_page, start_site):
    site = start_site()
    relay = site.start_relay()
    any_page.open(site.url)
    any_page.wait_ticks(1)
    relay.drop()
    site.responder.stop()
    any_page.wait_state("now", "reconnecting")
    assert any_page.text("state") == "Reconnecting"
    assert "attempt 1" in any_page.text("now-note")
    assert any_page.is_shown("retry")
    site.start_responder()
    any_page.click("retry")
    check_recovered(any_page)
    assert "closed" not in any_page.states("now")


def check_counted(page):
    """The counter has come to its end, and stays there."""
    page.wait_state("counter", "stopped")
    assert page.states("counter")[-2:] == ["ended", "stopped"]
    assert page.find("counter-progress").get_attribute("value") == "10"
    assert page.text("counter-number") == "10"
    assert page.text("counter-note") \
        == "Ended at 10. The browser asked again, and stopped."


def test_counter_goes_on_after_a_loss(pages):
    check_counted(pages.lost)
    assert "lost" in pages.lost.states("counter")
    ids = [line[4] for line in pages.lost.log_lines()
           if line[1:3] == ["counter", "message"]]
    assert ids == NUMBERS


def test_counter_ends_and_does_not_restart(pages):
    page = pages.alone
    check_counted(page)
    lines = [line for line in page.log_lines() if line[1] == "counter"]
    ids = [line[line.index("id:") + 1] for line in lines
           if line[2] == "message"]
    assert ids == NUMBERS
    # Ended by the server, asked for more by the browser, refused by 204.
    assert [line[2] for line in lines[-3:]] == ["end", "error", "error"]
    assert [line[-1] for line in lines[-2:]] == ["CONNECTING", "CLOSED"]
    page.wait_ticks(2)
    check_counted(page)


def test_counter_restarts_by_its_button(pages):
    check_counted(pages.restarted)
    pages.restarted.check_quiet()


def test_reader_ends(pages):
    page = pages.alone
    page.wait_state("reader", "ended")
    assert page.find("reader-progress").get_attribute("value") == "10"
    assert [piece.text for piece in page.all("#reader-pieces li")] == NUMBERS
    assert page.text("reader-note") == "Ended, in 10 pieces."
    assert not page.find("reader-cancel").is_enabled()
    page.check_quiet()


def test_recovers_by_itself(returned):
    check_recovered(returned)
    assert returned.state("counter") in ("failed", "stopped")
