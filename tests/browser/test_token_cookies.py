"""Cookies with tokens, and fields with them, in a browser at a hub with TLS:
from the hub's own origin, from another one of its site, and from another site.
"""

import itertools
import shutil
import tempfile

import pytest

import npm_packages
from page import Browser, start_chromium
from responder import wait_until
from secure import (
    CHROMIUM_ARGUMENTS, CHROMIUM_PREFERENCES, HUB, SecureSite)
from tokens import new, old, soon

OLD_COOKIE = "mercureAuthorization"
NEW_COOKIE = "__Secure-mercure_access_token"
COOKIES = [pytest.param(old, OLD_COOKIE, id="07"),
           pytest.param(new, NEW_COOKIE, id="08")]
PAGE = "/index.html"
numbers = itertools.count()

LISTEN = """
const [url, withCredentials, done] = arguments;
window.got = [];
const source = new EventSource(url, { withCredentials });
for (const type of ["message", "token-expired"])
    source.addEventListener(type, (event) =>
        got.push([event.type, event.data]));
addEventListener("pagehide", () => source.close());
source.onopen = () => done("open");
source.onerror = () => {
    got.push(["error", source.readyState]);
    done(source.readyState);
};
"""

POST = """
const [url, topic, data, done] = arguments;
fetch(url, { method: "POST", credentials: "include",
    body: new URLSearchParams({ topic, data, private: "on" }) })
    .then((answer) => done(answer.status), (error) => done(error.name));
"""

# Two clients that send fields, as their documents show it.
FIELDS = f"""<!DOCTYPE html><meta charset="utf-8"><link rel=icon href=data:,>
{npm_packages.CLIENTS_HEAD}""" + """<script type="module">
import { fetchEventSource } from "fetch-event-source";
window.listen = (url, token) => {
  const headers = { Authorization: `Bearer ${token}` };
  window.got = { fetch: [], polyfill: [] };
  window.opened = 0;
  fetchEventSource(url, { headers, openWhenHidden: true,
    onopen: async (answer) => { opened += answer.ok; },
    onmessage: (event) => event.data && got.fetch.push(event.data),
    onclose: () => { throw new Error("closed"); }, onerror: () => 100 });
  const source = new EventSourcePolyfill(url, { headers });
  source.onopen = () => { opened++; };
  source.onmessage = (event) => got.polyfill.push(event.data);
};
</script>
"""


@pytest.fixture(name="chromium", scope="module")
def fixture_chromium():
    profile_dir = tempfile.mkdtemp(prefix="fcgi-sse-")
    driver = start_chromium(profile_dir, *CHROMIUM_ARGUMENTS,
                            **CHROMIUM_PREFERENCES)
    driver.set_script_timeout(20)
    yield Browser(driver).open_window()
    driver.quit()
    shutil.rmtree(profile_dir, ignore_errors=True)


@pytest.fixture(name="site", scope="module")
def fixture_site():
    with SecureSite("--drain-spread", "1s", "--heartbeat", "1s") as site:
        yield site


@pytest.fixture(name="page")
def fixture_page(chromium):
    chromium.driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
    yield chromium
    chromium.driver.get("about:blank")


@pytest.fixture(name="topic")
def fixture_topic():
    return f"/topic/{next(numbers)}"


def rights(make, topic, **claims):
    return old(publish=[topic], subscribe=[topic], **claims) if make is old \
        else new(topics=[topic], **claims)


def set_cookie(page, name, token, same_site):
    """As an answer of the hub's host would."""
    done = page.driver.execute_cdp_cmd("Network.setCookie", {
        "name": name, "value": token, "domain": HUB, "path": "/sse/",
        "secure": True, "httpOnly": True, "sameSite": same_site})
    assert done["success"]


def listen(page, site, topic, with_credentials=True):
    """The word "open", or the state after an error."""
    return page.driver.execute_async_script(
        LISTEN, site.hub_url(f"?topic={topic}"), with_credentials)


def post(page, site, topic, data):
    return page.driver.execute_async_script(POST, site.hub_url(), topic, data)


def refusals(site, **fields):
    """The log has only those of this module's tests."""
    return [line for line in site.responder.log
            if line.has(event="refuse-token", **fields)]


@pytest.mark.parametrize("make, name", COOKIES)
@pytest.mark.parametrize("host, same_site", [
    (HUB, "Strict"), ("www.hub.test", "Strict"), ("app.test", "None")])
def test_reads_and_publishes(page, site, topic, host, same_site, make, name):
    page.open(site.origin(host) + PAGE)
    set_cookie(page, name, rights(make, topic), same_site)
    assert listen(page, site, topic) == "open"
    assert post(page, site, topic, "secret") == 200
    assert post(page, site, topic + "/other", "secret") == 403
    page.wait(lambda: page.run("return got") == [["message", "secret"]])


@pytest.mark.parametrize("make, name", COOKIES)
@pytest.mark.parametrize("same_site, with_credentials", [
    ("Strict", True), ("Lax", True), ("None", False)])
def test_cookie_that_is_not_sent(page, site, topic, make, name, same_site,
                                 with_credentials):
    """From another site: by the cookie's own attribute, or by the page's."""
    page.open(site.origin("app.test") + PAGE)
    set_cookie(page, name, rights(make, topic), same_site)
    count = len(refusals(site, reason="none"))
    assert listen(page, site, topic, with_credentials) == 2
    wait_until(lambda: len(refusals(site, reason="none")) > count,
               "a refusal for no token")


@pytest.mark.parametrize("make, name", COOKIES)
def test_another_site_cannot_use_it(page, site, topic, make, name):
    """The browser sends the cookie of its user; the hub looks at who asks."""
    page.open(site.origin(HUB) + PAGE)
    set_cookie(page, name, rights(make, topic), "None")
    window = page.browser.open_window()
    try:
        window.open(site.origin("evil.test") + PAGE)
        count = len(refusals(site, reason="origin", **{"from": "cookie"}))
        assert post(window, site, topic, "forged") == "TypeError"
        wait_until(lambda: len(refusals(
            site, reason="origin", **{"from": "cookie"})) > count,
            "a refusal for the origin")
        assert listen(window, site, topic) == 2
    finally:
        window.close()
    assert listen(page, site, topic + "&last=1") == "open"
    assert post(page, site, topic, "own") == 200
    page.wait(lambda: page.run("return got") == [["message", "own"]])


@pytest.mark.parametrize("make, name", COOKIES)
def test_page_is_told_of_the_end(page, site, topic, make, name):
    count = sum(line.has(event="disconnect", reason="token-expired")
                for line in site.responder.log)
    page.open(site.origin("app.test") + PAGE)
    set_cookie(page, name, rights(make, topic, exp=soon(4)), "None")
    assert listen(page, site, topic) == "open"
    page.wait(lambda: page.run("return got.length") >= 3)
    assert page.run("return got") == [
        ["token-expired", '{"reason":"token-expired"}'],
        ["error", 0], ["error", 2]]     # it comes back once, and is refused
    site.responder.wait_log("disconnect", count + 1, reason="token-expired")
    wait_until(lambda: refusals(site, reason="expired", **{"from": "cookie"}),
               "the refusal of who comes back")


@pytest.mark.parametrize("make", [old, new], ids=["07", "08"])
def test_clients_that_send_fields(page, site, topic, make):
    """After a preflight, and again where their connections were cut."""
    modules = npm_packages.modules()
    if not (site.dir / "npm").exists():
        shutil.copytree(modules, site.dir / "npm")
        (site.dir / "fields.html").write_text(FIELDS)
    page.open(site.origin("app.test") + "/fields.html")
    page.wait(lambda: page.run("return Boolean(window.listen)"))
    page.run("listen(...arguments)", site.hub_url(f"?topic={topic}"),
             rights(make, topic))
    page.wait(lambda: page.run("return opened") == 2)
    sent = []

    def publish():
        """From another page, which has a cookie."""
        sent.append(str(len(sent)))
        assert post(page, site, topic, sent[-1]) == 200
        page.wait(lambda: page.run("return got") ==
                  {"fetch": sent, "polyfill": sent})

    set_cookie(page, OLD_COOKIE, rights(old, topic), "None")
    publish()
    for _ in range(2):
        site.relay.drop()
        publish()
