"""SIGHUP: limits change, streams stay, and a wrong file changes nothing."""

import os
import re
import signal
import time

import pytest

import fcgi_client
from crowd import read_to_end
from responder import ROOT, run, wait_until

MANUAL = (ROOT / "doc" / "fcgi-sse.8").read_text()


class Config:
    """The configuration file of a responder."""

    def __init__(self, path):
        self.path = path
        self.process = None

    def write(self, **values):
        self.path.write_text("".join(
            f"{name.replace('_', '-')} = {value}\n"
            for name, value in values.items()))

    def reload(self, **values):
        """Writes the file and has it read."""
        self.write(**values)
        self.process.process.send_signal(signal.SIGHUP)


@pytest.fixture
def config(short_dir):
    return Config(short_dir / "fcgi-sse.ini")


@pytest.fixture
def configured(config, fcgi_sse):
    def start(**values):
        config.write(**values)
        # It says `ready` in the log, wherever that is. Where the test can
        # read it, no connection is made: it might still be counted later.
        is_told = "log" not in values
        config.process = fcgi_sse("--config", str(config.path),
                                  await_ready=is_told)
        if not is_told:
            config.process.wait_up()
        return config.process
    return start


def is_refused(process):
    answer = process.ask("/clock", HTTP_ACCEPT="text/event-stream")
    return answer.events[0].type == "refused"


def test_limits_change_and_streams_stay(config, configured, good_clients):
    process = configured(max_streams=100)
    good = good_clients(process, 100)
    assert is_refused(process)
    config.reload(max_streams=200)
    process.wait_log("reload", count=1)
    more = good_clients(process, 100)
    assert is_refused(process)
    # Below what is open: nobody is dropped, nobody is admitted.
    config.reload(max_streams=50)
    process.wait_log("reload", count=2)
    more.check()
    more.leave()
    process.wait_log("disconnect", count=100)
    assert is_refused(process)
    good.check()


@pytest.mark.parametrize("wrong", [
    "max-streams = many\n", "no-such-option = 1\n", "heartbeat = 15\n",
    "[section\n", None, os.mkfifo],
    ids=["value", "name", "unit", "syntax", "no file", "FIFO"])
def test_a_wrong_file_is_reported_and_changes_nothing(config, configured,
                                                      good_clients, wrong):
    process = configured(max_streams=20)
    good = good_clients(process, 20)
    if isinstance(wrong, str):
        config.path.write_text("max-streams = 1000\n" + wrong)
    else:
        config.path.unlink()
    if wrong is os.mkfifo:
        os.mkfifo(config.path)
    process.process.send_signal(signal.SIGHUP)
    line = process.wait_log("reload", level="error")
    assert "fcgi-sse.ini" in line["error"]
    assert is_refused(process)
    good.check()
    # And the next one is read.
    config.path.unlink(missing_ok=True)
    config.reload(max_streams=21)
    process.wait_log("reload", level="info")
    with process.client() as client:
        client.recv_events(client.send_request("/clock"), 1)
        assert is_refused(process)


def test_the_log_is_opened_anew_at_each_signal(config, configured, short_dir):
    log, old = short_dir / "log", short_dir / "log.1"
    process = configured(log=log)
    os.rename(log, old)
    process.process.send_signal(signal.SIGHUP)
    wait_until(log.exists, "the new file")
    process.ask("/")
    wait_until(lambda: " page " in log.read_text(), "the new file is used")
    assert " ready " in old.read_text() and " page " not in old.read_text()
    # A wrong file does not keep the log from being rotated.
    os.rename(log, old)
    config.reload(log=log, heartbeat="soon")
    wait_until(log.exists, "the new file")


def wait_closed(client, wait_s=fcgi_client.WAIT_S):
    """Until the responder has closed the connection."""
    deadline = time.monotonic() + wait_s
    while time.monotonic() < deadline:
        if client.has_input(0.1) and not client.sock.recv(65536):
            return
    pytest.fail("the connection is still open")


def test_the_time_for_an_answer_changes(config, configured):
    """A client that asks on and on, and reads nothing."""
    process = configured(stall_timeout="1h")
    fds = process.fd_count()
    with process.client() as client:
        client.send(fcgi_client.get("/page.js", keep=True) * 60)
        process.wait_log("page", count=4)
        config.reload(stall_timeout="500ms")
        process.wait_log("reload")
        wait_until(lambda: process.fd_count() == fds, "it is closed")


def test_the_time_for_a_request_changes(config, configured):
    process = configured(request_timeout="1h")
    fds = process.fd_count()
    with process.client() as client:
        client.send(fcgi_client.get("/clock")[:20])
        wait_until(lambda: process.fd_count() == fds + 1, "it is there")
        config.reload(request_timeout="500ms")
        process.wait_log("reload")
        wait_closed(client)


def test_the_longest_body_changes(config, configured):
    process = configured(max_body="1M")

    def status():
        return process.ask("/events", method="POST",
                           body=b"topic=t&data=" + b"x" * 5000).status

    assert not status().startswith("413")
    config.reload(max_body="2K")
    process.wait_log("reload", count=1)
    assert status().startswith("413")
    config.reload(max_body="1M")
    process.wait_log("reload", count=2)
    assert not status().startswith("413")


def test_what_the_manual_says_is_reloaded(config, configured):
    """All options but these are read by what is set again."""
    sources = ROOT / "src" / "process"
    again = "".join((sources / name).read_text()
                    for name in ("engine_options.c", "server.c",
                                 "keys.c"))
    names = re.findall(r"^;?([a-z-]+) =", run("--print-config").stdout, re.M)
    left = [name for name in names
            if not re.search(rf"options->{name.replace('-', '_')}",
                             again)]
    start = MANUAL.index("stay as they were in any case")
    told = re.findall(r"-([a-z]+(?:-[a-z]+)*)\b", MANUAL[start - 70:start])
    assert sorted(left) == sorted(told)


def heartbeat_comes(process, within_s=fcgi_client.WAIT_S):
    """Whether a silent stream that is opened now gets a heartbeat."""
    with process.client() as client:
        answer = client.send_request("/counter", "interval=1h")
        client.recv_events(answer, 1)
        until = time.monotonic() + within_s
        while time.monotonic() < until and not answer.parser.comments:
            if client.has_input(0.1):
                answer.add(client.recv_record())
        return bool(answer.parser.comments)


def test_times_change_for_streams_that_come_and_those_that_are_there(
        config, configured):
    """An old stream with a long time to wait does not hold up new ones."""
    process = configured(heartbeat="1h")
    with process.client() as old:
        answer = old.send_request("/counter", "interval=1h")
        old.recv_events(answer, 1)
        config.reload(heartbeat="1s")
        process.wait_log("reload")
        assert heartbeat_comes(process)


def test_a_lifetime_that_is_set_holds_for_new_streams(config, configured,
                                                      good_clients, bad_peers):
    process = configured(stream_lifetime="1h")
    good = good_clients(process, 200)
    config.reload(stream_lifetime="1s")
    process.wait_log("reload")
    bad_peers.add(process.address, fcgi_client.get("/clock"), 50)
    for answer in read_to_end(bad_peers.socks):
        assert answer.parser.retry_ms is not None
    good.check()
