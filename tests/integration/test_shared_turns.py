"""Several processes at one socket that have many streams each: together they
have as many as may be open, and their clients take turns on these."""

import contextlib
import re
import signal
import time

import pytest

import fcgi_client
from responder import wait_until
from test_several import publish, start, state  # pylint: disable=unused-import
from test_turns import EVENT_SOURCE, LONG, REFUSED, SENT_AWAY, SHORT

PROCESSES = 3
TURNS = 4
PAGES = 10
ASKED = 30          # so many requests come to each process


@pytest.fixture(name="address")
def fixture_address(short_dir):
    return f"unix:{short_dir}/s"


@pytest.fixture(name="processes")
def fixture_processes(start):
    return lambda *args: [start(*args) for _ in range(PROCESSES)]


class Page:
    """An EventSource: it comes back when it was told to."""

    def __init__(self, address, remote="192.0.2.7"):
        self.address, self.remote = address, remote
        self.id = self.client = self.answer = None
        self.data = []
        self.due = self.turns = self.refusals = 0

    def start(self):
        changes = {"HTTP_LAST_EVENT_ID": self.id} if self.id else {}
        self.client = fcgi_client.Client(self.address)
        self.answer = self.client.send_request(
            "/events", "topic=t", REMOTE_ADDR=self.remote, **EVENT_SOURCE,
            **changes)
        self.client.recv_until(self.answer, lambda a: a.body or a.end)

    def is_refused(self):
        return bool(REFUSED.search(self.answer.body.decode()))

    def step(self):
        """What it does now."""
        if self.client is None:
            if time.monotonic() >= self.due:
                self.start()
        elif self.client.arrived or self.client.has_input():
            record = self.client.recv_record()
            if record is None:
                self.end()
            else:
                self.answer.add(record)

    def end(self):
        body = self.answer.body.decode()
        refused, away = REFUSED.search(body), SENT_AWAY.search(body)
        assert refused or away, body
        self.refusals += bool(refused)
        self.turns += bool(away and not refused)
        self.due = time.monotonic() + int((refused or away)[2]) / 1000
        self.data += [int(found) for found in
                      re.findall(r"^data: (\d+)$", body, re.M)]
        found = re.findall(r"^id: (\S+)$", body, re.M)
        self.id = found[-1] if found else self.id
        self.close()

    def close(self):
        if self.client:
            self.client.close()
        self.client = None


@contextlib.contextmanager
def opened(address, count, **changes):
    """So many pages, each with a stream."""
    pages = [Page(address, **changes) for _ in range(count)]
    try:
        for page in pages:
            page.start()
            assert not page.is_refused()
        yield pages
    finally:
        for page in pages:
            page.close()


def ask(address, **changes):
    return fcgi_client.ask(address, "/events", "topic=t", **changes)


def is_admitted(address, remote="192.0.2.7"):
    page = Page(address, remote)
    page.start()
    is_open = not page.is_refused()
    page.close()
    return is_open


def metric(process_address, name):
    body = fcgi_client.ask(process_address, "/metrics",
                           REMOTE_ADDR="127.0.0.1").body
    return int(re.search(rf"(?m)^fcgi_sse_{name} (\d+)$", body.decode())[1])


def check_full(address, reason):
    """No process admits one more."""
    for _ in range(ASKED):
        answer = ask(address)
        assert answer.status == "503 Service Unavailable"
        assert reason in answer.body.decode()
    assert not is_admitted(address)


@pytest.mark.parametrize("limits, reason", [
    (("--turns", str(TURNS), *LONG), "other clients have their turn"),
    (("--max-streams", str(TURNS)), "too many streams"),
    # What is reached first counts.
    (("--max-streams", str(TURNS), "--turns", str(TURNS), *SHORT),
     "too many streams"),
    (("--max-streams", "9", "--turns", str(TURNS), *LONG),
     "other clients have their turn")])
@pytest.mark.parametrize("store", ["auto", "memory"])
def test_streams_of_all_are_counted(processes, address, limits, reason, store):
    processes("--store", store, *limits)
    with opened(address, TURNS) as pages:
        check_full(address, reason)
        assert metric(address, "streams_open_shared") == TURNS
        pages[0].close()
        wait_until(lambda: metric(address, "streams_open_shared") == TURNS - 1,
                   "its seat is free")
        with opened(address, 1):
            check_full(address, reason)
    wait_until(lambda: metric(address, "streams_open_shared") == 0,
               "all are free")


def test_streams_of_a_client_are_counted_where_there_are_turns(processes,
                                                               address):
    processes("--turns", "9", *LONG, "--max-streams-per-client", "2")
    with opened(address, 2):
        check_full(address, "too many streams")
        with opened(address, 2, remote="192.0.2.8"):
            assert not is_admitted(address, "192.0.2.8")
            assert is_admitted(address, "192.0.2.9")


def test_the_seats_of_a_killed_process_are_free(processes, address):
    all_of_them = processes("--turns", "6", *LONG)
    with opened(address, 6) as pages:
        check_full(address, "other clients have their turn")
        wait_until(lambda: sum(line["event"] == "connect"
                               for process in all_of_them
                               for line in process.log) == 6, "all are logged")
        victim = next(process for process in all_of_them if any(
            line["event"] == "connect" for line in process.log))
        lost = sum(line["event"] == "connect" for line in victim.log)
        victim.process.send_signal(signal.SIGKILL)
        victim.wait_end()
        # What connects while it is killed finds a closed connection.
        others = []
        for _ in range(lost):
            page = Page(address)
            wait_until(lambda: started(page), "another process has it")
            others.append(page)
        check_full(address, "other clients have their turn")
        for page in pages + others:
            page.close()


def started(page):
    try:
        page.start()
    except OSError:
        return False
    return not page.is_refused()


def test_pages_take_turns_and_miss_nothing(processes, address):
    processes("--turns", str(TURNS), *SHORT)
    pages = [Page(address) for _ in range(PAGES)]

    def step(enough):
        for page in pages:
            page.step()
        return enough()

    def run(enough):
        wait_until(lambda: step(enough), "they take turns", 60)

    try:
        run(lambda: all(page.turns and page.id for page in pages))
        for number in range(1, 7):
            assert publish(address, number).status == "200 OK"
            turns = [page.turns for page in pages]
            run(lambda: any(page.turns > before
                            for page, before in zip(pages, turns)))
            assert metric(address, "streams_open_shared") <= TURNS
        run(lambda: all(page.data[-1:] == [6] for page in pages))
        for page in pages:
            assert page.data == [1, 2, 3, 4, 5, 6]
    finally:
        for page in pages:
            page.close()


def test_turns_that_are_set_later(processes, address, short_dir):
    """Streams that were open before take seats, too."""
    config = short_dir / "options.ini"
    config.write_text("")
    all_of_them = processes("--config", str(config))
    with opened(address, TURNS + 1):
        config.write_text(f"turns = {TURNS}\nturn-min = 20s\nturn-max = 60s\n")
        for process in all_of_them:
            process.process.send_signal(signal.SIGHUP)
            process.wait_log("reload")
        check_full(address, "other clients have their turn")
        config.write_text("")
        for process in all_of_them:
            process.process.send_signal(signal.SIGHUP)
            process.wait_log("reload", count=2)
        with opened(address, PAGES):
            pass
