"""The page by keyboard, by screen reader, on a phone and in the dark."""

from urllib.parse import urlsplit
import urllib.request

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

PAGES = ["", "web-servers", "status"]

HEADING_LEVELS = """
return Array.from(document.querySelectorAll("h1, h2, h3, h4"),
    (heading) => Number(heading.tagName[1]));
"""

# References to ids that are not there, and ids that are there twice.
BAD_IDS = """
const ids = Array.from(document.querySelectorAll("[id]"), (node) => node.id);
const used = Array.from(document.querySelectorAll("[aria-labelledby], [for]"),
    (node) => node.getAttribute("aria-labelledby") || node.htmlFor);
return ids.filter((id, i) => ids.indexOf(id) !== i)
    .concat(used.filter((id) => !ids.includes(id)));
"""

# Texts below the contrast that WCAG 2.2 asks for (1.4.3), with their ratio.
LOW_CONTRASTS = """
function luminance(color) {
    const [r, g, b] = color.match(/[\\d.]+/g).slice(0, 3).map((byte) => {
        const part = byte / 255;
        return part <= 0.04045 ? part / 12.92
            : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function paper(node) {
    for (; node; node = node.parentElement) {
        const color = getComputedStyle(node).backgroundColor;
        if (!/, 0\\)$/.test(color))
            return color;
    }
}
const found = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !node.checkVisibility()
        || node.closest("button:disabled, noscript"))
        continue;
    const style = getComputedStyle(node);
    const lights = [luminance(style.color), luminance(paper(node))];
    const [low, high] = lights.sort((a, b) => a - b);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < (parseFloat(style.fontSize) >= 24 ? 3 : 4.5))
        found.push([walker.currentNode.data.trim(), ratio]);
}
return found;
"""

# The connection and the delay at their best and at their worst.
WITH_STATE = """
for (const box of document.querySelectorAll("#now, #status"))
    box.dataset.state = arguments[0];
for (const box of document.querySelectorAll("#delay"))
    box.dataset.state = arguments[0] === "open" ? "ontime" : "late";
"""

WATCH_STATUS = """
window.spoken = [];
for (const node of document.querySelectorAll("[role=status]"))
    new MutationObserver(() => spoken.push(node.textContent))
        .observe(node,
            { childList: true, characterData: true, subtree: true });
"""


def rgb_sum(page):
    color = page.run("return getComputedStyle(document.body).backgroundColor")
    return sum(map(int, color.strip("rgb()").split(",")[:3]))


@pytest.mark.parametrize("name", PAGES)
def test_structure(page, site, name):
    page.open(site.url + name)
    assert page.run("return document.documentElement.lang") == "en"
    assert "fcgi-sse" in page.driver.title or name
    assert page.driver.title
    levels = page.run(HEADING_LEVELS)
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b <= a + 1 for a, b in zip(levels, levels[1:]))
    for landmark in ("body > header", "body > main", "body > footer"):
        assert len(page.all(landmark)) == 1
    assert page.run(BAD_IDS) == []
    page.run("for (const node of document.querySelectorAll('details'))"
             " node.open = true")
    assert not page.all("img:not([alt]), [style], style, script:not([src])")
    for node in page.all("section, button, progress, summary, a, [tabindex]"):
        if node.is_displayed() and node.tag_name != "summary":
            assert node.accessible_name, node.get_attribute("outerHTML")


def test_names_and_roles(page, site):
    page.open(site.url)
    page.wait_ticks(1)
    assert page.find("clock").aria_role == "timer"
    assert page.find("log").aria_role == "log"
    assert page.find("counter-progress").accessible_name.startswith("Counted")
    assert page.find("reader-progress").accessible_name.startswith("Read")
    names = [node.accessible_name for node in page.all("button")]
    assert len(set(names)) == len(names)


@pytest.fixture(scope="module", autouse=True)
def watched(start_site, open_page):
    """A page that has come to rest when its test begins."""
    return open_page(start_site().url)


def test_live_regions_are_quiet(watched):
    """What changes each second is not announced."""
    page = watched
    for moving in ("clock", "log", "counter-number"):
        assert page.run(
            "return document.getElementById(arguments[0]).closest('output,"
            " [role=status], [role=alert], [role=log]:not([aria-live=off]),"
            " [aria-live=polite], [aria-live=assertive]')", moving) is None
    page.wait_state("delay", "ontime")
    page.click("counter-restart")
    page.run(WATCH_STATUS)
    page.wait_ticks(2)
    assert page.state("counter") == "running"
    assert page.run("return spoken") == []
    page.check_quiet()


def test_all_by_keyboard(page, site):
    page.open(site.url)
    wanted = ["chat-log", "chat-name", "chat-text", "chat-send",
              "publish-topic", "publish-type", "publish-data", "publish-key",
              "publish-send", "publish-copy", "subscribers-watch",
              "counter-restart", "reader-start", "log", "log-pause",
              "log-clear", "directives"]
    reached = []
    for _ in range(30):
        ActionChains(page.driver).send_keys(Keys.TAB).perform()
        node = page.driver.switch_to.active_element
        if node.tag_name == "body":
            break
        name = node.get_attribute("id") or (
            "directives" if node.tag_name == "summary" else "")
        reached.append(name)
        assert node.value_of_css_property("outline-style") != "none", name
    assert [name for name in reached if name] == wanted
    page.find("reader-start").send_keys(Keys.ENTER)
    page.wait_state("reader", "running")
    page.find("directives").find_element("tag name", "summary") \
        .send_keys(Keys.ENTER)
    assert page.is_shown("directives")
    for directive in ("flushpackets=on", "server.stream-response-body = 2",
                      "fastcgi_buffering off", "X-Accel-Buffering: no",
                      "FcgidOutputBufferSize 0", "option http-no-delay"):
        assert directive in page.find("directives").text


def test_links_lead_somewhere(page, site):
    page.open(site.url)
    targets = page.run("return Array.from(document.querySelectorAll('a'),"
                       " (link) => link.href)")
    local = [urlsplit(target) for target in targets
             if target.startswith(site.url + "web-servers")]
    fragments = {target.fragment for target in local if target.fragment}
    assert fragments >= {"apache-proxy-fcgi", "apache-fcgid", "apache-cgi",
                         "lighttpd", "nginx", "haproxy", "caddy", "h2o",
                         "buffering"}
    page.open(site.url + "web-servers")
    ids = set(page.run("return Array.from(document.querySelectorAll('[id]'),"
                       " (node) => node.id)"))
    assert fragments | {"apache"} <= ids
    inside = page.run("return Array.from(document.querySelectorAll("
                      "'a[href^=\"#\"]'), (link) => link.hash.slice(1))")
    assert inside and set(inside) <= ids
    with urllib.request.urlopen(page.all("footer a")[0]
                                .get_attribute("href")) as answer:
        assert answer.url == site.url


@pytest.mark.parametrize("name", PAGES)
def test_no_sideways_scrolling(page, site, name):
    page.open(site.url + name)
    if not name:
        page.wait_ticks(1)
        page.run("document.getElementById('directives').open = true;"
                 "document.getElementById('delay').dataset.state = 'late'")
    for width in (320, 360, 412, 700, 768):
        page.resize(width, 740)
        assert page.run("return innerWidth") == width
        assert page.run("return document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("name", PAGES)
def test_colors(page, site, name):
    page.emulate(prefers_reduced_motion="reduce")
    page.open(site.url + name)
    if not name:
        page.wait_ticks(1)
        page.run("document.getElementById('directives').open = true")
    for state in ("open", "closed"):
        page.run(WITH_STATE, state)
        for scheme in ("light", "dark"):
            page.emulate(prefers_color_scheme=scheme)
            assert (rgb_sum(page) < 200) == (scheme == "dark")
            assert page.run(LOW_CONTRASTS) == []


def test_reduced_motion(page, site):
    page.emulate(prefers_reduced_motion="reduce")
    page.open(site.url)
    page.wait_ticks(1)
    assert page.run("return document.getAnimations().length") == 0
    assert page.run("return getComputedStyle(document.getElementById('clock'))"
                    ".transitionDuration") == "0s"
