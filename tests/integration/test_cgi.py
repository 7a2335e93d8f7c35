"""The same program as a CGI program: one request, then the end."""

import contextlib
import os
import signal
import socket
import subprocess

import pytest

import event_stream
import responder
from cgi_program import Program, ask
from checks import STREAM_HEAD, check_404, check_form, counter_body


@pytest.fixture(autouse=True)
def state(monkeypatch, short_dir):
    """Where these processes share what they share."""
    monkeypatch.setenv("XDG_STATE_HOME", str(short_dir))


def has_events(count):
    return lambda answer: len(answer.events) >= count


# Answers

def test_errors_and_heads_are_those_of_fastcgi(fcgi_sse):
    process = fcgi_sse()
    for path, query, method in [
            ("/nope", "", "GET"), ("/nope", "", "HEAD"),
            ("/clock", "interval=1", "GET"), ("/clock", "", "POST"),
            ("/clock", "", "HEAD"), ("/counter", "", "HEAD"),
            ("/", "", "HEAD"), ("/page.js", "", "GET"),
            ("/clock", "", "OPTIONS")]:
        by_cgi = ask(path, query, method=method)
        check_form(by_cgi)
        by_fastcgi = process.ask(path, query, method=method,
                                 mount="/cgi-bin/sse.cgi")
        assert by_cgi.out == by_fastcgi.out


def test_404():
    check_404(ask("/nope"), "/cgi-bin/sse.cgi/nope")


@pytest.mark.parametrize("size", [0, 5, 100000])
def test_a_body_is_read_and_changes_nothing(size):
    answer = ask("/clock", method="POST", body=b"b" * size,
                 CONTENT_LENGTH=str(size))
    assert answer.status == "405 Method Not Allowed"


@pytest.mark.parametrize("length", ["", "-1", "x", None, "0"])
def test_a_body_of_no_announced_length_is_not_waited_for(length):
    answer = ask("/nope", body=b"", CONTENT_LENGTH=length)
    assert answer.status == "404 Not Found"


def test_a_body_that_is_shorter_than_announced():
    answer = ask("/nope", body=b"abc", CONTENT_LENGTH="10")
    assert answer.status == "404 Not Found"


def test_named_without_a_slash_it_sends_to_its_slash():
    for path_info in (None, ""):
        answer = ask(PATH_INFO=path_info)
        assert answer.status == "308 Permanent Redirect"
        assert answer.headers["Location"] == "./sse.cgi/"


@pytest.mark.parametrize("missing", ["GATEWAY_INTERFACE", "REQUEST_METHOD"])
def test_one_of_the_two_variables_tells_that_it_is_cgi(missing):
    assert ask("/nope", **{missing: None}).status[0] == "4"


# Streams

@pytest.mark.parametrize("path", ["/clock", "/stream"])
def test_a_stream_ticks(path):
    with Program(path, "interval=100ms") as program:
        answer = program.read_until(has_events(3))
        assert answer.headers == STREAM_HEAD
        program.process.terminate()
        program.wait_end()


def test_a_counter_counts_and_ends():
    answer = ask("/counter", "count=3&interval=100ms")
    assert answer.headers == STREAM_HEAD
    assert answer.body == counter_body(1, 3)
    answer = ask("/counter", "count=3&interval=100ms",
                 HTTP_LAST_EVENT_ID="1")
    assert answer.body == counter_body(2, 3)


def test_options_come_from_the_environment():
    with Program("/clock", "interval=1h",
                 env={"FCGI_SSE_HEARTBEAT": "1s"}) as program:
        program.read_until(lambda a: a.body.endswith(b"\n\n:\n"))


def test_a_query_is_no_command_line():
    """A web server may pass `?--help` as arguments (RFC 3875, 4.4)."""
    answer = ask("/nope", query="--help", args=["--help"])
    assert answer.status == "404 Not Found"


@pytest.mark.parametrize("query", ["interval=100ms", "interval=1h"])
def test_it_ends_when_the_client_goes(query):
    with Program("/clock", query) as program:
        program.read_until(has_events(1))
        program.process.stdout.close()
        program.wait_end()
        assert b"reason=client-closed" in program.errors \
            or b"reason=write-failed" in program.errors


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT,
                                    signal.SIGUSR1])
def test_a_signal_ends_it(number):
    with Program("/clock", "interval=1h") as program:
        program.read_until(has_events(1))
        program.process.send_signal(number)
        program.wait_end()
        assert event_stream.parse(program.read_rest()).is_whole
        assert b"reason=shutdown" in program.errors


def test_a_signal_ends_it_while_the_body_is_awaited():
    with Program("/clock", method="POST", CONTENT_LENGTH="10",
                 stdin=subprocess.PIPE) as program:
        program.process.stdin.write(b"abc")
        responder.wait_until(
            lambda: _is_reading(program.process.pid), "it reads the body")
        program.process.terminate()
        assert program.process.wait(responder.STOP_S) in (
            0, -signal.SIGTERM)


def _is_reading(pid):
    """Whether the process is blocked in read(2) of descriptor 0."""
    with open(f"/proc/{pid}/syscall", encoding="ascii") as file:
        words = file.read().split()
    return words[:2] == ["0", "0x0"]


# Descriptors as web servers give them

def test_one_socket_for_both_that_is_half_closed():
    """As mod_cgid has it: the end of input is there from the start, and
    means nothing."""
    ours, theirs = socket.socketpair()
    with ours, Program("/clock", "interval=100ms", stdin=theirs,
                       stdout=theirs) as program:
        theirs.close()
        ours.shutdown(socket.SHUT_WR)
        program.read_until(has_events(4), ours)
        ours.close()
        program.wait_end()


def test_a_pipe_that_does_not_block_and_is_full():
    """As lighttpd has it."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writing, b"." * 4096)
    with open(reading, "rb", buffering=0) as ours, \
            Program("/page.js", stdout=writing) as program:
        os.close(writing)
        out = program.read_rest(ours)
        program.wait_end()
    assert out.lstrip(b".") == bytes(ask("/page.js").out)


def test_a_file(tmp_path):
    path = tmp_path / "out"
    with open(path, "wb") as file, Program(
            "/counter", "count=2&interval=100ms", stdout=file) as program:
        program.wait_end()
    assert path.read_bytes().endswith(counter_body(1, 2))
