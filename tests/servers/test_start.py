"""The other ways to start fcgi-sse: systemd, spawn-fcgi, the demo."""

import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import urllib.request

import pytest

from place import DEPLOY, Place, is_root, web_user
from responder import (
    BINARY, STOP_S, clean_environ, free_port, wait_until)
from servers import FRONTS, Site
import streams

EXTERNAL = next(front for front in FRONTS if front.name == "nginx")
UNITS = ("systemd/fcgi-sse.socket", "systemd/fcgi-sse.service")


@pytest.fixture
def nginx():
    """nginx, with nothing behind it yet."""
    site = Site(EXTERNAL)
    site.responder = None
    with site:
        yield site


class Activated:
    """Started with a socket that somebody else holds, as by systemd."""

    def __init__(self, place):
        self.program = place.dir / "fcgi-sse"
        self.sock = socket.socket(socket.AF_UNIX)
        path = str(place.dir / "fcgi-sse.sock")
        self.sock.bind(path)
        self.sock.listen(100)
        os.chmod(path, 0o666)

    def start(self):
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", 'LISTEN_PID=$$ LISTEN_FDS=1; '
             'export LISTEN_PID LISTEN_FDS; exec "$0" 3<&0 </dev/null',
             self.program],
            env=clean_environ(), stdin=self.sock, **web_user())

    def stop(self):
        self.process.terminate()
        assert self.process.wait(STOP_S) == 0


def test_socket_activation_refuses_nobody(nginx):
    """What comes while the program restarts waits for it."""
    activated = Activated(nginx.place)
    nginx.responder = activated
    activated.start()
    with nginx.open("/clock") as stream:
        assert stream.read_event().data
        activated.stop()
        while stream.read_event() is not None:
            pass
    with nginx.open("/clock", wait=False) as stream:
        activated.start()
        stream.read_head()
        assert stream.status == 200
        assert stream.read_event().data


@pytest.mark.skipif(not is_root(), reason="spawn-fcgi -u needs root")
def test_spawn_fcgi(nginx):
    script = nginx.place.copy("spawn-fcgi/fcgi-sse.sh", "start.sh")
    out = nginx.place.dir / "start.out"
    with open(out, "wb") as file:
        subprocess.run([script], check=True, env=clean_environ(),
                       stdout=file, stderr=file, timeout=60)
    pid = int((nginx.place.dir / "fcgi-sse.pid").read_text())
    try:
        # A shell script becomes the program.
        wait_until(lambda: nginx.processes() == [pid], "the one process")
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        assert "Uid:\t33\t33" in status
        with nginx.open("/clock") as stream:
            assert stream.read_event().data
    finally:
        os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not nginx.processes(), "it stops")


def test_fcgid_has_streams_end_before_it_kills():
    fcgid = next(f for f in FRONTS if f.name == "apache-fcgid")
    with Site(fcgid) as site:
        with site.open("/clock") as stream:
            stream.read_event()
            pid, = site.processes()
            environ = pathlib.Path(f"/proc/{pid}/environ").read_text()
        assert "FCGI_SSE_STREAM_LIFETIME=280s" in environ.split("\0")


@pytest.fixture
def units():
    """The unit files, with a program that exists."""
    place = Place()
    for unit in UNITS:
        place.copy(unit, pathlib.Path(unit).name)
    yield [place.dir / pathlib.Path(unit).name for unit in UNITS]
    place.remove()


def analyze(*args):
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not there")
    return subprocess.run(["systemd-analyze", *args], text=True, timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def test_units_are_valid(units):
    done = analyze("verify", "--man=no", *units)
    assert (done.returncode, done.stdout) == (0, "")


def test_service_is_hardened(units):
    # The scale ends at 100; a service without any of it has 96.
    done = analyze("security", "--offline=true", "--threshold=10",
                   "--no-pager", units[1])
    assert done.returncode == 0, done.stdout


class Demo:
    def __init__(self, port):
        self.port = port
        self.lines = []
        # Where what it leaves behind would be.
        self.tmp = pathlib.Path(tempfile.mkdtemp(prefix="fcgi-sse-test-"))
        self.tmp.chmod(0o755)
        self.process = subprocess.Popen(
            [DEPLOY / "demo", str(port)], cwd="/", text=True,
            env=clean_environ({"FCGI_SSE": BINARY, "TMPDIR": str(self.tmp)}),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line)

    def says(self, words):
        return wait_until(lambda: words in "".join(self.lines),
                          f"the demo says: {words}")

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
        status = self.process.wait(STOP_S)
        left = list(self.tmp.iterdir())
        shutil.rmtree(self.tmp)
        assert left == []
        return status


@pytest.fixture
def demo():
    demos = []

    def start(port):
        demos.append(Demo(port))
        return demos[-1]

    yield start
    for one in demos:
        if one.tmp.exists():
            one.close()


def members(session):
    """Processes of the session that the demo began."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue                # ended meanwhile
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(path.parent.name)
    return found


def ticks(port):
    with streams.Stream(port, "/sse/clock") as stream:
        return stream.read_event().data and stream.read_event().data


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM],
                         ids=["SIGINT", "SIGTERM"])
def test_demo_runs_until_it_is_stopped(demo, number):
    one = demo(free_port())
    one.says(f"http://127.0.0.1:{one.port}/")
    assert ticks(one.port)
    assert streams.ask(one.port, "/").header("location") == "/sse/"
    one.says("connect client=127.0.0.1 path=/sse/clock")
    one.says(f"store=sqlite:{one.tmp}/")
    key = re.search(r"^    (key\.\S+)$", "".join(one.lines), re.M)[1]
    request = urllib.request.Request(
        f"http://127.0.0.1:{one.port}/sse/events", b"topic=news&data=x",
        {"Authorization": f"Bearer {key}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.read().startswith(b"urn:uuid:")
    assert len(members(one.process.pid)) > 2
    os.killpg(one.process.pid, number)
    assert one.close() == 0
    wait_until(lambda: not members(one.process.pid), "all of it has ended")


def test_two_demos_at_once(demo):
    demos = [demo(free_port()) for _ in range(2)]
    for one in demos:
        one.says("Its log")
        assert ticks(one.port)


def test_demo_says_when_the_port_is_taken(demo):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        one = demo(port)
        one.says(f"port {port} is taken. Choose another: ")
        assert one.close() == 1


@pytest.mark.parametrize("port", ["0", "65536", "eighty", ""])
def test_demo_wants_a_port(demo, port):
    one = demo(port)
    one.says("usage: ")
    assert one.close() == 1
