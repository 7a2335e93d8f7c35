"""System calls that fail on purpose: the process goes on, and the next client
is served."""

import contextlib
import errno
import time

import pytest

import fcgi_client
import responder
from checks import check_404, counter_body
from responder import wait_until

CALLS = [
    ("accept4", "ECONNABORTED"), ("accept4", "EINTR"), ("accept4", "EPROTO"),
    ("read", "EINTR"), ("read", "EAGAIN"), ("read", "ECONNRESET"),
    ("read", "EIO"), ("write", "EPIPE"), ("write", "ECONNRESET"),
    ("write", "EAGAIN"), ("write", "EIO"), ("write", "ENOSPC"),
    ("send", "EPIPE"), ("send", "EAGAIN"), ("poll", "EINTR"),
    ("poll", "ENOMEM"), ("lseek", "EINVAL"), ("ftruncate", "EIO"),
    ("memfd_create", "EMFILE"), ("getsockopt", "ENOBUFS"),
    ("setsockopt", "ENOBUFS"),
]
# libuv tries a descriptor out before it takes it, and aborts when epoll_ctl
# fails for it later, which a system that has run out of watches does not do.
LASTING = [
    ("read", "EIO"), ("write", "EIO"), ("lseek", "EINVAL"),
    ("memfd_create", "EMFILE"), ("epoll_ctl", "ENOSPC"),
    ("epoll_ctl", "ENOMEM"), ("poll", "ENOMEM"), ("accept4", "EMFILE"),
]
STARTING = [
    ("memfd_create", "EMFILE"), ("socketpair", "EMFILE"), ("lseek", "EINVAL"),
    ("write", "EIO"), ("read", "EIO"),
]


def each(calls):
    return pytest.mark.parametrize(
        "call, error", calls, ids=[" ".join(pair) for pair in calls])


def use_it(process):
    """A bit of everything; what fails here is the fault's right."""
    acts = [
        lambda client: client.ask("/page.js", keep=True),
        lambda client: client.recv_events(
            client.send_request("/clock", "interval=100ms"), 2, 1),
        lambda client: client.send(fcgi_client.get_values("FCGI_MAX_CONNS")),
        lambda client: client.ask("/counter", "count=2&interval=100ms"),
        lambda client: client.ask("/nope", body=b"b" * 20000),
    ]
    for act in acts:
        with contextlib.suppress(OSError, fcgi_client.ProtocolError):
            with process.client() as client:
                act(client)


def check_served(process):
    """A good client has all its bytes: the short and the long answer, and a
    stream to its end."""
    check_404(process.ask("/nope"), "/nope")
    answer = process.ask("/counter", "count=2&interval=100ms")
    assert answer.body == counter_body(1, 2)
    assert process.ask("/page.js").end == (0, 0)


@each(CALLS)
def test_every_seventh_call_fails(fcgi_sse, tools, tmp_path, call, error):
    switch = tmp_path / "switch"
    number = getattr(errno, error)
    process = fcgi_sse(env=tools.preloaded(
        fail=f"{call}:{number}:2:1:7", switch=switch))
    with process.unharmed():
        for _ in range(3):
            switch.touch()
            use_it(process)
            switch.unlink()
            if call == "accept4":
                wait_until(lambda: serves(process), "it accepts again")
            check_served(process)


def serves(process):
    with contextlib.suppress(OSError):
        return process.ask("/nope").status == "404 Not Found"
    return False


@pytest.mark.parametrize("error", ["ECONNABORTED", "EPROTO", "EINTR"])
def test_one_who_is_gone_before_he_is_accepted_delays_nobody(
        fcgi_sse, tools, error):
    """Only a lack of descriptors makes it wait before it accepts again."""
    process = fcgi_sse(env=tools.preloaded(
        fail=f"accept4:{getattr(errno, error)}:1:1:2"))
    began = time.monotonic()
    for _ in range(10):
        check_404(process.ask("/nope"), "/nope")
    assert time.monotonic() - began < 3
    assert not [line for line in process.log if line.has(event="accept")]


@each(LASTING)
def test_all_calls_fail_for_a_while(fcgi_sse, tools, tmp_path, call, error):
    switch = tmp_path / "switch"
    number = getattr(errno, error)
    process = fcgi_sse(env=tools.preloaded(
        fail=f"{call}:{number}:1:1000000", switch=switch))
    with process.unharmed():
        for _ in range(2):
            switch.touch()
            for _ in range(3):
                with contextlib.suppress(OSError, fcgi_client.ProtocolError):
                    with process.client() as client:
                        client.send_request("/clock", "interval=100ms")
                        client.recv_close(0.1)
            switch.unlink()
            wait_until(lambda: serves(process), "it serves again")
            check_served(process)


@each(STARTING)
def test_what_fails_at_the_start_is_said_in_a_line(short_dir, tools, call,
                                                   error):
    number = getattr(errno, error)
    env = tools.preloaded(fail=f"{call}:{number}:1:1000000")
    # It ends at once, and leaves its memory to the kernel.
    env["ASAN_OPTIONS"] = "verify_asan_link_order=0:detect_leaks=0"
    done = responder.run("--listen", f"unix:{short_dir}/sock", env=env)
    assert done.returncode == 1
    # Before it the log has said which store there is.
    lines = [line for line in done.stderr.splitlines()
             if " info store " not in line]
    assert len(lines) == 1 and lines[0].startswith("fcgi-sse: ")
