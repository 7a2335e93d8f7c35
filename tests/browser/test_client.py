"""client.js in tabs of Chromium that are closed, crashed, frozen and taken
elsewhere, before a web server that fails: no event is missed or doubled.
"""

import contextlib
import itertools
import pathlib
import shutil
import time
import urllib.parse
import urllib.request

import pytest
from selenium.common.exceptions import WebDriverException

from responder import wait_past_ms, wait_until

PAGES = pathlib.Path(__file__).resolve().parent / "pages"
KEY = "s3same"
HEARTBEAT_MS = 1000

# A page that soon computes, and hears nothing meanwhile. The driver cannot ask
# it either, so when it was busy is asked afterwards.
BUSY_MS = 6 * HEARTBEAT_MS
BUSY = """
const [ms] = arguments;
setTimeout(() => {
    window.busy_from = Date.now();
    while (Date.now() < busy_from + ms);
}, 300);
"""


class Topic:
    """A topic at the site, and the tabs that listen to it."""

    def __init__(self, site, open_page, name):
        self.site = site
        self.open_page = open_page
        self.name = name
        self.count = 0
        self.tabs = []

    def url(self, **query):
        root = self.site.url.removesuffix(self.site.mount)
        return f"{root}/tab.html?" + urllib.parse.urlencode(
            {"topic": self.name, "heartbeat": HEARTBEAT_MS, **query})

    def open_tab(self, **query):
        tab = self.open_page(self.url(**query))
        tab.began = self.count
        wait_until(lambda: "open" in tab.run("return window.states ?? []"),
                   "the tab is open")
        self.tabs.append(tab)
        return tab

    def publish(self, count=3):
        for _ in range(count):
            self.site.publish(KEY, topic=self.name, data=str(self.count))
            self.count += 1

    def stream_count(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.site.port}"
                                    "/sse/metrics") as answer:
            return int(answer.read().decode().split(
                "\nfcgi_sse_streams_open ")[1].split()[0])

    def wait_read(self, tabs=None):
        """Each tab has all events since it was opened, once and in order."""
        for tab in self.tabs if tabs is None else tabs:
            wanted = [str(n) for n in range(tab.began, self.count)]
            wait_until(lambda: len(self.got(tab)) >= len(wanted),
                       "the tab has all events", 20)
            assert self.got(tab) == wanted

    @staticmethod
    def got(tab):
        return tab.run("return got.map(([data]) => data)")

    def leader(self):
        """The tab that has the stream: any, where a worker has it."""
        return max(self.tabs, key=lambda tab: tab.run("return fetched"))

    def close(self, tab):
        self.tabs.remove(tab)
        tab.close()


@pytest.fixture(name="topic")
def fixture_topic(start_site, open_page, tmp_path):
    """One at a site of its own, whose tabs are closed after the test."""
    keys = tmp_path / "keys"
    keys.write_text(KEY + "\n")
    keys.chmod(0o600)
    site = start_site("--heartbeat=1s", f"--publish-key-file={keys}")
    shutil.copy(PAGES / "tab.html", site.dir)
    topic = Topic(site, open_page, "t")
    yield topic
    for tab in topic.tabs:
        tab.open("about:blank")


def crash(tab):
    """Its process ends, as if it had no memory left."""
    with contextlib.suppress(WebDriverException):
        tab.driver.execute_cdp_cmd("Page.crash", {})
    tab.driver.close()
    tab.browser.at(tab.browser.first_window)


def set_frozen(tab, is_frozen):
    tab.driver.execute_cdp_cmd("Page.setWebLifecycleState", {
        "state": "frozen" if is_frozen else "active"})


@pytest.mark.parametrize("way", ["worker", "lock"])
def test_leading_tab_is_closed_frozen_crashed_and_busy(topic, way):
    for _ in range(4):
        topic.open_tab(way=way)
    assert topic.stream_count() == 1
    topic.publish()
    topic.wait_read()
    topic.close(topic.leader())
    topic.publish()
    topic.wait_read()
    frozen = topic.leader()
    set_frozen(frozen, True)
    topic.publish()
    topic.wait_read([tab for tab in topic.tabs if tab is not frozen])
    set_frozen(frozen, False)
    topic.publish()
    topic.wait_read()
    crashed = topic.leader()
    crash(crashed)
    topic.tabs.remove(crashed)
    topic.publish()
    topic.wait_read()
    # Another takes the place of one that says nothing, before it is back.
    busy = topic.leader()
    [other] = [tab for tab in topic.tabs if tab is not busy]
    busy.run(BUSY, BUSY_MS)
    wait_past_ms(600)
    topic.publish()
    published_ms = 1000 * time.time()
    topic.wait_read()
    busy_from_ms = busy.run("return busy_from")
    assert busy_from_ms < published_ms
    assert other.run("return got.at(-1)[2]") < busy_from_ms + BUSY_MS
    wait_until(lambda: topic.stream_count() == 1, "one stream is left")


HUNDRED = """
const [url] = arguments;
window.others = Array.from({ length: 99 }, () => window.open(url));
"""

# What the others have received, or null where they are not open yet.
OTHERS = """
return others.map((tab) =>
    tab.states?.includes("open") ? tab.got.map(([data]) => data) : null);
"""


@pytest.mark.parametrize("way", ["worker", "lock"])
def test_a_hundred_tabs_hold_one_stream(topic, way):
    # While so many are opened at once, none has to answer soon.
    query = {"way": way, "heartbeat": 15000}
    first = topic.open_tab(**query)
    first.run(HUNDRED, topic.url(**query))
    try:
        wait_until(lambda: None not in first.run(OTHERS), "all are open", 60)
        wait_until(lambda: topic.stream_count() == 1, "one stream", 60)
        topic.publish()
        wanted = [[str(n) for n in range(topic.count)]] * 99
        wait_until(lambda: first.run(OTHERS) == wanted, "all have it", 60)
        topic.wait_read()
        wait_until(lambda: topic.stream_count() == 1, "still one stream")
    finally:
        first.run("others.forEach((tab) => tab.close())")


def refuse(status):
    return (f"HTTP/1.1 {status} Refused\r\nContent-Length: 0\r\n"
            "Connection: close\r\n\r\n").encode()


def test_comes_back_from_refusals_with_a_new_token(topic):
    """EventSource gives up at each, and at the 401 before."""
    relay = topic.site.start_relay()
    bearers = []
    statuses = itertools.cycle([502, 503])

    def refusal(head):
        if b" /sse/events?" not in head.split(b"\r\n", 1)[0]:
            return None
        bearers.append(head.partition(b"\r\nAuthorization: Bearer ")[2]
                       .partition(b"\r\n")[0])
        if bearers[-1] == b"t1":
            return refuse(401)
        return refuse(next(statuses)) if is_down else None

    is_down = False
    relay.refusal = refusal
    tab = topic.open_tab(way="itself", token="yes")
    assert tab.run("return asked") == [False, True]
    assert bearers == [b"t1", b"t2"]
    topic.publish()
    topic.wait_read()
    tab.run("states.length = 0")
    is_down = True
    relay.drop()
    topic.publish()
    wait_until(lambda: "down" in tab.run("return states"), "down", 20)
    is_down = False
    topic.publish()
    topic.wait_read()
    assert tab.run("return states") == ["error", "error", "down", "open"]


def test_notices_silence(topic):
    tab = topic.open_tab(way="worker")
    topic.publish()
    topic.wait_read()
    with topic.site.responder.paused():
        wait_until(lambda: "error" in tab.run("return states"),
                   "silence ends the stream", 20)
    topic.publish()
    topic.wait_read()
    states = tab.run("return states")
    assert states[:3] == ["open", "late", "error"]
    assert states[-1] == "open" or states[-2:] == ["open", "ontime"]


def set_offline(tab, is_offline):
    tab.driver.execute_cdp_cmd("Network.enable", {})
    tab.driver.execute_cdp_cmd("Network.emulateNetworkConditions", {
        "offline": is_offline, "latency": 0, "downloadThroughput": -1,
        "uploadThroughput": -1})


@pytest.mark.parametrize("way", ["lock", "itself"])
def test_network_goes_and_another_comes(topic, way):
    """The stream is opened anew at once, though the old one seems alive."""
    tab = topic.open_tab(way=way)
    topic.publish()
    topic.wait_read()
    set_offline(tab, True)
    wait_until(lambda: not tab.run("return navigator.onLine"), "offline")
    tab.run("window.fetched = 0")
    topic.publish()
    set_offline(tab, False)
    wait_until(lambda: tab.run("return fetched"), "a new stream is opened")
    topic.publish()
    topic.wait_read()
    wait_until(lambda: topic.stream_count() == 1, "the old one is gone")


@pytest.mark.parametrize("way", ["worker", "lock", "itself"])
def test_all_tabs_sleep_and_wake(topic, way):
    """As on a machine that sleeps: none is left to hold the stream."""
    tabs = [topic.open_tab(way=way) for _ in range(2)]
    topic.publish()
    topic.wait_read()
    for tab in tabs:
        set_frozen(tab, True)
    wait_until(lambda: topic.stream_count() == 0, "the streams are gone")
    topic.publish()
    for tab in tabs:
        set_frozen(tab, False)
    topic.wait_read()
    topic.publish()
    topic.wait_read()
    streams = len(tabs) if way == "itself" else 1
    wait_until(lambda: topic.stream_count() == streams, "all share again")


@pytest.mark.parametrize("way", ["worker", "lock", "itself"])
def test_position_outlives_navigation(topic, way):
    tab = topic.open_tab(way=way, resume="yes")
    topic.publish()
    topic.wait_read()
    tab.open(topic.site.url + "web-servers")
    topic.publish()
    tab.began = topic.count - 3
    tab.open(topic.url(way=way, resume="yes", again="yes"))
    topic.wait_read()
    tab.open(topic.site.url + "web-servers")
    topic.publish()
    tab.driver.back()
    # The browser may have kept the page, with the events that it had.
    wait_until(lambda: topic.got(tab)[-1:] == [str(topic.count - 1)],
               "the tab goes on")
    assert topic.got(tab)[-3:] == [
        str(n) for n in range(topic.count - 3, topic.count)]
