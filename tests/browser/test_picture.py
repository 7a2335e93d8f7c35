"""The picture of the page in the README: FCGI_SSE_PICTURE=doc/page.png in the
environment of this test makes it anew."""

import base64
import os
import pathlib
import struct

import pytest

from test_chat import say

DOC = pathlib.Path(__file__).resolve().parents[2] / "doc"
LINES = [("Ann", "Are the doors open?"), ("Ben", "Since nine."),
         ("Ann", "On my way.")]
WIDTH, HEIGHT = 1000, 940


def size(png):
    """Width and height of a PNG (its first chunk, IHDR)."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", png[16:24])


@pytest.fixture(name="page")
def fixture_page(start_site, browser):
    site = start_site("--public-topic", "chat")
    for name, text in LINES:
        say(site, name, text)
    page = browser.open_window()
    yield page.open(site.url)
    page.close()


def test_the_picture_of_the_readme(page):
    """The page is at work, and the picture that is kept is of its size."""
    page.emulate(prefers_color_scheme="light")
    page.resize(WIDTH, HEIGHT)
    page.driver.execute_cdp_cmd("Emulation.setScrollbarsHidden",
                                {"hidden": True})
    page.wait_state("now", "open")
    page.wait_state("chat", "open")
    page.wait_number("counter", 1)
    shot = page.driver.execute_cdp_cmd("Page.captureScreenshot",
                                       {"format": "png"})
    png = base64.b64decode(shot["data"])
    assert size(png) == (WIDTH, HEIGHT)
    assert len(png) > 20000     # something is on it
    target = os.environ.get("FCGI_SSE_PICTURE")
    if target:
        pathlib.Path(target).write_bytes(png)
    kept = (DOC / "page.png").read_bytes()
    assert size(kept) == (WIDTH, HEIGHT)
    assert len(png) / 3 < len(kept) < len(png) * 3
    page.check_quiet()
