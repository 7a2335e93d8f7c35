"""What systemd is told: READY=1, WATCHDOG=1 while all is well, STOPPING=1."""

import contextlib
import socket
import time

import pytest

from fcgi_client import WAIT_S
from responder import wait_past_ms


class Manager:
    """The end that systemd has of the socket."""

    def __init__(self, name):
        self.name = name
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind("\0" + name[1:] if name[0] == "@" else name)
        self.sock.settimeout(WAIT_S)

    def recv(self):
        return self.sock.recv(4096).decode().split("\n")

    def recv_all(self):
        """Those that are there already."""
        self.sock.setblocking(False)
        found = []
        with contextlib.suppress(BlockingIOError):
            while True:
                found += self.recv()
        self.sock.settimeout(WAIT_S)
        return found


@pytest.fixture(params=["path", "abstract"])
def manager(request, short_dir):
    name = str(short_dir / "notify")
    found = Manager(f"@{name}" if request.param == "abstract" else name)
    yield found
    found.sock.close()


def test_ready_and_stopping(fcgi_sse, manager):
    process = fcgi_sse(env={"NOTIFY_SOCKET": manager.name})
    assert manager.recv() == ["READY=1"]
    process.check_good()
    process.stop()
    assert manager.recv_all() == ["STOPPING=1"]


def test_watchdog_is_fed_twice_in_its_time(fcgi_sse, manager):
    began = time.monotonic()
    process = fcgi_sse(env={"NOTIFY_SOCKET": manager.name,
                            "WATCHDOG_USEC": "600000"})
    assert manager.recv() == ["READY=1"]
    for _ in range(4):
        assert manager.recv() == ["WATCHDOG=1"]
    # Four times 300 ms; on a busy machine it may be late.
    assert 0.9 < time.monotonic() - began < 10
    # A process that hangs says nothing.
    with process.paused():
        manager.recv_all()
        wait_past_ms(700)
        assert manager.recv_all() == []


def test_watchdog_of_another_process_is_not_fed(fcgi_sse, manager):
    fcgi_sse(env={"NOTIFY_SOCKET": manager.name, "WATCHDOG_USEC": "100000",
                  "WATCHDOG_PID": "1"})
    assert manager.recv() == ["READY=1"]
    wait_past_ms(300)
    assert manager.recv_all() == []


@pytest.mark.parametrize("name", ["/nowhere/notify", "notify", "", "@" * 200])
def test_a_socket_that_is_not_there_does_no_harm(fcgi_sse, name):
    process = fcgi_sse(env={"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "100000"})
    process.check_good()


def test_a_manager_that_goes_away_does_no_harm(fcgi_sse, short_dir):
    found = Manager(str(short_dir / "notify"))
    process = fcgi_sse(env={"NOTIFY_SOCKET": found.name,
                            "WATCHDOG_USEC": "100000"})
    found.sock.close()
    wait_past_ms(300)
    process.check_good()
