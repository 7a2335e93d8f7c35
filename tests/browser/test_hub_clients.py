"""Clients as people have them: curl, PHP, Python, Node's eventsource, and two
windows of a browser. Each publishes, and each subscriber reads all of it.
"""

import contextlib
import json
import pathlib
import shutil
import subprocess
import threading
import urllib.parse
import urllib.request

import pytest

from event_stream import Parser
from responder import wait_until
from sites import is_answering

KEY = "s3same"
DATA = "{\"msg\":\"admit one\"}\n two \u00e9\U0001f600"
END = "that is all"

PHP_PUBLISH = r"""
[, $url, $key, $topic, $data] = $argv;
$context = stream_context_create(['http' => [
    'method' => 'POST',
    'header' => "Content-Type: application/x-www-form-urlencoded\r\n" .
        "Authorization: Bearer $key\r\n",
    'content' => http_build_query(['topic' => $topic, 'data' => $data]),
]]);
echo file_get_contents($url, false, $context);
"""

# HTTP/1.0: what comes in chunks PHP holds back until it has 8 KiB.
PHP_SUBSCRIBE = r"""
$context = stream_context_create(['http' => ['protocol_version' => '1.0']]);
$stream = fopen($argv[1], 'r', false, $context);
while (($line = fgets($stream)) !== false) {
    echo $line;
}
"""

NODE_SUBSCRIBE = r"""
const found = require("eventsource");
const EventSource = found.EventSource || found.default || found;
const source = new EventSource(process.argv[2]);
const say = (event) => console.log(JSON.stringify(
    [event.type, event.data, event.lastEventId]));
source.onopen = () => console.log('["open"]');
for (const type of ["message", "test"]) {
    source.addEventListener(type, say);
}
"""

NODE_PUBLISH = r"""
const [url, key, topic, data] = process.argv.slice(2);
fetch(url, {
    method: "POST",
    headers: { Authorization: `Bearer ${key}` },
    body: new URLSearchParams({ topic, data }),
}).then((response) => response.text()).then((id) => process.stdout.write(id));
"""

WATCH = """
window.got = [];
window.source = new EventSource(arguments[0]);
source.onopen = () => { window.isOpen = true; };
source.onmessage = (event) => got.push([event.data, event.lastEventId]);
"""

SAY = """
const [url, topic, data, done] = arguments;
fetch(url, { method: "POST", body: new URLSearchParams({ topic, data }) })
    .then((response) => response.text().then((text) =>
        done([response.status, text])));
"""


@pytest.fixture(name="place", scope="module")
def fixture_place(tmp_path_factory):
    return tmp_path_factory.mktemp("hub")


@pytest.fixture(name="site", scope="module")
def fixture_site(start_site, place):
    keys = place / "keys"
    keys.write_text(KEY)
    keys.chmod(0o600)
    return start_site("--publish-key-file", str(keys),
                      "--public-topic", "chat")


def need(*programs):
    for program in programs:
        if not shutil.which(program):
            pytest.skip(f"{program} is not there")


@pytest.fixture(name="modules", scope="module")
def fixture_modules(place):
    """A folder in which require("eventsource") works."""
    need("node", "npm")
    try:
        done = subprocess.run(
            ["npm", "install", "--no-audit", "--no-fund", "--prefix",
             str(place), "eventsource"], text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=90)
    except subprocess.TimeoutExpired:
        pytest.skip("eventsource cannot be installed: npm did not end in time")
    if done.returncode != 0:
        pytest.skip("eventsource cannot be installed: " + done.stdout[-300:])
    return place


class Output:
    """What a program prints, as it comes."""

    def __init__(self, command):
        self.bytes = b""
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE,
                                        stdin=subprocess.DEVNULL)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while data := self.process.stdout.read1(65536):
            self.bytes += data

    def wait(self, question, what):
        wait_until(lambda: question(self.bytes), what, 20)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


class Raw:
    """A subscriber whose output is the stream itself."""

    def __init__(self, output):
        self.output = output

    @property
    def events(self):
        whole = self.output.bytes.rpartition(b"\n\n")[0] + b"\n\n"
        return [tuple(event) for event in Parser().feed(whole).events]

    def wait_open(self):
        self.output.wait(lambda text: text.startswith(b":\n"), "the start")


class Lines:
    """A subscriber that prints an event as a line of JSON."""

    def __init__(self, output):
        self.output = output

    @property
    def events(self):
        lines = self.output.bytes.decode().split("\n")[:-1]
        return [tuple(found) for found in map(json.loads, lines)
                if found != ["open"]]

    def wait_open(self):
        self.output.wait(lambda text: text.startswith(b'["open"]\n'),
                         "the start")


def python_publish(url, topic, data, **fields):
    body = urllib.parse.urlencode({"topic": topic, "data": data, **fields})
    request = urllib.request.Request(
        url, body.encode(), {"Authorization": f"Bearer {KEY}"})
    with urllib.request.urlopen(request, timeout=20) as response:
        return response.read().decode()


def run(*command):
    return subprocess.run(command, check=True, text=True, timeout=30,
                          stdout=subprocess.PIPE).stdout


def curl_publish(url, topic, data):
    need("curl")
    return run("curl", "-sS", "--fail", url, "-H",
               f"Authorization: Bearer {KEY}", "-d", f"topic={topic}",
               "--data-urlencode", f"data={data}")


def php_publish(url, topic, data):
    need("php")
    return run("php", "-r", PHP_PUBLISH, url, KEY, topic, data)


def node_publish(url, topic, data):
    need("node")
    return run("node", "-e", NODE_PUBLISH, "-", url, KEY, topic, data)


PUBLISHERS = [curl_publish, php_publish, python_publish, node_publish]


@contextlib.contextmanager
def curl_subscriber(url, _):
    need("curl")
    with Output(["curl", "-sSN", "--fail", url]) as output:
        yield Raw(output)


@contextlib.contextmanager
def php_subscriber(url, _):
    need("php")
    with Output(["php", "-r", PHP_SUBSCRIBE, url]) as output:
        yield Raw(output)


@contextlib.contextmanager
def python_subscriber(url, _):
    program = ("import sys, urllib.request\n"
               "for line in urllib.request.urlopen(sys.argv[1]):\n"
               "    sys.stdout.buffer.write(line)\n"
               "    sys.stdout.flush()\n")
    with Output(["/usr/bin/python3", "-c", program, url]) as output:
        yield Raw(output)


@contextlib.contextmanager
def node_subscriber(url, request):
    modules = request.getfixturevalue("modules")
    script = pathlib.Path(modules) / "subscribe.js"
    script.write_text(NODE_SUBSCRIBE)
    with Output(["node", str(script), url]) as output:
        yield Lines(output)


@pytest.mark.parametrize("publish", PUBLISHERS)
def test_publishers(site, publish):
    topic = publish.__name__
    with python_subscriber(f"{site.url}events?topic={topic}", None) as reader:
        reader.wait_open()
        name = publish(site.url + ".well-known/mercure", topic, DATA)
        assert name.startswith("urn:uuid:") and len(name) == 45
        wait_until(lambda: reader.events, "the event", 20)
        assert reader.events == [("message", DATA, name)]


@pytest.mark.parametrize("subscriber", [
    curl_subscriber, php_subscriber, python_subscriber, node_subscriber])
def test_subscribers(site, request, subscriber):
    """What was missed, and then what is new."""
    topic, hub = subscriber.__name__, site.url + ".well-known/mercure"
    ids = [python_publish(hub, topic, str(number)) for number in range(3)]
    query = urllib.parse.urlencode({"topic": topic, "lastEventID": ids[0]})
    with subscriber(f"{hub}?{query}", request) as reader:
        reader.wait_open()
        ids.append(python_publish(hub, topic, DATA, type="test", retry=500))
        wait_until(lambda: len(reader.events) >= 3, "the events", 20)
        assert reader.events == [
            ("message", "1", ids[1]), ("message", "2", ids[2]),
            ("test", DATA, ids[3])]


def restart_web_server(site):
    """On the same port; the hub behind it goes on."""
    site.lighttpd.kill()
    site.lighttpd.wait(20)
    site.lighttpd = subprocess.Popen(
        ["/usr/sbin/lighttpd", "-D", "-f", str(site.dir / "lighttpd.conf")],
        stdin=subprocess.DEVNULL)
    wait_until(lambda: is_answering(site.port), "lighttpd answers", 20)


def test_eventsource_resumes_after_a_restart(site, request):
    """What the web server loses comes again, and comes once."""
    topic, hub = "resumed", site.url + ".well-known/mercure"
    python_publish(hub, topic, "0", retry=100)
    url = f"{hub}?topic={topic}&lastEventID=earliest"
    with node_subscriber(url, request) as reader:
        wait_until(lambda: len(reader.events) == 1, "the first", 20)
        ids = [event[2] for event in reader.events]
        restart_web_server(site)
        for number in 1, 2, 3:
            ids.append(python_publish(hub, topic, str(number)))
        wait_until(lambda: len(reader.events) >= 4, "the others", 20)
        assert reader.events == [
            ("message", str(number), name) for number, name in enumerate(ids)]



# The browser

def say(page, url, topic, data):
    page.driver.set_script_timeout(20)
    return page.driver.execute_async_script(SAY, url, topic, data)


def watch(page, url):
    page.run(WATCH, url)
    wait_until(lambda: page.run("return window.isOpen"), "it is open", 20)


def got(page, count):
    wait_until(lambda: len(page.run("return got")) >= count, "events", 20)
    return page.run("return got")


def test_two_windows_talk(site, open_page):
    """On pages that have no stream of their own: browsers limit those."""
    pages = [open_page(site.url + "healthz") for _ in range(2)]
    for page in pages:
        watch(page, "events?topic=chat")
    said = []
    for number, page in enumerate(pages * 2):
        data = f"{number} {DATA}"
        status, name = say(page, "events", "chat", data)
        assert status == 200
        said.append([data, name])
    for page in pages:
        assert got(page, 4) == said
    # One that comes later reads the history, from where it likes.
    late = open_page(site.url + "healthz")
    for last, first in ("earliest", 0), (said[1][1], 2):
        watch(late, "events?topic=chat&lastEventID=" + last)
        assert got(late, 4 - first) == said[first:]
        late.run("source.close(); window.isOpen = false")
    assert say(late, "events", "news", "x")[0] == 401
    for page in pages:
        assert page.run("return got") == said
        assert page.run("return violations") == []


def test_a_page_of_another_origin_may_not_publish(site, open_page):
    """localhost is not 127.0.0.1."""
    page = open_page(
        site.url.replace("127.0.0.1", "localhost") + "healthz")
    page.run("window.result = null;"
             "fetch(arguments[0], { method: 'POST', mode: 'no-cors',"
             " body: new URLSearchParams({ topic: 'chat', data: 'evil' }) })"
             ".then(() => { result = 'sent' }, () => { result = 'failed' });",
             site.url + "events")
    wait_until(lambda: page.run("return result"), "it is answered", 20)
    query = "topic=chat&lastEventID=earliest"
    python_publish(site.url + "events", "chat", END)
    with python_subscriber(f"{site.url}events?{query}", None) as reader:
        wait_until(lambda: reader.events and reader.events[-1][1] == END,
                   "the end", 20)
        assert "evil" not in [event[1] for event in reader.events]
