"""What a process says of itself that is one of many, by CGI."""

import contextlib
import sqlite3

import pytest

from cgi_program import ask, streams
from test_lean import Hub, broker

HERE = {"REMOTE_ADDR": "127.0.0.1"}


@pytest.fixture
def hub(short_dir):
    return Hub(short_dir)


def metrics(env):
    answer = ask("/metrics", env=env, **HERE)
    assert answer.status == "200 OK"
    lines = answer.body.decode().splitlines()
    return lines[0], dict(line.removeprefix("fcgi_sse_").rsplit(" ", 1)
                          for line in lines if not line.startswith("#"))


def test_metrics_tell_which_are_of_all(hub):
    for _ in range(3):
        hub.publish("a", data="x")
    with streams(hub.env, 2):
        scope, found = metrics(hub.env)
    assert scope.startswith("# This process serves one request")
    assert found["single_use"] == "1"
    assert found["streams_open_shared"] == "2"
    assert found["streams_max"] == "10"
    assert found['store_up{engine="sqlite"}'] == "1"
    assert found["store_updates"] == "3"
    assert int(found["store_bytes"]) > 0
    assert found["streams_open"] == found["store_published_total"] == "0"
    for name in "streams_open_shared", "streams_max", "store_updates":
        assert name in scope


def test_one_process_for_all_does_not_say_so(fcgi_sse):
    body = fcgi_sse().ask("/metrics", **HERE).body
    assert b"\nfcgi_sse_single_use 0\n" in body
    assert b"# This process" not in body


def test_health_tells_how_many_streams_are_open(hub):
    with streams(hub.env, 2):
        answer = ask("/healthz", env=hub.env, **HERE)
    assert answer.status == "200 OK"
    assert answer.body == (b"ok: one process of several, which have 2 of 10 "
                           b"streams open\n")


@pytest.mark.parametrize("path, query, option", [
    ("/events/count", "topic=a", "COUNT"),
    ("/events/subscriptions", "", "SUBSCRIPTIONS"),
    ("/events/subscriptions/a", "", "SUBSCRIPTIONS")])
def test_what_only_others_know_is_not_answered_with_nothing(
        hub, path, query, option):
    on = {"COUNT": "yes", "SUBSCRIPTIONS": "both"}[option]
    with streams(hub.env, 1):
        assert ask(path, query, env=hub.env).status == "404 Not Found"
        answer = ask(path, query,
                     env=hub.env | {f"FCGI_SSE_{option}": on})
    assert answer.status == "501 Not Implemented"
    assert b"each stream has a process of its own here" in answer.body


def other_file(folder):
    path = folder / "other.db"
    with contextlib.closing(sqlite3.connect(path)) as file:
        file.execute("create table x (y)")
    path.chmod(0o600)
    return f"sqlite:{path}"


@pytest.mark.parametrize("kind", ["none", "silent", "foreign"])
def test_health_tells_that_nobody_can_publish(hub, short_dir, kind):
    with broker(short_dir, kind == "silent") as url:
        if kind == "foreign":
            url = other_file(short_dir)
        env = {**hub.env, "FCGI_SSE_STORE": url}
        answer = ask("/healthz", env=env, **HERE)
        assert answer.status == "503 Service Unavailable", answer.out
        assert answer.body.startswith(b"store: ")
        assert len(answer.body) > len(b"store: \n")


def test_health_looks_at_the_document_root(hub, short_dir):
    answer = ask("/healthz", env={**hub.env, "FCGI_SSE_STORE":
                                  f"sqlite:{short_dir}/log.db"},
                 DOCUMENT_ROOT=str(short_dir), **HERE)
    assert answer.status == "503 Service Unavailable"
    assert b"document root" in answer.body
