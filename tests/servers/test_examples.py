"""What doc/examples.md shows works as it stands there."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request

import pytest

from place import is_root
from responder import (
    BINARY, ROOT, STOP_S, clean_environ, free_port, wait_until)
from servers import UNIX, Front, Site
import streams
from web_servers import Lighttpd

EXAMPLES = (ROOT / "doc" / "examples.md").read_text()
KEY_FILE = "/etc/fcgi-sse.key"
LOG_FILE = "/var/log/lighttpd/access.log"


class LighttpdWithPages(Lighttpd):
    def frame(self):
        return super().frame() + """
            mimetype.assign = ( ".html" => "text/html; charset=utf-8" )
            """


class LighttpdWithLog(Lighttpd):
    def frame(self):
        return super().frame() + f"""
            server.modules += ( "mod_accesslog" )
            accesslog.filename = "{self.place.dir}/access.log"
            """


def blocks(heading, language):
    """The blocks of that language in a section."""
    section = EXAMPLES.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    found = re.findall(rf"^```{language}\n(.*?)^```$", section, re.M | re.S)
    assert found, f"no {language} in {heading}"
    return found


class Place:
    """The examples' own place: a web server, the key, files, and a shell."""

    def __init__(self, is_logging=False, front=None):
        server = LighttpdWithLog if is_logging else LighttpdWithPages
        self.site = Site(front or Front(
            "examples", server, "lighttpd/external.conf", UNIX))
        self.dir = self.site.place.dir
        self.key_file = self.dir / "keys"
        self.log_file = self.dir / "access.log"
        make, assign = blocks("Before you start", "sh")
        if not is_root():
            make = make.replace("-g www-data ", "")
        self.assign = self.fitted(assign)
        subprocess.run(["/bin/sh", "-ec", self.fitted(make)], check=True)
        self.key = self.key_file.read_text().strip()
        ini = self.dir / "fcgi-sse.ini"
        ini.write_text(self.fitted(blocks("Before you start", "ini")[0]))
        ini.chmod(0o644)

    def fitted(self, text):
        text = text.replace(KEY_FILE, str(self.key_file))
        text = text.replace(LOG_FILE, str(self.log_file))
        text = re.sub(r"^( *)fcgi-sse ", rf"\1{BINARY} ", text, flags=re.M)
        return re.sub(r"http://localhost(?=/)", lambda _: self.origin, text)

    @property
    def origin(self):
        return f"http://127.0.0.1:{self.site.server.port}"

    @property
    def environ(self):
        values = clean_environ()
        values.pop("KEY", None)
        return values

    def subscribe(self, *topics):
        query = urllib.parse.urlencode({"topic": topics}, doseq=True)
        return self.site.open(f"/events?{query}")

    def run(self, *command):
        """What a command prints, which has to succeed."""
        done = subprocess.run(command, env=self.environ, timeout=60, text=True,
                              cwd=self.dir, stdin=subprocess.DEVNULL,
                              capture_output=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def sh(self, script):
        return self.run("/bin/sh", "-euc",
                        self.assign + self.fitted(script))

    def start(self, *command, **options):
        """A process, with those that it starts in a session of their own."""
        return subprocess.Popen(command, env=self.environ,
                                stdin=subprocess.DEVNULL,
                                start_new_session=True, **options)


def end(process):
    os.killpg(process.pid, signal.SIGTERM)
    process.wait(STOP_S)


@contextlib.contextmanager
def running(kind=Place, **options):
    place = kind(**options)
    with place.site:
        yield place


@pytest.fixture(scope="module")
def place():
    with running() as place:
        yield place


def check_received(stream, heading):
    """The section's text is what comes; gives the ids of the events."""
    ids = []
    for text in blocks(heading, "text")[0].strip().split("\n\n"):
        event = stream.read_event()
        wanted = streams.Event(text.encode(), 0)
        assert (event.event, event.data) == (wanted.event, wanted.data)
        if wanted.id.startswith("urn:uuid:"):
            assert re.fullmatch(r"urn:uuid:[\da-f-]{36}", event.id)
        else:
            assert event.id == wanted.id
        ids.append(event.id)
    return ids


def needs(program):
    path = shutil.which(program)
    if not path:
        pytest.skip(f"{program} is not installed")
    return path


@pytest.mark.parametrize("heading, topic", [("curl", "news"),
                                            ("EventEmitter", "push")])
def test_curl(place, heading, topic):
    with place.subscribe(topic) as stream:
        printed = place.sh(blocks(heading, "sh")[0])
        assert check_received(stream, heading) == [printed]


def test_page_for_the_event_emitter(place, open_page):
    page = open_page(f"{place.origin}/sse/web-servers")
    page.run("window.said = []; console.log = (text) => said.push(text);"
             + place.fitted(blocks("EventEmitter", "js")[0])
             + "source.onopen = () => { window.isOpen = true; };")
    page.wait(lambda: page.run("return window.isOpen"))
    place.sh(blocks("EventEmitter", "sh")[0])
    page.wait(lambda: page.run("return said") == ["admit one"])


def test_expresse(place):
    needs("node")
    path = place.dir / "hub.mjs"
    path.write_text(place.fitted(blocks("ExpreSSE", "js")[0]))
    with place.subscribe("module") as stream:
        place.sh(blocks("ExpreSSE", "sh")[0])
        assert len(set(check_received(stream, "ExpreSSE"))) == 4


@pytest.fixture
def open_page():
    """Opens windows in Chromium."""
    pytest.importorskip("selenium")
    needs("chromium")
    sys.path.append(str(ROOT / "tests" / "browser"))
    from page import Browser, start_chromium
    profile_dir = tempfile.mkdtemp(prefix="fcgi-sse-")
    driver = start_chromium(profile_dir)
    browser = Browser(driver)
    yield lambda url: browser.open_window().open(url)
    driver.quit()
    shutil.rmtree(profile_dir, ignore_errors=True)


def test_like_button(place, open_page):
    (place.dir / "htdocs" / "likes.html").write_text(
        blocks("A like button", "html")[0])
    windows = [open_page(f"{place.origin}/likes.html") for _ in range(2)]
    for number, window in enumerate(windows, 1):
        window.click("like")
        window.wait(lambda: window.text("note") == "Thank you.")
        for other in windows:
            other.wait(lambda: other.text("count") == str(number))
    late = open_page(f"{place.origin}/likes.html")
    late.wait(lambda: late.text("count") == "2")


def test_php_page(place):
    php = needs("php")
    folder = place.dir / "php"
    folder.mkdir()
    (folder / "index.php").write_text(place.fitted(blocks("PHP", "php")[0]))
    port = free_port()
    page = f"http://127.0.0.1:{port}/"
    with open(place.dir / "php.out", "wb") as out:
        process = place.start(php, "-S", f"127.0.0.1:{port}", "-t", folder,
                              stdout=out, stderr=out)
    try:
        wait_until(lambda: b"started" in pathlib.Path(out.name).read_bytes(),
                   "php answers")
        with place.subscribe("news") as stream:
            form = urllib.parse.urlencode({"headline": "Grüße <all>"})
            with urllib.request.urlopen(page, form.encode()) as answer:
                assert b"<form" in answer.read()
            check_received(stream, "PHP")
    finally:
        end(process)


def test_php_says_why_not(place):
    php = needs("php")
    path = place.dir / "refused.php"
    text = place.fitted(blocks("PHP", "php")[0])
    path.write_text(text.partition("$note")[0].replace(
        '"Authorization: Bearer "', '"Authorization: Bearer x"') + """
        try { publish(["topic" => "news"]); }
        catch (RuntimeException $e) { echo $e->getMessage(); }""")
    assert place.run(php, path).startswith(
        "not published: HTTP/1.1 401 Unauthorized: 401 Unauthorized: "
        "publishing takes")


def post_headline(page):
    form = urllib.parse.urlencode({"headline": "x"})
    with urllib.request.urlopen(page, form.encode()) as answer:
        return answer.read().decode()


def test_php_page_while_nobody_answers():
    """The page says what is wrong: fcgi-sse is down, then the web server."""
    php = needs("php")
    text = blocks("PHP", "php")[0]
    port = free_port()
    with running() as place, open(place.dir / "php.out", "wb") as out:
        folder = place.dir / "php"
        folder.mkdir()
        (folder / "index.php").write_text(place.fitted(text))
        (folder / "none.php").write_text(re.sub(
            r'"http://[^"]*"', f'"http://127.0.0.1:{free_port()}/"',
            place.fitted(text)))
        process = place.start(php, "-S", f"127.0.0.1:{port}", "-t", folder,
                              stdout=out, stderr=out)
        try:
            wait_until(lambda: b"started" in
                       pathlib.Path(out.name).read_bytes(), "php answers")
            place.site.responder.stop()
            said = post_headline(f"http://127.0.0.1:{port}/")
            assert re.search(r"<p>not published: HTTP/1\.\d 50[23] ", said)
            assert "<form" in said
            said = post_headline(f"http://127.0.0.1:{port}/none.php")
            assert "<p>not published: no web server answers</p>" in said
        finally:
            end(process)


def test_symfony_client(place):
    """The key would pass the client's own check, too."""
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]*", place.key, re.A)
    request, _, body = blocks("Symfony's Mercure client", "http")[0] \
        .partition("\n\n")
    body = body.strip()
    assert f"Content-Length: {len(body)}" in request
    request = request.replace("Bearer KEY", f"Bearer {place.key}")
    port = place.site.server.port
    with place.subscribe("https://example.com/books/1") as stream, \
            socket.create_connection(("127.0.0.1", port)) as client:
        client.settimeout(10)
        client.sendall("\r\n".join([*request.split("\n"), "", body]).encode())
        answer = b""
        while data := client.recv(65536):
            answer += data
        head, _, event_id = answer.decode().partition("\r\n\r\n")
        assert head.startswith("HTTP/1.1 200")
        assert check_received(stream, "Symfony's Mercure client") == [event_id]


def test_python(place):
    path = place.dir / "publish.py"
    path.write_text(place.fitted(blocks("Python", "python")[0]))
    with place.subscribe("build", "build/main") as both, \
            place.subscribe("build/main") as one:
        printed = place.sh(blocks("Python", "sh")[0])
        for stream in (both, one):
            assert check_received(stream, "Python") == [printed.strip()]
        place.sh(blocks("Python", "sh")[0])
        assert both.read_event().event == "done"


def test_shell_loop(place):
    with place.subscribe("load") as stream:
        process = place.start("/bin/sh", "-euc", place.assign + place.fitted(
            blocks("A loop in a shell", "sh")[0]))
        try:
            for _ in range(2):
                assert re.fullmatch(r"\d+\.\d\d", stream.read_event().data)
            assert process.poll() is None
        finally:
            end(process)


def test_live_log(place):
    if subprocess.run([BINARY, "publish", "--help"], env=clean_environ(),
                      capture_output=True).returncode != 0:
        pytest.skip("the command publish is not built")
    place.log_file.write_text("an old line\n")
    with place.subscribe("log") as stream, open(place.log_file, "a") as log:
        process = place.start("/bin/sh", "-euc", place.fitted(
            blocks("A live log", "sh")[0]))
        try:
            wait_until(lambda: is_reading(process, place.log_file),
                       "tail has the log open")
            for number in range(3):
                print(f'127.0.0.1 "GET /{number}"', file=log, flush=True)
            for number in range(3):
                event = stream.read_event()
                assert event.data == f'127.0.0.1 "GET /{number}"'
        finally:
            end(process)


@pytest.mark.parametrize("grep", ["grep --line-buffered -v /sse/ |", ""])
def test_live_log_of_the_server_it_publishes_through(grep):
    """Neither the example, nor without grep the option, feeds on itself."""
    script = blocks("A live log", "sh")[0]
    assert grep in script
    script = script.replace("grep --line-buffered -v /sse/ |", grep)
    with running(is_logging=True) as place, place.subscribe("log") as stream:
        process = place.start("/bin/sh", "-euc", place.fitted(script))
        try:
            wait_until(lambda: is_reading(process, place.log_file),
                       "tail has the log open")
            port = place.site.server.port
            for number in range(3):
                assert streams.ask(port, f"/{number}").status == 404
            for number in range(3):
                assert f"/{number} HTTP" in stream.read_event().data
            place.site.server.stop()
            text = place.log_file.read_text()
            assert text.count("POST /sse/events ") == 3
        finally:
            end(process)


def is_reading(process, path):
    """Whether one of the process's session stands at the end of the file."""
    for fd in pathlib.Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if os.getsid(int(fd.parts[2])) != process.pid or \
                    not fd.samefile(path):
                continue
            info = (fd.parent.parent / "fdinfo" / fd.name).read_text()
        except OSError:
            continue                # ended, or not ours to look at
        if f"pos:\t{path.stat().st_size}\n" in info:
            return True
    return False


def test_no_language_is_left_out():
    """Each block is one that a test above asks for."""
    assert re.findall(r"^```(\w+)$", EXAMPLES, re.M) == [
        "sh", "ini", "sh",          # before you start
        "sh", "text",               # curl
        "sh", "text", "js",         # EventEmitter
        "js", "sh", "text",         # ExpreSSE
        "html", "php", "text", "http", "text", "python", "sh", "text",
        "sh", "sh",                 # the loop, the log
        "sh", "ini", "sh", "sh", "text", "php", "python"]   # tokens
