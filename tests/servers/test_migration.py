"""What doc/migration.md shows as the new state works as it stands there."""

import re
import shutil

import pytest

from place import is_root
from responder import ROOT
from servers import UNIX, Front
from test_examples import (
    Place, blocks as example_blocks, needs, open_page, running)
from tokens import new, old, write_secret
from web_servers import Nginx
import streams

__all__ = ["open_page"]

MIGRATION = (ROOT / "doc" / "migration.md").read_text()
TABLES = {"From Nchan": 15, "From the Mercure hub": 15,
          "From socket.io's chat": 10, "From a loop in PHP": 7}


def section(heading):
    return MIGRATION.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def blocks(heading, language):
    """The blocks of that language in a section."""
    found = re.findall(rf"^```{language}\n(.*?)^```$", section(heading),
                       re.M | re.S)
    assert found, f"no {language} in {heading}"
    return found


class Moved(Place):
    """A place whose options are those of a section."""

    def __init__(self, heading=None, **options):
        super().__init__(**options)
        assert self.assign == self.fitted(
            re.search(r"^```sh\n(.*?)^```$", MIGRATION, re.M | re.S)[1])
        ini = example_blocks("Before you start", "ini")[0].split("\n")[0]
        if heading:
            ini += "\n" + "".join(blocks(heading, "ini"))
        (self.dir / "fcgi-sse.ini").write_text(self.fitted(ini))

    def fitted(self, text):
        return re.sub(r"/etc/(?=fcgi-sse\.\w+\.jwt)", f"{self.dir}/",
                      super().fitted(text))


class NginxWithSub(Nginx):
    """With the line that keeps Nchan's address."""

    def frame(self):
        own = f"include {self.place.dir}/fragment.conf;"
        assert own in super().frame()
        return super().frame().replace(
            own, own + blocks("From Nchan", "nginx")[0])


def test_from_nchan():
    front = Front("nginx", NginxWithSub, "nginx/fcgi-sse.conf", UNIX)
    with running(Moved, heading="From Nchan", front=front) as place:
        script = blocks("From Nchan", "sh")[0]
        first = place.sh(script)
        port = place.site.server.port
        with streams.Stream(port, "/sub?id=news") as stream:
            # As Nchan does: the oldest that is kept, and what follows.
            assert stream.header("content-type") == "text/event-stream"
            assert stream.read_event().id == first
            second = place.sh(script)
            event = stream.read_event()
            assert (event.id, event.data) == (second, "The doors are open.")
        with streams.Stream(port, "/sub?id=news",
                            headers={"Last-Event-ID": first}) as stream:
            assert stream.read_event().id == second


def write_jwt(place, name, secret):
    path = write_secret(place.dir, secret, f"fcgi-sse.{name}.jwt")
    if is_root():
        shutil.chown(path, group="www-data")
        path.chmod(0o640)


SECRETS = {name: f"a secret for each {name}, of more than 32 bytes"
           for name in ("publisher", "subscriber", "issuer")}


class Hub(Moved):
    def __init__(self):
        super().__init__("From the Mercure hub")
        for name, secret in SECRETS.items():
            write_jwt(self, name, secret)


def test_from_the_mercure_hub():
    """Tokens of both versions publish, and both subscribers get it."""
    topic = "https://example.org/books/1"
    claims = {"secret": SECRETS["issuer"], "iss": "https://login.example.org",
              "aud": "https://example.org/.well-known/mercure"}
    publishers = (old(publish=["*"], secret=SECRETS["publisher"]),
                  new(["publish"], [topic], **claims))
    readers = (old(subscribe=[topic], secret=SECRETS["subscriber"]),
               new(["subscribe"], [topic], **claims))
    with running(Hub) as place:
        opened = [place.site.open(
            f"/.well-known/mercure?topic={topic}",
            headers={"Authorization": f"Bearer {token}"}) for token in readers]
        stranger = place.site.open(f"/.well-known/mercure?topic={topic}")
        assert stranger.status == 200       # anonymous
        script = blocks("From the Mercure hub", "sh")[0]
        for token in publishers:
            printed = place.sh(f"TOKEN={token}\n" + script)
            for stream in opened:
                event = stream.read_event()
                assert event.id == printed
                assert event.data == '{"status":"OutOfStock"}'
        public = script.replace(" -d private=on", "")
        printed = place.sh(f"TOKEN={publishers[0]}\n" + public)
        assert stranger.read_event().id == printed
        for stream in (stranger, *opened):
            stream.close()


def test_from_socket_io(open_page):
    with running(Moved, heading="From socket.io's chat") as place:
        (place.dir / "htdocs" / "chat.html").write_text(
            blocks("From socket.io's chat", "html")[0])
        windows = [open_page(f"{place.origin}/chat.html") for _ in range(2)]
        for window in windows:
            window.wait(lambda: window.run("return socket.readyState") == 1)
        for number, window in enumerate(windows, 1):
            window.run(f"input.value = '<b>{number}</b>'")
            window.click("send")
            for other in windows:
                other.wait(lambda: other.run(
                    "return messages.lastChild && "
                    "messages.lastChild.textContent") == f"<b>{number}</b>")
            assert window.text("note") == ""
        assert windows[0].run("return messages.children.length") == 2


def test_from_a_loop_in_php(open_page):
    needs("php")
    heading = "From a loop in PHP"
    with running(Moved) as place:
        (place.dir / "stock.php").write_text(
            place.fitted(blocks(heading, "php")[0]))
        first = place.sh(blocks(heading, "sh")[0])
        assert first.startswith("urn:uuid:")
        page = open_page(f"{place.origin}/sse/web-servers")
        page.run("window.said = []; console.log = (text) => said.push(text);"
                 + place.fitted(blocks(heading, "js")[0]))
        page.wait(lambda: page.run("return said") == [3])
        place.sh(blocks(heading, "sh")[0])
        page.wait(lambda: page.run("return said") == [3, 3])


@pytest.mark.parametrize("heading", TABLES)
def test_options_of_the_tables_are_there(heading):
    """Each word that the right column has as an option is one."""
    rows = re.findall(r"^\| (?!---)(.+) \| (.+) \|$", section(heading), re.M)
    assert len(rows) > TABLES[heading]
    manual = (ROOT / "doc" / "fcgi-sse.8").read_text()
    options = set(re.findall(r"^\.It Fl -([a-z-]+)", manual, re.M))
    for _, right in rows:
        for name in re.findall(r"`([a-z]+(?:-[a-z]+)+)(?: = [^`]*)?`", right):
            assert name in options, name


def anchors(text):
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
            for heading in re.findall(r"^#+ (.*)", text, re.M)}


@pytest.mark.parametrize("name", ["migration.md", "operation.md"])
def test_links_lead_somewhere(name):
    text = (ROOT / "doc" / name).read_text()
    links = re.findall(r"\]\(([^)#]*)#?([^)]*)\)", text)
    assert links
    for path, anchor in links:
        there = ROOT / "doc" / (path or name)
        assert there.exists(), path
        if anchor:
            assert anchor in anchors(there.read_text()), anchor


def test_no_language_is_left_out():
    """Each block is one that a test above asks for."""
    assert re.findall(r"^```(\w+)$", MIGRATION, re.M) == [
        "sh", "nginx", "ini", "sh",             # Nchan
        "ini", "ini", "sh",                     # the hub
        "ini", "html",                          # socket.io
        "php", "sh", "js"]
