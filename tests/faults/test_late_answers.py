"""Answers that come in a later turn of the loop, as those of a store do: the
program has a route /later here, whose handler waits (later.c)."""

import pathlib
import signal
import subprocess

import pytest

import fcgi_client
import responder
from crowd import EVENT_STREAM
from fcgi_client import WAIT_S
from responder import BINARY, STOP_S, wait_until

LATER = str(pathlib.Path(BINARY).parent / "tests" / "faults" / "later")
CALL_TIMEOUT_S = 10
CROWD, SLOW = 500, 500


@pytest.fixture
def later(fcgi_sse):
    def factory(*args, **options):
        return fcgi_sse(*args, command=[LATER], **options)
    return factory


def check_later(answer):
    assert (answer.status, answer.body) == ("200 OK", b"later\n")
    assert answer.end == (0, 0)


@pytest.mark.parametrize("transport", ["unix", "tcp"])
def test_an_answer_comes_later(later, transport):
    process = later(transport=transport)
    check_later(process.ask("/later", "after=50"))
    check_later(process.ask("/later", "after=0", method="POST",
                            body=b"x" * 100000))
    answer = process.ask("/later", "after=20", method="HEAD")
    assert answer.headers["Content-Length"] == "6" and not answer.body


def test_a_kept_connection_goes_on(later):
    process = later()
    with process.client() as client:
        for number in (1, 2, 3):
            check_later(client.ask("/later", "after=20", number, keep=True))
            assert client.ask("/nope", "", 7, keep=True).end == (0, 0)
        # What arrives meanwhile is answered by itself.
        client.send(fcgi_client.get("/later", "after=100", 4, keep=True)
                    + fcgi_client.get("/later", "after=0", 5, keep=True))
        records = [client.recv_record()]
        assert records[0].type == fcgi_client.END_REQUEST
        assert records[0].id == 5
        assert records[0].content[4] == fcgi_client.CANT_MPX_CONN
        check_later(client.recv_end(fcgi_client.Answer(4)))


def test_a_stream_begins_later(later):
    process = later()
    with process.client() as client:
        answer = client.send_request("/later", "after=50&stream")
        client.recv_events(answer, 3)
    process.wait_log("disconnect", reason="client-closed")


def test_a_client_that_goes_cancels_its_call_and_nothing_else(later):
    process = later()
    with process.client() as other:
        waiting = other.send_request("/later", "after=600")
        with process.unharmed():
            with process.client() as client:
                client.send_request("/later")
                process.check_good()
            process.wait_log("later-cancelled")
            with process.client() as client:
                client.send_request("/later", keep=True)
                process.check_good()
                client.send(fcgi_client.abort())
                assert client.recv_end(fcgi_client.Answer()).end == (0, 0)
                process.wait_log("later-cancelled", count=2)
                check_later(client.ask("/later", "after=1", 3, keep=True))
        check_later(other.recv_end(waiting))


def test_an_answer_that_does_not_come(later):
    """Each such client is told to come back; an EventSource by a stream."""
    process = later()
    with process.client() as client, process.client() as source:
        waiting = client.send_request("/later", keep=True)
        streaming = source.send_request("/later", **EVENT_STREAM)
        client.recv_end(waiting, CALL_TIMEOUT_S + WAIT_S)
        assert waiting.status == "503 Service Unavailable"
        assert waiting.body == \
            b"503 Service Unavailable: the answer took too long\n"
        source.recv_end(streaming)
        assert [event.type for event in streaming.events] == ["refused"]
        assert streaming.parser.retry_ms >= 1000
        process.wait_log("call-timeout", count=2)
        process.wait_log("later-cancelled", count=2)
        check_later(client.ask("/later", "after=1", keep=True))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_stop_waits_for_answers(later, number):
    process = later("--drain-timeout", "1h")
    with process.client() as client, process.client() as streaming:
        waiting = client.send_request("/later", "after=1500", keep=True)
        refused = streaming.send_request("/later", "after=1500&stream",
                                         **EVENT_STREAM)
        process.check_good()
        process.process.send_signal(number)
        process.wait_log("stop")
        check_later(client.recv_end(waiting))
        assert client.recv_close() == []
        streaming.recv_end(refused)
        assert [event.type for event in refused.events] == ["refused"]
    assert process.wait_end() == 0


def test_a_stop_does_not_wait_for_ever(later):
    process = later("--drain-timeout", "1s")
    with process.client() as client:
        client.send_request("/later")
        process.check_good()
        process.send_stop()
        assert process.wait_end() == 0
        process.wait_log("later-cancelled")
        process.wait_log("drain-timeout")


def test_slow_answers_beside_a_crowd(later, good_clients, bad_peers):
    """Half of those who wait go away, and the crowd misses no tick."""
    process = later()
    good = good_clients(process, CROWD)
    with process.unharmed(slack_kib=8192):
        bad_peers.add(process.address, fcgi_client.get("/later"), SLOW)
        with process.client() as client:
            for _ in range(5):
                check_later(client.ask("/later", "after=100", keep=True))
        good.check()
        bad_peers.close()
        process.wait_log("later-cancelled", count=SLOW, wait_s=20)
    good.check()
    good.leave()


# As a CGI program

def cgi(query, **options):
    env = responder.clean_environ(
        fcgi_client.environ("/later", query, mount="/x.cgi"))
    return subprocess.Popen([LATER], env=env, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            **options)


def test_by_cgi():
    with cgi("after=100") as process:
        out, errors = process.communicate(timeout=WAIT_S)
        assert out.endswith(b"\r\n\r\nlater\n") and process.returncode == 0
        assert b"later-cancelled" not in errors


def test_by_cgi_the_client_goes():
    with cgi("") as process:
        process.stdout.close()
        assert process.wait(STOP_S) == 0
        assert b"later-cancelled" in process.stderr.read()


def test_by_cgi_the_process_is_stopped():
    with cgi("") as process:
        wait_until(lambda: _holds_signals(process.pid), "it waits")
        process.terminate()
        out, errors = process.communicate(timeout=WAIT_S)
        assert b"503 Service Unavailable: stopping\n" in out
        assert b"later-cancelled" in errors and process.returncode == 0


def _holds_signals(pid):
    """Whether SIGTERM is caught, as it is from the start of the answer on."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    caught = next(line for line in status.splitlines()
                  if line.startswith("SigCgt:"))
    return int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1


def test_by_cgi_no_answer_comes():
    with cgi("") as process:
        out, errors = process.communicate(timeout=CALL_TIMEOUT_S + WAIT_S)
        assert out.startswith(b"Status: 503 Service Unavailable\r\n")
        assert b"call-timeout" in errors and process.returncode == 0
