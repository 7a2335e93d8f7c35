"""fcgi-sse ends, and comes back, while the web server goes on."""

import os
import signal

import pytest

from responder import wait_until
import streams


def answers(site):
    try:
        return site.ask("/counter?count=1").status == 200
    except (OSError, streams.Cut):
        return False


def test_streams_come_back_after_a_restart(site):
    if not site.responder:
        pytest.skip("the web server starts fcgi-sse")
    clients = [site.open("/clock") for _ in range(3)]
    for client in clients:
        client.read_event()
    site.responder.stop()
    for client in clients:
        # Ended, not cut: the client sees it at once and comes back.
        while client.read_event(timeout=2) is not None:
            pass
        client.sock.close()
    assert site.ask("/clock").status in (502, 503)
    site.responder.start()
    wait_until(lambda: answers(site), "an answer", 4)
    with site.open("/clock") as stream:
        assert stream.read_event().data


def test_killed_process_is_replaced(site):
    if site.responder or site.front.is_cgi:
        pytest.skip("the web server does not keep fcgi-sse running")
    with site.open("/clock") as stream:
        stream.read_event()
        pids = site.processes()
        assert pids
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        with pytest.raises((AssertionError, streams.Cut, OSError)):
            while stream.read_event(timeout=6) is not None:
                pass
            raise streams.Cut
    wait_until(lambda: answers(site), "an answer", 4)
    assert not set(pids) & set(site.processes())


def test_cgi_process_ends_with_its_client(site):
    if not site.front.is_cgi:
        pytest.skip("one process serves all")
    wait_until(lambda: not site.processes(), "no process")
    with site.open("/clock?interval=200ms") as stream:
        stream.read_event()
        assert len(site.processes()) == 1
        stream.read_event()
    wait_until(lambda: not site.processes(), "its process ends", 3)
