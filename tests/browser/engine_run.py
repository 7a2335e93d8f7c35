"""What the page engine.html finds in one engine, at a site of its own."""

import http.client
import json
import pathlib
import shutil
import threading
import urllib.parse

import engines
import tokens

PAGES = pathlib.Path(__file__).resolve().parent / "pages"
KEY = "s3same"
FOUND_S = 110


def site_args(directory):
    """The options of a site for it; the directory gets files with keys."""
    keys = directory / "keys"
    keys.write_text(KEY + "\n")
    keys.chmod(0o600)
    return ["--heartbeat=1s", f"--publish-key-file={keys}",
            "--public-topic=chat", "--anonymous=yes", "--subscriptions=0.x",
            *tokens.key_args(directory)]


class Run:
    """A browser at a site, and what its page has found so far."""

    def __init__(self, engine, site, cases):
        self.found = {}
        self.news = threading.Condition()
        for page in PAGES.iterdir():
            shutil.copy(page, site.dir)
        self.listener = http.client.HTTPConnection("127.0.0.1", site.port)
        self.listener.request("GET", f"{site.mount}events?topic=found")
        self.lines = self.listener.getresponse()
        threading.Thread(target=self._listen, daemon=True).start()
        query = urllib.parse.urlencode({
            "key": KEY, "token": tokens.old(subscribe=["*"]),
            "cases": ",".join(cases)})
        self.browser = engines.Engine(
            engine, f"http://127.0.0.1:{site.port}/engine.html?{query}")

    def _listen(self):
        for line in self.lines:
            if line.startswith(b"data: "):
                found = json.loads(line[6:])
                with self.news:
                    self.found[found["name"]] = found
                    self.news.notify_all()

    def wait(self, name):
        """What the case of that name has found."""
        with self.news:
            assert self.news.wait_for(lambda: name in self.found, FOUND_S), \
                f"nothing found within {FOUND_S} s but {self.found}"
        found = self.found[name]
        assert "error" not in found, found
        return found

    def stop(self):
        self.browser.stop()
