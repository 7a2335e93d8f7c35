"""client.js and the pages in three engines: Chromium, Firefox and WebKit.

In each, thirty tabs share one stream, and none of them misses an event or gets
one twice when the tab that holds the stream is closed.
"""

import http.client
import json
import pathlib
import shutil
import threading

import pytest

import engines
import tokens

PAGES = pathlib.Path(__file__).resolve().parent / "pages"
SHARING = ["worker-30", "lock-30", "itself-2"]
FOUND_S = 110
KEY = "s3same"


class Run:
    """A browser at a site of its own, and what its page has found so far."""

    def __init__(self, engine, site):
        self.found = {}
        self.news = threading.Condition()
        for page in PAGES.iterdir():
            shutil.copy(page, site.dir)
        self.listener = http.client.HTTPConnection("127.0.0.1", site.port)
        self.listener.request("GET", f"{site.mount}events?topic=found")
        self.lines = self.listener.getresponse()
        threading.Thread(target=self._listen, daemon=True).start()
        self.browser = engines.Engine(
            engine, f"http://127.0.0.1:{site.port}/engine.html?key={KEY}"
                    f"&token={tokens.old(subscribe=['*'])}&cases=" + ",".join([*SHARING, "pages"]))

    def _listen(self):
        for line in self.lines:
            if line.startswith(b"data: "):
                found = json.loads(line[6:])
                with self.news:
                    self.found[found["name"]] = found
                    self.news.notify_all()

    def wait(self, name):
        with self.news:
            assert self.news.wait_for(lambda: name in self.found, FOUND_S), \
                f"nothing found within {FOUND_S} s but {self.found}"
        found = self.found[name]
        assert "error" not in found, found
        return found


@pytest.fixture(name="run", scope="module", params=engines.NAMES)
def fixture_run(start_site, tmp_path_factory, request):
    """One engine after the other: thirty tabs of each are enough work."""
    if not engines.is_there(request.param):
        pytest.skip(f"{request.param} is not installed")
    directory = tmp_path_factory.mktemp("key")
    keys = directory / "keys"
    keys.write_text(KEY + "\n")
    keys.chmod(0o600)
    run = Run(request.param, start_site(
        "--heartbeat=1s", f"--publish-key-file={keys}",
        "--public-topic=chat", "--anonymous=yes", "--subscriptions=0.x",
        *tokens.key_args(directory)))
    try:
        yield run
    finally:
        run.browser.stop()


@pytest.mark.parametrize("case", SHARING)
def test_tabs_share_one_stream(run, case):
    found = run.wait(case)
    way, count = case.split("-")
    assert found["streams"] == (int(count) if way == "itself" else 1)
    wanted = [f"a{i}" for i in range(5)] + [f"b{i}\n2" for i in range(5)]
    assert found["got"] == [wanted] * (int(count) - 1)
    assert found["ids"] == len(wanted)
    # From the first tab that has an event to the last. It is a millisecond
    # or two where nothing else runs.
    spreads_ms = sorted(found["spreads_ms"])
    print(f"{case}: the last tab has it {spreads_ms[2]:.1f} ms later")
    assert spreads_ms[0] < 100


def test_pages(run):
    found = run.wait("pages")
    assert found["states"] == ["now open", "chat open", "counter stopped",
                               "reader ended", "listeners open",
                               "delay ontime"]
    assert found["listeners"] == "Subscribers of chat: 1."
    assert found["numbers"] == ["10", 10]
    assert found["status"] == "open"
