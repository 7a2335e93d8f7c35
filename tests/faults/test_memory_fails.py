"""No memory: the process ends with one clear line, or goes on."""

import contextlib
import subprocess

import pytest

import fcgi_client
import responder
from responder import BINARY, clean_environ, is_sanitized

LINE = "fcgi-sse: out of memory"
# libfcgi has an end of its own for this.
LIBFCGI = "Malloc: Assertion"
ENOMEM = 12

pytestmark = pytest.mark.skipif(
    is_sanitized(), reason="a sanitizer has an allocator of its own")


@contextlib.contextmanager
def short_of_memory(tools, directory, nth, switch=None):
    """Runs the program with an nth allocation that fails."""
    address = f"unix:{directory}/sock"
    settings = {"fail": f"malloc:{ENOMEM}:{nth}"}
    if switch is not None:
        settings["switch"] = switch
    child = subprocess.Popen(
        [BINARY, "--listen", address], stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        env=clean_environ(tools.preloaded(**settings)))
    try:
        yield child, address
    finally:
        child.kill()
        child.wait()
        child.stderr.close()


def wait_up(child, address):
    """False when it has ended instead."""
    def is_up():
        if child.poll() is not None:
            return True
        with contextlib.suppress(OSError):
            fcgi_client.connect(address).close()
            return True
        return False

    responder.wait_until(is_up, "it listens or has ended")
    return child.poll() is None


def use_it(address):
    """True when all was served."""
    try:
        for path, query in (("/nope", ""), ("/page.js", ""), ("/stream", ""),
                            ("/counter", "count=2&interval=100ms")):
            with fcgi_client.Client(address) as client:
                answer = client.send_request(path, query)
                client.recv_until(answer, lambda a: a.body, 2)
    except OSError:
        return False
    return True


def ending(child):
    """How it ended, once it was told to: "served on", or its last line."""
    child.terminate()
    status = child.wait(responder.STOP_S)
    lines = [line for line in child.stderr.read().splitlines()
             if not line.startswith("20")]
    if status == 0:
        return "" if not lines else f"0 {lines}"
    return f"{status} {lines}"


def check_endings(found):
    wrong = {nth: text for nth, text in found.items()
             if text and not text.startswith(("1 ['fcgi-sse: ",
                                              "2 ['fcgi-sse: "))
             and not (text.startswith("-6 ") and LIBFCGI in text)}
    assert not wrong, wrong
    assert f"1 ['{LINE}']" in found.values()


def test_each_allocation_of_the_start(tools, short_dir):
    found = {}
    for nth in range(1, 60):
        with short_of_memory(tools, short_dir, nth) as (child, address):
            if wait_up(child, address):
                use_it(address)
            found[nth] = ending(child)
    check_endings(found)


def test_allocations_while_it_serves(tools, short_dir):
    found = {}
    switch = short_dir / "switch"
    for nth in range(1, 60, 2):
        with short_of_memory(tools, short_dir, nth, switch) as (child,
                                                                address):
            assert wait_up(child, address)
            switch.touch()
            use_it(address)
            switch.unlink()
            found[nth] = ending(child)
    check_endings(found)
