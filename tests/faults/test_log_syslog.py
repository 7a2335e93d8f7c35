"""The syslog: a daemon that does not read, is started anew or is not there
costs lines, which are counted, and never time."""

import contextlib
import os
import re
import socket

import pytest

import responder
from responder import wait_until

HEAD = re.compile(r"<(\d+)>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d "
                  r"fcgi-sse\[\d+\]: (.*)")


class Daemon:
    """A socket that is /dev/log for the program."""

    def __init__(self, path):
        self.path = path
        self.lines = []
        self.open()

    def open(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.socket.setblocking(False)

    def close(self):
        self.socket.close()
        self.path.unlink()

    def read(self):
        """What has come since, with what came before."""
        with contextlib.suppress(BlockingIOError):
            while True:
                line = self.socket.recv(65536).decode("ascii")
                priority, text = HEAD.fullmatch(line).groups()
                assert int(priority) >> 3 == 3
                self.lines.append(text)
        return self.lines

    def wait_for(self, text):
        wait_until(lambda: any(text in line for line in self.read()), text)


@pytest.fixture
def daemon(short_dir):
    daemon = Daemon(short_dir / "log")
    yield daemon
    daemon.socket.close()


def start(fcgi_sse, tools, daemon, *args):
    process = fcgi_sse("--log", "syslog", *args, await_ready=False,
                       env=tools.preloaded(syslog=daemon.path))
    process.wait_up()
    return process


def test_a_daemon_that_reads_gets_each_line(fcgi_sse, tools, daemon):
    process = start(fcgi_sse, tools, daemon)
    daemon.wait_for("ready listen=")
    process.ask("/")
    daemon.wait_for("page client=192.0.2.7 path=/")
    process.stop()
    daemon.wait_for("exit open=0")
    assert not any("log-lost" in line for line in daemon.read())


def test_a_daemon_that_does_not_read(fcgi_sse, tools, daemon, good_clients):
    """Ten datagrams fill its queue; the streams go on."""
    process = start(fcgi_sse, tools, daemon)
    with process.unharmed():
        good = good_clients(process, 500)
        for _ in range(1000):
            process.ask("/")
        good.check()
        good.leave()
    process.ask("/")
    seen = []

    def tells():
        process.ask("/")
        seen[:] = [line for line in daemon.read() if "log-lost" in line]
        return seen

    wait_until(tells, "it says how many lines were lost")
    lost = re.fullmatch(r"log-lost lines=(\d+)", seen[0])
    assert int(lost.group(1)) > 100
    process.ask("/", mount="/last")
    daemon.wait_for("path=/last/")


def test_a_burst_that_the_daemon_reads_late_is_whole(fcgi_sse, tools, daemon):
    process = start(fcgi_sse, tools, daemon)
    for _ in range(200):
        process.ask("/")
    wait_until(lambda: sum(line.startswith("page ")
                           for line in daemon.read()) == 200, "200 lines")
    assert not any("log-lost" in line for line in daemon.lines)


def test_a_daemon_that_is_started_anew(fcgi_sse, tools, daemon):
    process = start(fcgi_sse, tools, daemon)
    daemon.wait_for("ready listen=")
    daemon.close()
    process.ask("/", mount="/while")
    daemon.open()
    daemon.wait_for("path=/while/")
    process.ask("/", mount="/after")
    daemon.wait_for("path=/after/")


def test_no_daemon_at_all(fcgi_sse, tools, daemon):
    daemon.close()
    process = start(fcgi_sse, tools, daemon)
    with process.unharmed():
        for _ in range(100):
            process.ask("/")


@pytest.mark.parametrize("args, words", [
    (["--listen", "unix:/nope/x.sock"], ["unix:/nope/x.sock", "no folder"]),
    (["--heartbeat", "x"], ["--heartbeat takes a duration"]),
    (["--publish-key-file", "/nope"], ["/nope: No such file"]),
    (["--nope"], ["unknown option"]), ([], ["nothing to take requests from"])])
def test_errors_at_the_start_are_logged(tools, daemon, args, words):
    """Web servers throw away what is written to stderr."""
    env = {"FCGI_SSE_LOG": "syslog", **tools.preloaded(syslog=daemon.path)}
    done = responder.run(*args, env=env)
    assert done.returncode in (1, 2)
    assert [line.startswith("start error=") for line in daemon.read()] \
        == [True]
    for word in words:
        assert word in done.stderr
        assert word in daemon.lines[0]


def test_errors_at_the_start_are_in_the_log_file(short_dir):
    config, log = short_dir / "ini", short_dir / "log.txt"
    config.write_text(f"log = {log}\nfoo = 1\n")
    done = responder.run("--config", str(config))
    assert done.returncode == 2
    assert f"{config}:2: unknown key" in done.stderr
    assert " error start error=" in log.read_text()
    assert f"{config}:2: unknown key" in log.read_text()
    assert os.stat(log).st_mode & 0o007 == 0
