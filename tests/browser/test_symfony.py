"""Symfony's Mercure component, as an application uses it: it publishes in each
of its ways, and a browser reads by the cookie that it has set.
"""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import pytest

from responder import free_port, wait_until
from sites import is_answering
from tokens import SECRET, write_secret

PAGES = pathlib.Path(__file__).resolve().parent / "pages"
COMPONENT = "/usr/share/php/Symfony/Component/Mercure/autoload.php"
HUB_PATH = "/sse/.well-known/mercure"
# With lcobucci/jwt the component makes its tokens by itself.
AUTOLOAD = os.environ.get("PHP_AUTOLOAD")

# Finds the hub by what the application says of it.
WATCH = """
const [topics, done] = arguments;
fetch(location).then((answer) => {
    const link = answer.headers.get("Link");
    const url = new URL(/<([^>]+)>; rel="mercure"/.exec(link)[1]);
    for (const topic of topics)
        url.searchParams.append("topic", topic);
    window.got = [];
    const source = new EventSource(url, { withCredentials: true });
    for (const type of ["message", "letter"])
        source.addEventListener(type, (event) =>
            got.push([event.type, event.data, event.lastEventId]));
    // A page that is left may be kept by the browser, with its stream.
    addEventListener("pagehide", () => source.close());
    source.onopen = () => done("open");
    source.onerror = () => done(`error in state ${source.readyState}`);
});
"""


class Application:
    """PHP's own web server with the application."""

    def __init__(self, hub_url, port, autoload):
        self.url = f"http://127.0.0.1:{port}/"
        environ = {**os.environ, "HUB_URL": hub_url, "HUB_SECRET": SECRET,
                   "PHP_AUTOLOAD": autoload}
        self.process = subprocess.Popen(
            ["php", "-S", f"127.0.0.1:{port}", str(PAGES / "symfony.php")],
            env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        wait_until(lambda: is_answering(port), "PHP's web server answers")

    def publish(self, topics, way="static", allowed="*", **fields):
        """The status and the text of the application's answer."""
        form = {"topics": topics, "way": way, "allowed": allowed, **fields}
        body = urllib.parse.urlencode(form).encode()
        try:
            with urllib.request.urlopen(f"{self.url}publish", body,
                                        timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(10)


@pytest.fixture(name="application", scope="module",
                params=["own factory", "LcobucciFactory"][:1 + bool(AUTOLOAD)])
def fixture_application(request, start_site, tmp_path_factory):
    if not shutil.which("php") or not pathlib.Path(COMPONENT).exists():
        pytest.skip("Symfony's component is not there (Debian: "
                    "php-symfony-mercure)")
    secret = write_secret(tmp_path_factory.mktemp("symfony"))
    port = free_port()
    site = start_site("--token-key", f"dialect=07,alg=HS256,file={secret}",
                      "--allow-origin", f"http://127.0.0.1:{port}")
    found = Application(f"http://127.0.0.1:{site.port}{HUB_PATH}", port,
                        AUTOLOAD if request.param == "LcobucciFactory" else "")
    found.log = site.responder
    try:
        yield found
    finally:
        found.stop()


def watch(page, application, user, *topics):
    page.open(f"{application.url}?user={user}" if user else application.url)
    page.driver.set_script_timeout(20)
    return page.driver.execute_async_script(WATCH, topics)


def got(page, count):
    page.wait(lambda: len(page.run("return got")) >= count)
    return page.run("return got")


@pytest.mark.parametrize("way", ["static", "callable", "factory",
                                 "publisher"])
def test_ways_of_publishing(any_page, application, way):
    assert watch(any_page, application, 42, "/news/{id}") == "open"
    first = application.publish("/news/1 /news/one", way, data="two\nlines")
    assert first[0] == 200 and re.match("urn:uuid:", first[1])
    assert application.publish(
        "/news/2", way, data="", id=f"/{way}/é", type="letter",
        retry=2500) == (200, f"/{way}/é")
    assert got(any_page, 2) == [["message", "two\nlines", first[1]],
                                ["letter", "", f"/{way}/é"]]


def test_private_updates_of_the_user_alone(any_page, application):
    topics = ["/users/42/mail", "/users/43/mail", "/for/all"]
    assert watch(any_page, application, 42, *topics) == "open"
    for topic in "/users/43/mail", "/users/42/mail":
        assert application.publish(topic, data=topic, private="1")[0] == 200
    assert application.publish("/for/all", data="last")[0] == 200
    assert [event[1] for event in got(any_page, 2)] == \
        ["/users/42/mail", "last"]


def test_cookie_taken_away(any_page, application):
    assert watch(any_page, application, 42, "/for/all") == "open"
    assert watch(any_page, application, None, "/for/all") == \
        "error in state 2"
    line = application.log.wait_log("refuse-token", reason="none")
    assert line["path"] == HUB_PATH


def test_refused(application):
    """The component's exception holds the status."""
    status, text = application.publish("/a /b", allowed="/a", data="")
    assert status == 403 and "403" in text
    status, text = application.publish("/a", data="", exp="-1 second")
    assert status == 401 and "401" in text
    application.log.wait_log("refuse-token", reason="scope")
    application.log.wait_log("refuse-token", reason="expired")
