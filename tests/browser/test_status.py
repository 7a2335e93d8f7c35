"""The status page: three charts that follow what the responder does."""

import contextlib
import itertools
import socket
from types import SimpleNamespace
import urllib.error
import urllib.request

import pytest

PATHS = ["status", "status.css", "status.js", "status/events", "metrics",
         "healthz"]
CHARTS = ["open", "events", "tick"]

# Of a chart: its unbroken runs, each a list of x and y, the oldest first.
RUNS = """
return document.querySelector(`#${arguments[0]}-chart .line`)
    .getAttribute("d").split("M").slice(1).map((run) => run
        .replace("h0", "").split("L").map((point) => point
            .split(" ").map(Number)));
"""

LABELS = """
return Array.from(document.querySelectorAll(
    `#${arguments[0]}-chart .${arguments[1]}`), (text) => text.textContent);
"""

# A sample as the server might send it next, changed in what is given; before
# the one that it will send, so that both count.
SEND = """
const sample = { ...latest.sample, time: latest.sample.time + 100,
    ...arguments[0] };
connection.source.dispatchEvent(
    new MessageEvent("sample", { data: JSON.stringify(sample) }));
"""

# Each change of what a screen reader may say of its own accord or on demand.
WATCH = """
window.spoken = [];
for (const node of document.querySelectorAll("[role=status], [role=img]"))
    new MutationObserver(() => spoken.push(node.outerHTML))
        .observe(node, { attributeFilter: ["aria-label"],
            childList: node.role === "status", characterData: true,
            subtree: node.role === "status" });
"""


def status_of(url, **fields):
    """The status of the answer; the body is left unread."""
    request = urllib.request.Request(url, headers=fields)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


@contextlib.contextmanager
def streams(site, count):
    """So many clocks, which nobody reads: they fit into the buffers."""
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            client = stack.enter_context(
                socket.create_connection(("127.0.0.1", site.port)))
            client.sendall(f"GET {site.mount}clock HTTP/1.1\r\n"
                           f"Host: localhost\r\n\r\n".encode())
        yield


def open_status(page, site):
    page.open(site.url + "status")
    page.wait_state("status", "open")


def value(page, chart):
    text = page.text(f"{chart}-value").replace(",", "")
    return float(text) if text[0].isdigit() else None


def runs(page, chart):
    return page.run(RUNS, chart)


def wait_samples(page, count):
    """Until so many more have come."""
    wanted = page.run("return latest.sample.time") + count * 1000 - 500
    page.wait(lambda: page.run("return latest.sample.time") >= wanted)


@pytest.fixture(scope="module")
def site(start_site):
    """One that has a stream all the time, and so always a sample."""
    site = start_site()
    with streams(site, 1):
        yield site


@pytest.fixture(scope="module", autouse=True)
def pages(start_site, open_page):
    """Pages that are seen to lose the connection and to fall silent, which
    takes its time, while other tests run.
    """
    pages = SimpleNamespace()
    for name in ("lost", "silent"):
        site = start_site("--drain-spread", "0")
        page = open_page(site.url + "status")
        page.site = site
        setattr(pages, name, page)
    for page in (pages.lost, pages.silent):
        page.wait_state("status", "open")
        page.wait(lambda: len(runs(page, "open")[0]) >= 2)
    pages.lost.site.responder.stop()
    with pages.silent.site.responder.paused():
        yield pages


def test_charts_fill_and_follow(page, start_site):
    site = start_site()
    open_status(page, site)
    assert page.text("state") == "Open"
    page.wait(lambda: value(page, "open") == 1)
    assert value(page, "tick") is None      # no clock ticks
    with streams(site, 7):
        page.wait(lambda: value(page, "open") == 8)
        page.wait(lambda: value(page, "events") >= 8)
        page.wait(lambda: value(page, "tick") is not None)
        assert value(page, "tick") < 1000
        assert page.text("open-peak") == "peak 8"
        assert page.run(LABELS, "open", "level")[0] == "0"
        assert float(page.run(LABELS, "open", "level")[-1]) >= 8
    page.wait(lambda: value(page, "open") == 1)
    assert page.text("open-peak") == "peak 8"
    [points] = runs(page, "open")
    heights = [y for _, y in points]
    assert heights[0] > min(heights) < heights[-1]
    assert all(b > a for (a, _), (b, _) in itertools.pairwise(points))
    assert 4 <= len(page.run(LABELS, "open", "minute")) <= 6


@pytest.fixture(scope="module")
def returned(pages):
    """The page that has lost the responder, once that is back."""
    page = pages.lost
    page.wait_state("status", "closed")
    assert page.is_shown("retry")
    assert value(page, "open") == 1
    page.wait(lambda: page.run("return performance.now() - latest.arrived"
                               " > GAP_MS"))
    page.site.start_responder()
    return page


def test_loss_is_told(returned):
    states = returned.states("status")
    assert states.index("reconnecting") < states.index("closed")


def test_history_is_there_at_once_and_only_once(page, site):
    open_status(page, site)
    wait_samples(page, 1)
    count = page.run("return samples.length")
    page.driver.refresh()
    page.wait_state("status", "open")
    assert page.run("return samples.length") >= count
    # A connection that is opened again brings the same samples again.
    page.run("connectionOpen()")
    wait_samples(page, 1)
    times = page.run("return samples.map((sample) => sample.time)")
    assert all(b > a for a, b in itertools.pairwise(times))
    assert len(runs(page, "open")) == 1


def test_scales(page, site):
    open_status(page, site)
    page.run("connectionClose(); samples.length = 0")
    page.run(SEND, {"open": 12345, "events": 1999, "tick_ms": 0.04,
                    "stalled": 3, "refused": 2})
    page.wait(lambda: page.text("open-value") == "12,345")
    assert page.run(LABELS, "open", "level") == ["0", "5K", "10K", "15K"]
    assert page.run(LABELS, "events", "level") == ["0", "1K", "2K"]
    assert page.text("tick-value") == "0.04"
    assert page.run(LABELS, "tick", "level") == ["0", "0.5"]
    assert page.text("open-note") == "3 stalled, 2 refused"
    digits = page.find("open-value").value_of_css_property(
        "font-variant-numeric")
    assert digits == "tabular-nums"


def test_store_is_shown(page, site):
    open_status(page, site)
    wait_samples(page, 1)
    assert page.text("store-kind") in ("memory", "sqlite")
    assert page.text("store-note").startswith("up")
    page.run("connectionClose()")
    page.run(SEND, {"store": "redis", "store_up": False, "why": "it is gone",
                    "append_ms": 0.5, "processes": 3})
    page.wait(lambda: page.text("store-kind") == "redis")
    assert page.text("store-note") == (
        "takes no updates: it is gone, last update kept after 0.5 ms, "
        "shared by 3 processes")


def test_server_clock_is_set_back(page, site):
    open_status(page, site)
    page.run("connectionClose()")
    page.run(SEND, {"time": 1000000000000, "open": 5})
    page.wait(lambda: page.text("open-value") == "5")
    assert page.run("return samples.length") == 1
    assert len(runs(page, "open")) == 1


def test_summary_is_told_but_not_each_second(page, site):
    open_status(page, site)
    page.wait(lambda: "peak" in page.find("open-chart").accessible_name)
    assert len(page.all("svg[role=img]")) == len(CHARTS)
    page.run(WATCH)
    for count in (75, 76, 77):
        page.run(SEND, {"open": count})
        page.wait(lambda: page.text("open-peak") == f"peak {count}")
    wait_samples(page, 1)
    assert page.run("return spoken") == []
    page.run("drawing.isSummaryDue = true")
    page.wait(lambda: "peak 77" in page.find("open-chart").accessible_name)
    for chart, title in zip(CHARTS, ["Open streams", "Events a second",
                                     "Tick delay"]):
        name = page.find(f"{chart}-chart").accessible_name
        assert name.startswith(title + ", last five minutes: peak ")


def test_charts_fit_a_phone(page, site):
    page.resize(360, 740)
    open_status(page, site)
    page.wait(lambda: runs(page, "open"))
    for width in (360, 320):
        page.resize(width, 740)
        page.wait(lambda: max(x for run in runs(page, "open")
                              for x, _ in run) < width - 32)
        assert page.run("return document.documentElement.scrollWidth") <= width
        for chart in CHARTS:
            box = page.find(f"{chart}-chart").rect
            assert box["x"] >= 0 and box["x"] + box["width"] <= width


def test_links(page, site):
    page.open(site.url + "status")
    links = [link.get_attribute("href") for link in page.all("footer a")]
    assert links == [site.url + "metrics", site.url + "healthz", site.url]
    assert [status_of(link) for link in links] == [200] * 3


def test_closed_to_others(site, start_site):
    opened = start_site("--status")
    for path in PATHS:
        assert status_of(site.url + path) == 200
        for field in ("X-Forwarded-For", "Forwarded", "Via"):
            fields = {field: "192.0.2.7"}
            assert status_of(site.url + path, **fields) == 403
            assert status_of(opened.url + path, **fields) == 200


def test_silence(pages):
    page = pages.silent
    page.wait_state("status", "silent")
    assert page.text("status-note").startswith("no sample since ")
    [before] = runs(page, "open")
    page.wait(lambda: runs(page, "open")[0][-1][0] < before[-1][0])
    # A responder that does not answer keeps the browser asking.
    page.click("retry")
    page.wait_state("status", "reconnecting")
    assert page.text("status-note") == "attempt 1"


def test_recovers_by_itself(returned):
    page = returned
    page.wait_state("status", "open", wait_s=30)
    assert not page.is_shown("retry")
    # What was there before is still there, and the gap is seen.
    page.wait(lambda: len(runs(page, "open")) == 2)
    before, after = runs(page, "open")
    assert len(before) >= 2
    assert after[0][0] - before[-1][0] > 3
    # The network's failures are the browser's to report, nothing else is.
    assert {message["source"] for message in page.messages()} <= {"network"}
