"""A redis-server of one's own, at a unix socket."""

import shutil
import subprocess

import pytest

from fcgi_client import WAIT_S
from responder import run, wait_until

ASK_AGAIN_S = 1


class Redis:
    def __init__(self, directory):
        self.directory = directory
        self.socket = directory / "redis.sock"
        self.process = None

    def start(self, *args):
        """Keeps in the file what was there when it was stopped."""
        self.process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.socket,
             "--dir", self.directory, "--appendonly", "yes", "--save", "",
             *args],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: self.ask("ping") == "PONG", "redis answers")

    def ask(self, *words):
        return subprocess.run(
            ["redis-cli", "-s", self.socket, *words], text=True,
            capture_output=True, timeout=WAIT_S).stdout.strip()

    def stop(self):
        """Asks again: a server that has yet to write its first append-only
        file, as a replica that was just filled, refuses to end."""
        if self.process is not None:
            wait_until(self._has_ended, "redis ends", 3 * WAIT_S)
            self.process = None

    def _has_ended(self):
        self.process.terminate()
        try:
            self.process.wait(ASK_AGAIN_S)
        except subprocess.TimeoutExpired:
            return False
        return True

    @property
    def url(self):
        return f"redis+unix:{self.socket}"


def skip_without():
    if shutil.which("redis-server") is None:
        pytest.skip("there is no redis-server")
    if "without it" in run("--listen", "nope", "--store", "redis://h").stderr:
        pytest.skip("built without redis")


@pytest.fixture
def redis(short_dir):
    """Not yet started; skipped where there is none."""
    skip_without()
    server = Redis(short_dir)
    yield server
    server.stop()
