"""The clients of event streams that npm has, as they come, in Chromium and in
Node, behind lighttpd. Their connections are cut while events are published:
each has every event once and in order, and none hands on what is no event.
"""

import json
import shutil
import subprocess
import threading

import pytest

import npm_packages
from responder import wait_past_ms, wait_until

KEY = "s3same"
TOPIC = "npm"
HEARTBEAT_MS = 1000
ROUNDS = 3
BATCH = 10

# Each parses what it is handed, as pages do: an empty message is an error.
PAGE = f"""<!DOCTYPE html><meta charset="utf-8"><title>npm</title>
{npm_packages.CLIENTS_HEAD}""" + """<script type="module">
import { fetchEventSource } from "fetch-event-source";
import { EventSource as NpmEventSource } from
  "/npm/eventsource/dist/index.js";
import { SSE } from "/npm/sse.js/lib/sse.js";

const url = new URL("/sse/events?topic=npm", location).href;
const results = window.results = {};

function watch(name) {
  const result = results[name] = { isOpen: false, got: [], errors: [] };
  return {
    open: () => { result.isOpen = true; },
    message: (event) => {
      try {
        result.got.push(JSON.parse(event.data).n);
      } catch (error) {
        result.errors.push(`${error} in ${JSON.stringify(event.data)}`);
        throw error;
      }
    },
  };
}

function listen(name, source) {
  const { open, message } = watch(name);
  source.addEventListener("open", open);
  source.addEventListener("message", message);
}

listen("EventSource", new EventSource(url));
listen("event-source-polyfill", new EventSourcePolyfill(url));
listen("eventsource", new NpmEventSource(url));
listen("sse.js", new SSE(url, { autoReconnect: true, reconnectDelay: 100 }));
const { open, message } = watch("@microsoft/fetch-event-source");
fetchEventSource(url, { onopen: async () => open(), onmessage: message,
  openWhenHidden: true, onclose: () => { throw new Error("closed"); },
  onerror: () => 100 });
</script>
"""

NODE = """
const { EventSource } = require(process.argv[1]);
const source = new EventSource(process.argv[2]);
source.onopen = () => console.log("open");
source.onmessage = (event) => console.log(JSON.parse(event.data).n);
"""

IN_CHROMIUM = ["EventSource", *npm_packages.VERSIONS]


class Node:
    """`eventsource` in Node, and the lines that it prints."""

    def __init__(self, modules, url):
        self.lines = []
        self.process = subprocess.Popen(
            ["node", "-e", NODE, str(modules / "eventsource"), url],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.strip())

    @property
    def result(self):
        return {"isOpen": "open" in self.lines, "errors": [],
                "got": [int(line) for line in self.lines if line != "open"]}

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stdout.close()


class Story:
    """All clients at one topic, and what each of them got."""

    def __init__(self, site, page, node):
        self.site = site
        self.page = page
        self.node = node
        self.count = 0

    def results(self):
        return {**self.page.run("return window.results ?? {}"),
                "eventsource in Node": self.node.result}

    def wait_all(self, is_there, what):
        def are_there():
            results = self.results()
            return (len(results) == len(IN_CHROMIUM) + 1
                    and all(map(is_there, results.values())))
        try:
            wait_until(are_there, what, 30)
        except AssertionError as error:
            raise AssertionError(f"{what}: {self.results()}, "
                                 f"{self.page.messages()}") from error

    def publish(self):
        """A batch, whose events say how soon to come back."""
        for _ in range(BATCH):
            self.site.publish(KEY, topic=TOPIC, retry=100,
                              data=json.dumps({"n": self.count}))
            self.count += 1

    def wait_read(self):
        """Whoever lost one and got the last has another count of them."""
        last = self.count - 1
        self.wait_all(lambda result: last in result["got"],
                      f"each has event {last}")

    def run(self):
        self.wait_all(lambda result: result["isOpen"], "each is open")
        self.publish()
        self.wait_read()
        wait_past_ms(2.2 * HEARTBEAT_MS)
        for _ in range(ROUNDS):
            self.site.relay.drop()
            self.publish()
            self.wait_read()
        return self.results()


@pytest.fixture(name="results", scope="module")
def fixture_results(start_site, open_page, tmp_path_factory):
    modules = npm_packages.modules()
    keys = tmp_path_factory.mktemp("key") / "keys"
    keys.write_text(KEY + "\n")
    keys.chmod(0o600)
    site = start_site("--publish-key-file", str(keys), "--heartbeat",
                      f"{HEARTBEAT_MS // 1000}s")
    (site.dir / "index.html").write_text(PAGE)
    shutil.copytree(modules, site.dir / "npm")
    site.start_relay()
    root = site.url.removesuffix(site.mount)
    node = Node(modules, f"{root}/sse/events?topic={TOPIC}")
    try:
        yield Story(site, open_page(root + "/index.html"), node).run()
    finally:
        node.stop()


@pytest.mark.parametrize("name", [*IN_CHROMIUM, "eventsource in Node"])
def test_every_event_once_and_nothing_else(results, name):
    assert results[name]["errors"] == []
    assert results[name]["got"] == list(range(BATCH * (ROUNDS + 1)))
