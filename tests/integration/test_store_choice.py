"""Which store a process takes, what it says of it, and what it never says."""

import os
import pathlib
import socket
import subprocess

import pytest

from hub import FORM
from responder import BINARY, Responder, clean_environ, run, wait_until

CGI = {"GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "GET",
       "SERVER_PROTOCOL": "HTTP/1.1", "SCRIPT_NAME": "/sse.cgi"}


def auto_line(*args, env=None, **streams):
    """What --print-config says before the store, and the store."""
    done = run(*args, "--print-config", env=env, **streams)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    at = next(number for number, line in enumerate(lines)
              if line.startswith("store = "))
    return lines[at - 1], lines[at]


def test_config_says_what_auto_is(short_dir):
    """It stays auto, so that the file can be used elsewhere."""
    env = {"STATE_DIRECTORY": str(short_dir)}
    note, store = auto_line(env=env)
    assert store == "store = auto"
    assert note == ("; auto is memory where one process serves, else a file "
                    f"in {short_dir}")
    note, store = auto_line("--listen", f"unix:{short_dir}/s", env=env)
    assert store == "store = auto"
    assert note == "; auto is memory here: this process alone serves"
    assert not (short_dir / "s").exists()


def test_config_names_the_file_that_is_shared(short_dir):
    env = {"STATE_DIRECTORY": str(short_dir)}
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(short_dir / "s"))
        sock.listen()
        note, store = auto_line(env=env, stdin=sock)
        process = Responder([], ["fd:0"], stdin=sock, env=env)
        file = process.wait_log("store")["store"]
        process.stop()
    assert store == "store = auto"
    assert note == (f"; auto is {file} here: "
                    "other processes may serve at the same socket")


def test_config_without_auto(short_dir):
    note, store = auto_line("--store", "memory")
    assert store == "store = memory"
    assert "auto" not in note


@pytest.fixture
def nobody():
    """A user of whom no folder can be had; undone in the end."""
    uid = 100000 + os.getpid()
    paths = [pathlib.Path(f"{parent}/fcgi-sse-{uid}")
             for parent in ("/var/tmp", "/tmp")]
    command = ["unshare", "--user", f"--map-user={uid}",
               f"--map-group={uid}"]
    if subprocess.run([*command, "true"], capture_output=True,
                      check=False).returncode != 0:
        pytest.skip("no namespace for a user can be had")
    for path in paths:
        path.write_text("in the way")
    yield command
    for path in paths:
        path.unlink()


def test_no_folder_can_be_used(nobody):
    """Publishing says so; all else works."""
    env = clean_environ({
        **CGI, "STATE_DIRECTORY": "/nowhere/1", "XDG_STATE_HOME": "relative",
        "HOME": "/nowhere/2", "FCGI_SSE_PUBLIC_TOPIC": "t",
        "REQUEST_METHOD": "POST", "PATH_INFO": "/events",
        "CONTENT_TYPE": FORM, "CONTENT_LENGTH": "7"})
    done = subprocess.run([*nobody, BINARY], env=env, input=b"topic=t",
                          capture_output=True, timeout=60)
    assert done.stdout.startswith(b"Status: 503")
    for word in (b"no folder", b"XDG_STATE_HOME", b"option store"):
        assert word in done.stdout
    env.update(REQUEST_METHOD="GET", PATH_INFO="/counter",
               QUERY_STRING="count=1&format=text", CONTENT_LENGTH="0")
    done = subprocess.run([*nobody, BINARY], env=env, input=b"",
                          capture_output=True, timeout=60)
    assert b"Status: 200" in done.stdout or b"\r\n\r\n1" in done.stdout


@pytest.mark.parametrize("is_told", [True, False])
def test_a_password_is_warned_of_and_never_shown(short_dir, is_told):
    url = f"redis+unix:{short_dir}/none?password=w0rd"
    address = f"unix:{short_dir}/s"
    args = ["--listen", address, "--log-level", "debug", "--status"]
    process = Responder([*args, "--store", url] if is_told else args,
                        [address],
                        env={} if is_told else {"FCGI_SSE_STORE": url})
    here = {"REMOTE_ADDR": "127.0.0.1"}
    wait_until(lambda: process.ask("/healthz", **here).status
               == "503 Service Unavailable", "it knows that it is down")
    told = [process.ask(path, **here).body
            for path in ("/healthz", "/metrics", "/status")]
    process.stop()
    assert b"w0rd" not in b"".join(told)
    assert not [line for line in process.lines if "w0rd" in line]
    warnings = [line for line in process.log
                if line["event"] == "store-password"]
    assert len(warnings) == is_told
