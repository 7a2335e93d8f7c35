"""The streams of all processes that serve one each are counted together."""

import signal

import pytest

import responder
from cgi_program import Program, ask, streams
from responder import wait_until

MAX = 3
EVENT_SOURCE = {"HTTP_ACCEPT": "text/event-stream"}


@pytest.fixture(params=["auto", "file", "memory"])
def env(request, short_dir):
    """Where CGI programs share their seats: as they are told by default,
    beside a file that is named, and without any store's file."""
    (short_dir / "state").mkdir(mode=0o700)
    values = {"XDG_STATE_HOME": str(short_dir / "state"),
              "FCGI_SSE_MAX_STREAMS": str(MAX),
              "FCGI_SSE_TURN_MAX": "0"}
    if request.param == "file":
        values["FCGI_SSE_STORE"] = f"sqlite:{short_dir}/log.db"
    elif request.param == "memory":
        values["FCGI_SSE_STORE"] = "memory"
    return values


def is_admitted(env):
    with Program("/clock", env=env) as program:
        return program.read_until(
            lambda answer: answer.head).status == "200 OK"


def test_who_comes_when_all_are_taken(env):
    with streams(env, MAX):
        answer = ask("/clock", env=env, **EVENT_SOURCE)
        assert answer.status == "200 OK"
        assert [event.type for event in answer.events] == ["refused"]
        assert answer.body.startswith(b"retry: ")
        answer = ask("/clock", env=env)
        assert answer.status == "503 Service Unavailable"
        assert int(answer.headers["Retry-After"]) > 0
        # What is no stream needs no seat.
        assert ask("/page.js", env=env).status == "200 OK"
        assert ask("/clock", method="HEAD", env=env).status == "200 OK"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_seat_of_a_process_that_ends_is_free(env, number):
    with streams(env, MAX) as programs:
        assert not is_admitted(env)
        programs[1].process.send_signal(number)
        programs[1].process.wait(responder.STOP_S)
        assert is_admitted(env)
        # And one that the client has left.
        programs[0].process.stdout.close()
        programs[0].process.wait(responder.STOP_S)
        with streams(env, 1):
            assert is_admitted(env)


def shared_count(env):
    body = ask("/metrics", env=env, REMOTE_ADDR="127.0.0.1").body
    lines = dict(line.rsplit(b" ", 1) for line in body.splitlines())
    assert int(lines[b"fcgi_sse_streams_max"]) == MAX
    return int(lines[b"fcgi_sse_streams_open_shared"])


def test_metrics_tell_how_many_are_open_in_all(env):
    assert shared_count(env) == 0
    with streams(env, 2):
        assert shared_count(env) == 2
    assert wait_until(lambda: shared_count(env) == 0, "they are free")


def test_ten_by_default(env):
    del env["FCGI_SSE_MAX_STREAMS"]
    with streams(env, 10):
        assert not is_admitted(env)


def test_where_there_is_no_place_for_them(short_dir):
    """A process counts its own, which is one, and says so."""
    env = {"FCGI_SSE_STORE": f"sqlite:{short_dir}/log.db"}
    (short_dir / "log.db-seats").mkdir()
    with streams({**env, "FCGI_SSE_MAX_STREAMS": "1"}, 2) as programs:
        programs[0].process.terminate()
        programs[0].wait_end()
    assert b" seats " in programs[0].errors
