"""kill -9 for the web server under its streams, and a new one."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys

import pytest

import fcgi_client
from responder import free_port, wait_until
from tools import BENCH

sys.path.append(str(BENCH))
import servers      # noqa: E402  (the configuration that is measured)

CLIENTS = 1000


class Lighttpd:
    def __init__(self, directory, process):
        self.program = servers.program("lighttpd")
        if self.program is None:
            pytest.skip("no lighttpd")
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.config = pathlib.Path(directory) / "lighttpd.conf"
        self.config.write_text(servers.LIGHTTPD.format(
            root=directory, port=self.port,
            socket=process.address.removeprefix("unix:")))
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            [self.program, "-D", "-f", str(self.config)],
            stdin=subprocess.DEVNULL)
        wait_until(self.is_up, "lighttpd listens")

    def is_up(self):
        try:
            fcgi_client.connect(self.address).close()
        except OSError:
            return False
        return True

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def web_server(short_dir):
    started = []

    def factory(process):
        directory = short_dir / "lighttpd"
        os.mkdir(directory)
        started.append(Lighttpd(directory, process))
        started[0].start()
        return started[0]

    yield factory
    for server in started:
        server.kill()
    shutil.rmtree(short_dir / "lighttpd", ignore_errors=True)


def test_kill_9_under_a_thousand_streams(fcgi_sse, good_clients, web_server):
    process = fcgi_sse()
    server = web_server(process)
    through = ("--http", "--path", f"{servers.PREFIX}/clock",
               "--burst", "200")
    with process.unharmed():
        direct = good_clients(process, 200)
        fds = process.fd_count()
        first = good_clients(server.address, CLIENTS, *through)
        server.kill()
        # It is told at once, and lets go of all of them.
        wait_until(lambda: process.fd_count() == fds, "its descriptors")
        assert first.report()["closed"] == CLIENTS
        direct.check()
        server.start()
        second = good_clients(server.address, CLIENTS, *through)
        second.check()
        direct.check()
        server.kill()
        direct.leave()
    ends = [line["reason"] for line in process.log
            if line.has(event="disconnect")]
    assert set(ends) <= {"client-closed", "write-failed"}
