"""What doc/examples.md shows of tokens works as it stands there."""

import re
import subprocess

import pytest

from place import is_root
import streams
from test_examples import Place, blocks, needs, running

QUERY = "/events?topic=/users/42/mail&last=1"


class TokenPlace(Place):
    """With the keys that the section makes, and the options that name them."""

    def __init__(self, **options):
        super().__init__(**options)
        make = blocks("Tokens", "sh")[0]
        if not is_root():
            make = make.replace("-g www-data ", "")
        subprocess.run(["/bin/sh", "-ec", self.fitted(make)], check=True,
                       stderr=subprocess.DEVNULL)
        with open(self.dir / "fcgi-sse.ini", "a", encoding="ascii") as ini:
            ini.write(self.fitted(blocks("Tokens", "ini")[0]))

    def fitted(self, text):
        return super().fitted(text).replace("/etc/fcgi-sse.",
                                            f"{self.dir}/fcgi-sse.")


@pytest.fixture(name="place", scope="module")
def fixture_place():
    with running(TokenPlace) as place:
        place.dir.chmod(0o755)
        yield place


def data_of(place, cookie=None):
    """The last that the topic has for the holder of the cookie."""
    headers = {"Cookie": cookie} if cookie else {}
    with place.site.open(QUERY, headers=headers) as stream:
        if stream.status != 200:
            return stream.status
        return stream.read_event().data


def test_shell(place):
    publish, subscribe = blocks("Tokens", "sh")[1:]
    functions = publish.partition("curl")[0]
    public = publish.replace("-d private=on ", "").replace(
        "A letter.", "for all")
    assert public != publish
    for script in public, publish:
        assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", place.sh(script))
    # Until it has read the event: the last that the reader may have.
    script = functions + subscribe.rstrip() + " | sed -n '/^data/{p;q}'"
    wanted = streams.Event(blocks("Tokens", "text")[0].strip().encode(), 0)
    assert place.sh(script) == f"data: {wanted.data}\n"
    other = script.replace("/users/42/{box}", "/users/43/{box}")
    assert place.sh(other) == "data: for all\n"
    assert data_of(place) == 401


def test_php_and_python(place):
    """Python's update reaches who has the cookie of the page in PHP."""
    php = needs("php")
    path = place.dir / "mail.py"
    path.write_text(place.fitted(blocks("Tokens", "python")[0]))
    assert place.run("python3", path).startswith("urn:uuid:")
    page = place.dir / "mail.php"
    page.write_text(place.fitted(blocks("Tokens", "php")[0]).replace(
        "setcookie(", "show("))
    shown = place.dir / "show.php"
    shown.write_text("""<?php
        function show($name, $value, $options) { echo "$name=$value\\n"; }
        require "mail.php";""")
    cookie, _, html = place.run(php, shown).partition("\n")
    assert "new EventSource(\"/sse" + QUERY + "\")" in html
    assert data_of(place, cookie) == "From Python."
    assert data_of(place, cookie[:-3]) == 401
