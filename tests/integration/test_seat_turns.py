"""Processes that have one stream each: more clients than seats take turns."""

import contextlib
import os
import re
import signal
import struct
import time

import pytest

from cgi_program import Program, ask
from responder import wait_until

MAX = 2
KEY = "s3same"
ACCEPT = {"HTTP_ACCEPT": "text/event-stream"}
REFUSED = re.compile(rb"retry: (\d+)\nevent: refused\n")
SENT_AWAY = re.compile(rb"(?:^|\n)id: (\S+)\nretry: (\d+)\n\n$")


@pytest.fixture
def env(short_dir):
    (short_dir / "keys").write_text(KEY)
    (short_dir / "keys").chmod(0o600)
    return {"FCGI_SSE_STORE": f"sqlite:{short_dir}/log.db",
            "FCGI_SSE_PUBLISH_KEY_FILE": f"{short_dir}/keys",
            "FCGI_SSE_MAX_STREAMS": str(MAX),
            "FCGI_SSE_TURN_MIN": "100ms", "FCGI_SSE_TURN_MAX": "1s"}


def publish(env, data):
    answer = ask("/events", method="POST", env=env,
                 body=f"topic=t&data={data}".encode(),
                 CONTENT_TYPE="application/x-www-form-urlencoded",
                 CONTENT_LENGTH=str(len(f"topic=t&data={data}")),
                 HTTP_AUTHORIZATION=f"Bearer {KEY}")
    assert answer.status == "200 OK", answer.body


class Page:
    """An EventSource: it comes back when it was told to."""

    def __init__(self, env, stack):
        self.env, self.stack = env, stack
        self.id = None
        self.data = []
        self.due = 0
        self.turns = self.refusals = 0
        self.program = None

    def start(self):
        changes = {"HTTP_LAST_EVENT_ID": self.id} if self.id else {}
        self.program = self.stack.enter_context(Program(
            "/events", "topic=t", env=self.env, **ACCEPT, **changes))
        self.out = b""
        os.set_blocking(self.program.process.stdout.fileno(), False)

    def is_open(self):
        return self.program is not None and b"\r\n\r\n:" in self.out

    def has_stream(self):
        return (self.is_open() and not REFUSED.search(self.out)
                and not SENT_AWAY.search(self.out)
                and self.program.process.poll() is None)

    def step(self):
        """What it does now."""
        if self.program is None:
            if time.monotonic() < self.due:
                return
            self.start()
        with contextlib.suppress(BlockingIOError):
            data = self.program.process.stdout.read(65536)
            if data is not None:
                self.out += data
            if data == b"":
                self.end()

    def end(self):
        body = self.out.partition(b"\r\n\r\n")[2]
        refused, away = REFUSED.search(body), SENT_AWAY.search(body)
        assert refused or away, self.out
        retry = int((refused or away)[refused and 1 or 2])
        assert 100 <= retry <= 60000
        self.due = time.monotonic() + retry / 1000
        self.refusals += bool(refused)
        self.turns += bool(away)
        self.data += [int(found) for found in
                      re.findall(rb"^data: (\d+)$", body, re.M)]
        found = re.findall(rb"^id: (\S+)$", body, re.M)
        self.id = found[-1].decode() if found else self.id
        self.program.wait_end()
        self.program = None


def run(pages, enough):
    def step():
        for page in pages:
            page.step()
        # The seats are never exceeded. A process writes its stream's end before
        # it leaves the seat, so the end of one is read after the others' heads.
        seen = [page for page in pages if page.is_open()]
        for page in seen:
            page.step()
        assert sum(page.has_stream() for page in seen) <= MAX
        return enough()
    wait_until(step, "they take turns", 60)


def test_clients_of_cgi_take_turns(env):
    with contextlib.ExitStack() as stack:
        pages = [Page(env, stack) for _ in range(5)]
        run(pages, lambda: all(page.turns for page in pages))
        for number in range(1, 7):
            publish(env, number)
            turns = [page.turns for page in pages]
            run(pages, lambda: any(page.turns > before for page, before in
                                   zip(pages, turns)))
        run(pages, lambda: all(page.data[-1:] == [6] for page in pages))
        for page in pages:
            assert page.data == [1, 2, 3, 4, 5, 6]


def test_without_turns_a_seat_is_kept(env):
    env["FCGI_SSE_TURN_MAX"] = "0"
    with contextlib.ExitStack() as stack:
        pages = [Page(env, stack) for _ in range(MAX + 1)]
        run(pages, lambda: sum(page.refusals for page in pages) >= 2)
        assert sum(page.turns for page in pages) == 0


def full_notes():
    """As many streams and clients as there may be, of impossible times."""
    now_ms = time.monotonic_ns() // 1000000
    stream = struct.pack("<QQqq", 1, 2, -1 << 63, now_ms)
    wait = struct.pack("<Qq", 2, (1 << 63) - 1)
    return struct.pack("<8sQQ", b"seturns2", 4096, 16384) + b"\xff" * 32 \
        + 4096 * stream + 16384 * wait


@pytest.mark.parametrize("notes", [
    b"\xff" * 4096, b"x", os.urandom(70000), full_notes()],
    ids=["high", "short", "random", "full"])
def test_whatever_the_notes_hold(env, short_dir, notes):
    (short_dir / "log.db-seats").write_bytes(notes)
    (short_dir / "log.db-seats").chmod(0o600)
    with contextlib.ExitStack() as stack:
        pages = [Page(env, stack) for _ in range(MAX + 1)]
        run(pages, lambda: all(page.turns for page in pages))


def test_killed_processes_leave_nothing_that_matters(env):
    with contextlib.ExitStack() as stack:
        pages = [Page(env, stack) for _ in range(MAX)]
        run(pages, lambda: all(page.is_open() for page in pages))
        for page in pages:
            page.program.process.send_signal(signal.SIGKILL)
            page.program.process.wait()
        others = [Page(env, stack) for _ in range(MAX + 1)]
        run(others, lambda: all(page.turns for page in others))
