"""The page behind lighttpd: clock, connection, counter, reader, console."""

import datetime
import re
import urllib.request

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


@pytest.mark.parametrize("mount", ["/", "/sse/"])
def test_clock_is_live_below_any_mount(page, start_site, mount):
    site = start_site(mount=mount)
    page.open(site.url)
    page.wait_state("now", "open")
    page.wait_ticks(3)
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
                == "default-src 'self'"


def test_counter_ends_and_does_not_restart(page, site):
    page.open(site.url)
    page.wait_state("counter", "ended")
    page.wait_state("counter", "stopped")
    assert page.states("counter")[-2:] == ["ended", "stopped"]
    assert page.find("counter-progress").get_attribute("value") == "10"
    assert page.text("counter-number") == "10"
    lines = [line for line in page.log_lines() if line[1] == "counter"]
    ids = [line[line.index("id:") + 1] for line in lines
           if line[2] == "message"]
    assert ids == NUMBERS
    # Ended by the server, asked for more by the browser, refused by 204.
    assert [line[2] for line in lines[-3:]] == ["end", "error", "error"]
    assert [line[-1] for line in lines[-2:]] == ["CONNECTING", "CLOSED"]
    page.wait_ticks(4)
    assert page.state("counter") == "stopped"
    assert page.text("counter-number") == "10"


def test_counter_restarts_by_its_button(page, site):
    page.open(site.url)
    page.wait_number("counter", 3)
    page.click("counter-restart")
    page.wait(lambda: page.number("counter") < 3)
    page.wait_state("counter", "stopped")
    assert page.text("counter-number") == "10"


def test_reader_ends(page, site):
    page.open(site.url)
    page.click("reader-start")
    page.wait_number("reader", 3)
    assert page.find("reader-cancel").is_enabled()
    page.wait_state("reader", "ended")
    assert page.find("reader-progress").get_attribute("value") == "10"
    assert [piece.text for piece in page.all("#reader-pieces li")] == NUMBERS
    assert page.text("reader-note") == "Ended, in 10 pieces."
    assert not page.find("reader-cancel").is_enabled()


def test_reader_is_cancelled_and_started_anew(page, site):
    page.open(site.url)
    page.click("reader-start")
    page.wait_number("reader", 2)
    page.click("reader-cancel")
    page.wait_state("reader", "failed")
    assert page.text("reader-note") == "Cancelled."
    assert page.driver.switch_to.active_element == page.find("reader-start")
    site.responder.wait_log("disconnect", path="/sse/counter",
                            reason="client-closed")
    page.click("reader-start")
    page.wait_number("reader", 3)
    page.click("reader-start")
    page.wait(lambda: page.number("reader") < 3)
    assert page.state("reader") == "running"


def test_console_lists_what_comes(page, site):
    page.open(site.url)
    page.wait_ticks(2)
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
    page.wait_ticks(2)
    page.click("log-pause")
    assert page.find("log-pause").get_attribute("aria-pressed") == "true"
    before = page.log_lines()
    page.wait_ticks(3)
    assert page.log_lines() == before
    page.click("log-pause")
    assert page.find("log-pause").get_attribute("aria-pressed") == "false"
    after = page.log_lines()
    assert after[:len(before)] == before and len(after) >= len(before) + 3
    page.click("log-clear")
    assert len(page.log_lines()) < len(before)
    count, last, below = page.run(FLOOD)
    assert count == 200
    assert last.endswith("data: 299")
    assert below < 2


def stop_responder(page, site):
    page.open(site.url)
    page.wait_ticks(2)
    site.responder.stop()
    page.wait_state("now", "reconnecting")
    assert page.text("state") == "Reconnecting"
    assert "attempt 1" in page.text("now-note")
    assert page.is_shown("retry")


def check_recovered(page):
    page.wait_state("now", "open", wait_s=30)
    assert "reconnected 1 ×" in page.text("now-note")
    assert not page.is_shown("retry")
    page.wait_ticks(2)
    # The network's failures are the browser's to report, nothing else is.
    assert {message["source"] for message in page.messages()} <= {"network"}


def test_recovers_by_itself(any_page, site):
    stop_responder(any_page, site)
    # The web server's 503 makes the browser give up.
    any_page.wait_state("now", "closed")
    assert any_page.is_shown("retry")
    assert any_page.text("state") == "Closed"
    any_page.wait(lambda: "closed" in any_page.states("now")[:-1])
    site.start_responder()
    check_recovered(any_page)
    assert any_page.state("counter") in ("failed", "stopped")


def test_reconnects_at_once_by_its_button(any_page, site):
    stop_responder(any_page, site)
    site.start_responder()
    any_page.click("retry")
    check_recovered(any_page)
    assert "closed" not in any_page.states("now")


def test_counter_goes_on_after_a_loss(any_page, site):
    any_page.open(site.url)
    any_page.wait_number("counter", 3)
    site.responder.stop()
    any_page.wait_state("counter", "lost")
    site.start_responder()
    any_page.wait_state("counter", "stopped")
    ids = [line[4] for line in any_page.log_lines()
           if line[1:3] == ["counter", "message"]]
    assert ids == NUMBERS


def test_no_more_than_three_streams_and_none_left_behind(page, site):
    page.open(site.url)
    page.click("reader-start")
    page.wait_number("reader", 2)
    opened = [int(line["open"]) for line in site.responder.log
              if line["event"] == "connect"]
    assert max(opened) == 3
    page.run("window.isKept = true")
    page.open(site.url + "web-servers")
    site.responder.wait_log("disconnect", count=3)
    # The browser has kept the page itself, which starts anew.
    page.driver.back()
    assert page.run("return window.isKept")
    page.wait_state("now", "open")
    page.wait_ticks(2)
    page.wait_state("counter", "running")
