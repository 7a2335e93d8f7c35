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
    def __init__(self, port, *more, program=DEPLOY / "demo", env=None,
                 user=None):
        self.port = port
        self.lines = []
        # Where what it leaves behind would be.
        self.tmp = pathlib.Path(tempfile.mkdtemp(prefix="fcgi-sse-test-"))
        self.tmp.chmod(0o777)
        env = {"FCGI_SSE": BINARY} if env is None else env
        self.process = subprocess.Popen(
            [program, str(port), *more], cwd="/", text=True,
            env=clean_environ({"TMPDIR": str(self.tmp), **env}),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True, user=user)
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

    def start(*args, **options):
        demos.append(Demo(*args, **options))
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


def make_tool(directory, name, text):
    path = directory / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture(name="tools")
def fixture_tools():
    """A folder of programs that come before the system's."""
    with tempfile.TemporaryDirectory(prefix="fcgi-sse-") as name:
        directory = pathlib.Path(name)
        directory.chmod(0o755)
        make_tool(directory, "dpkg-query", "exit 1")
        yield directory


def other_user():
    return "nobody" if is_root() else None


def test_demo_names_the_packages_that_are_missing(demo, tools):
    one = demo(free_port(), user=other_user(),
               env={"FCGI_SSE": BINARY, "PATH": f"{tools}:/usr/bin:/bin"})
    one.says("packages are missing. As root: apt-get install lighttpd\n")
    assert one.close() == 1


@pytest.mark.skipif(not is_root(), reason="apt-get needs root")
def test_demo_without_a_network(demo, tools):
    make_tool(tools, "apt-get", "test $2 = update || { "
              "echo 'E: Could not resolve deb.example'; exit 100; }")
    one = demo(free_port(),
               env={"FCGI_SSE": BINARY, "PATH": f"{tools}:/usr/bin:/bin"})
    one.says("E: Could not resolve deb.example")
    one.says("apt-get could not install lighttpd. Without a network")
    assert one.close() == 1


def test_demo_in_a_tree_of_another_user(demo, tools):
    make_tool(tools, "dpkg-query", "echo install ok installed")
    (tools / "deploy").mkdir()
    shutil.copy(DEPLOY / "demo", tools / "deploy")
    tools.chmod(0o555)
    one = demo(free_port(), program=tools / "deploy" / "demo",
               user=other_user(),
               env={"FCGI_SSE": "", "PATH": f"{tools}:/usr/bin:/bin"})
    one.says(f" may not write to {tools}/build-demo. Copy the source tree")
    one.says(f"FCGI_SSE=/usr/local/bin/fcgi-sse {tools}/deploy/demo")
    assert one.close() == 1
    tools.chmod(0o755)


@pytest.mark.parametrize("args", [
    ("0",), ("65536",), ("eighty",), ("",), ("8080", "8081")])
def test_demo_wants_a_port(demo, args):
    one = demo(*args)
    one.says("usage: ")
    assert one.close() == 1
