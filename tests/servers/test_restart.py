"""fcgi-sse ends, and comes back, while the web server goes on."""

import os
import signal

import pytest

from responder import wait_until
from servers import FRONTS
import streams


def behind(fronts):
    """Runs the test behind these web servers only."""
    return pytest.mark.parametrize(
        "site", fronts, ids=lambda front: front.name, indirect=True,
        scope="module")


EXTERNAL = [front for front in FRONTS if front.listen]
CGI = [front for front in FRONTS if front.is_cgi]
SPAWNED = [front for front in FRONTS if not front.listen and not front.is_cgi]


def answers(site):
    try:
        return site.ask("/counter?count=1").status == 200
    except (OSError, streams.Cut):
        return False


@behind(EXTERNAL)
def test_streams_come_back_after_a_restart(site):
    clients = [site.open("/clock") for _ in range(3)]
    for client in clients:
        client.read_event()
    site.responder.stop()
    for client in clients:
        # Ended, not cut: the client sees it at once and comes back.
        while client.read_event() is not None:
            pass
        client.close()
    assert site.ask("/clock").status in (500, 502, 503)
    site.responder.start()
    wait_until(lambda: answers(site), "an answer")
    with site.open("/clock") as stream:
        assert stream.read_event().data


@behind(SPAWNED)
def test_killed_process_is_replaced(site):
    with site.open("/clock") as stream:
        stream.read_event()
        pids = site.processes()
        assert pids
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        # The end may come in any form, and late, but no event does.
        with pytest.raises((AssertionError, streams.Cut, OSError)):
            while stream.read_event(timeout=6) is not None:
                pass
            raise streams.Cut
    wait_until(lambda: answers(site), "an answer")
    assert not set(pids) & set(site.processes())


@behind(CGI)
def test_process_ends_with_its_client(site):
    wait_until(lambda: not site.processes(), "no process")
    with site.open("/clock?interval=200ms") as stream:
        stream.read_event()
        assert len(site.processes()) == 1
        stream.read_event()
    wait_until(lambda: not site.processes(), "its process ends")


@behind(CGI)
def test_process_ends_with_its_response(site):
    with site.open("/counter?count=2&interval=100ms") as stream:
        while stream.read_event() is not None:
            pass
        wait_until(lambda: not site.processes(), "its process ends")
