"""How the program is started and stopped, and where its sockets come from."""

import contextlib
import fcntl
import os
import pathlib
import re
import signal
import socket
import stat
import sys

import pytest

import fcgi_client
import responder
from checks import check_404, counter_body
from responder import BINARY, Responder, free_port, run

# Runs the program behind it as systemd does: descriptor 3, and its own pid.
PASS_SOCKETS = """
import os, sys
for to, fd in enumerate(sys.argv[1].split(","), 3):
    os.dup2(int(fd), to)
os.environ["LISTEN_PID"] = sys.argv[2] or str(os.getpid())
os.execv(sys.argv[3], sys.argv[3:])
"""


def listening(path):
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(str(path))
    sock.listen(16)
    return sock


def stop_and_check(*started):
    for process in started:
        process.stop()


def check_serves(address):
    check_404(fcgi_client.ask(address, "/nope"), "/nope")


def check_fails(done, status, *words):
    """A message that names the thing, and nothing on stdout."""
    assert done.returncode == status, done.stderr
    assert done.stdout == ""
    for word in words:
        assert str(word) in done.stderr
    assert len(done.stderr.splitlines()) <= 25


def test_commands_are_named():
    """By who takes one for an option, or has it in the wrong place."""
    for args in ("token",), ("--heartbeat", "5s", "publish"):
        check_fails(run(*args), 2, f'"{args[-1]}" is no option',
                    "publish, doctor, store, jwks")
    for name in "publish", "doctor", "store", "jwks":
        assert name in run("--help").stdout.split("\n\n")[0]


# --listen

def test_listen_on_several_addresses_of_every_form(short_dir):
    addresses = [f"unix:{short_dir}/one.sock", f"unix:{short_dir}/two.sock",
                 f"127.0.0.1:{free_port()}", f"[::1]:{free_port('::1')}",
                 f"localhost:{free_port()}"]
    args = [word for address in addresses for word in ("--listen", address)]
    process = Responder(args, addresses)
    for address in addresses:
        check_serves(address)
    stop_and_check(process)
    assert list(short_dir.iterdir()) == []


@pytest.mark.parametrize("args, mode", [
    ([], 0o660), (["--socket-mode", "0600"], 0o600),
    (["--socket-mode", "0666"], 0o666), (["--socket-mode", "777"], 0o777)])
def test_socket_mode(fcgi_sse, short_dir, args, mode):
    before = os.umask(0o077)
    try:
        process = fcgi_sse(*args)
    finally:
        os.umask(before)
    path = process.address.removeprefix("unix:")
    assert stat.S_IMODE(os.stat(path).st_mode) == mode


def test_stale_unix_socket_is_replaced(short_dir):
    path = short_dir / "s.sock"
    listening(path).close()
    assert path.exists()
    process = Responder(["--listen", f"unix:{path}"], [f"unix:{path}"])
    check_serves(process.address)
    stop_and_check(process)


def test_killed_responder_leaves_a_socket_that_the_next_replaces(short_dir):
    address = f"unix:{short_dir}/s.sock"
    first = Responder(["--listen", address], [address])
    first.process.kill()
    first.process.wait()
    first.process.stderr.close()
    second = Responder(["--listen", address], [address])
    check_serves(address)
    stop_and_check(second)


def test_socket_in_use_is_refused_and_left_alone(fcgi_sse):
    for transport in ("unix", "tcp"):
        process = fcgi_sse(transport=transport)
        check_fails(run("--listen", process.address), 1, process.address,
                    "in use")
        check_serves(process.address)


def test_why_an_address_cannot_be_had(short_dir):
    (short_dir / "f").touch()
    for address, why in (
            (f"unix:{short_dir}/nowhere/s", "there is no folder for it"),
            (f"unix:{short_dir}/f/s", "there is no folder for it"),
            ("unix:/proc/s", "there is no folder|may not make it"),
            ("203.0.113.1:9999", "is no address of this machine")):
        done = run("--listen", address)
        assert done.returncode == 1
        assert re.search(f"^fcgi-sse: {re.escape(address)}: .*({why})",
                         done.stderr), done.stderr


def test_a_socket_that_another_has_put_in_place_stays(short_dir):
    path = short_dir / "s.sock"
    process = Responder(["--listen", f"unix:{path}"], [f"unix:{path}"])
    path.unlink()
    with listening(path):
        stop_and_check(process)
        assert path.exists()


def test_starts_at_once_leave_one_that_serves(short_dir):
    """Each round finds what a process left behind that was killed."""
    path = short_dir / "s"
    for _ in range(40):
        listening(path).close()
        several = [Responder(["--listen", f"unix:{path}"], await_ready=False)
                   for _ in range(4)]
        responder.wait_until(lambda: sum(
            one.is_alive() for one in several) == 1, "one is left")
        serving = next(one for one in several if one.is_alive())
        serving.addresses = [f"unix:{path}"]
        serving.wait_ready()
        check_serves(f"unix:{path}")
        stop_and_check(serving)
        for one in several:
            assert one is serving or one.process.wait() == 1
        assert list(short_dir.iterdir()) == []


def test_a_lock_that_a_killed_process_left_is_no_lock(short_dir):
    (short_dir / "s.lock").touch()
    process = Responder(["--listen", f"unix:{short_dir}/s"],
                        [f"unix:{short_dir}/s"])
    stop_and_check(process)
    assert list(short_dir.iterdir()) == []


@contextlib.contextmanager
def locked(path):
    """As another start at that path has it."""
    with open(f"{path}.lock", "wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def holds_signals(process):
    """Whether SIGTERM would wait."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    held = int(re.search(r"SigBlk:\s+(\w+)", status).group(1), 16)
    return held >> signal.SIGTERM - 1 & 1


def test_a_start_that_takes_long_is_told(short_dir):
    with locked(short_dir / "s"):
        check_fails(run("--listen", f"unix:{short_dir}/s"), 1,
                    f"{short_dir}/s.lock: another process is starting there")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signals_while_it_starts_are_not_lost(short_dir, number):
    """They wait: SIGHUP does not end it, and SIGTERM ends it in order."""
    address = f"unix:{short_dir}/s"
    with locked(short_dir / "s"):
        process = Responder(["--listen", address], [address],
                            await_ready=False)
        responder.wait_until(
            lambda: holds_signals(process), "it is about to listen")
        process.process.send_signal(number)
    process.wait_log("stop" if number == signal.SIGTERM else "reload")
    if number == signal.SIGTERM:
        assert process.process.wait() == 0
    else:
        check_serves(address)
    stop_and_check(process)


def test_what_is_no_socket_is_not_replaced(short_dir):
    path = short_dir / "file"
    path.write_text("precious")
    check_fails(run("--listen", f"unix:{path}"), 1, path)
    assert path.read_text() == "precious"


@pytest.mark.parametrize("address", [
    "unix:/nonexistent/s.sock", "192.0.2.1:9000", "unix:/proc/s.sock"])
def test_address_that_cannot_be_had_is_status_1(address):
    check_fails(run("--listen", address), 1, address)


@pytest.mark.parametrize("address", [
    "", "9000", "unix:", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0",
    "127.0.0.1:65536", "127.0.0.1:http", "::1:9000", "[::1]", "[::1]9000",
    "/run/s.sock", "unix:/" + "x" * 200])
def test_address_that_is_none_is_status_2(address):
    check_fails(run("--listen", address), 2, "listen")


# Usage

def test_started_with_nothing_it_says_the_ways_and_exits_2():
    done = run()
    check_fails(done, 2, "--listen", "CGI")
    assert "descriptor 0" in done.stderr or "spawn-fcgi" in done.stderr
    assert "LISTEN_FDS" in done.stderr or "systemd" in done.stderr


@pytest.mark.parametrize("args", [
    ["--nope"], ["--listen"], ["--heartbeat", "15"], ["--socket-mode", "8"],
    ["stray"], ["--log-level", "loud"], ["--log-format", "xml"],
    ["--allow-origin", "example.org"], ["-x"]])
def test_usage_is_status_2_and_names_the_option(args):
    check_fails(run("--listen", "127.0.0.1:9", *args), 2, args[0].lstrip("-"))


def test_help_and_version():
    for option in ("--help", "--version"):
        done = run(option)
        assert done.returncode == 0 and done.stderr == ""
        assert done.stdout.lower().startswith(("usage: fcgi-sse",
                                               "fcgi-sse "))
        assert all(len(line) <= 80 for line in done.stdout.splitlines())


def test_log_file_that_cannot_be_opened_is_status_1(short_dir):
    check_fails(run("--listen", f"unix:{short_dir}/s", "--log",
                    "/nonexistent/log"), 1, "log /nonexistent/log: No such",
                "stderr or syslog")


# Sockets that others pass

def pass_sockets(socks, listen_pid="", args=(), count=None):
    fds = [sock.fileno() for sock in socks]
    command = [sys.executable, "-c", PASS_SOCKETS,
               ",".join(map(str, fds)), listen_pid, BINARY]
    return Responder(list(args), command=command, pass_fds=fds,
                     env={"LISTEN_FDS": str(count or len(fds))})


def test_sockets_from_systemd(short_dir):
    paths = [short_dir / "one", short_dir / "two"]
    socks = [listening(path) for path in paths]
    process = pass_sockets(socks)
    for sock, path in zip(socks, paths):
        sock.close()
        check_serves(f"unix:{path}")
    stop_and_check(process)
    assert all(path.exists() for path in paths)


def test_sockets_for_another_process_are_not_ours(short_dir):
    with listening(short_dir / "s") as sock:
        process = pass_sockets([sock], listen_pid="1")
        assert process.process.wait(responder.STOP_S) == 2


def test_a_passed_descriptor_that_does_not_listen_is_refused():
    with socket.socket(socket.AF_UNIX) as sock:
        process = pass_sockets([sock])
        assert process.process.wait(responder.STOP_S) == 1


def test_listening_socket_on_descriptor_0(short_dir):
    with listening(short_dir / "s") as sock:
        process = Responder([], stdin=sock)
    check_serves(f"unix:{short_dir}/s")
    stop_and_check(process)


def test_tcp_socket_on_descriptor_0():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        process = Responder([], stdin=sock)
        address = "127.0.0.1:%d" % sock.getsockname()[1]
    check_serves(address)
    stop_and_check(process)


def test_descriptor_0_wins_over_a_cgi_environment(short_dir):
    with listening(short_dir / "s") as sock:
        process = Responder([], stdin=sock, env={
            "GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "GET"})
    check_serves(f"unix:{short_dir}/s")
    stop_and_check(process)


def test_spawn_fcgi(short_dir):
    path = short_dir / "s"
    process = Responder(["-n", "-s", str(path), "--", BINARY,
                         "--heartbeat", "1s"], command=["spawn-fcgi"])
    responder.wait_until(path.exists, "spawn-fcgi makes the socket")
    check_serves(f"unix:{path}")
    stop_and_check(process)


def test_processes_may_share_a_socket(short_dir):
    with listening(short_dir / "s") as sock:
        several = [Responder([], ["fd:0"], stdin=sock) for _ in range(3)]
    for _ in range(50):
        check_serves(f"unix:{short_dir}/s")
    stop_and_check(*several[:2])
    for _ in range(50):
        check_serves(f"unix:{short_dir}/s")
    stop_and_check(several[2])


# The end

@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT,
                                    signal.SIGUSR1])
@pytest.mark.parametrize("transport", ["unix", "tcp"])
def test_stop_ends_every_stream_properly(fcgi_sse, transport, number):
    process = fcgi_sse(transport=transport)
    asked = [("/clock", "interval=1h"), ("/stream", ""),
             ("/counter", "interval=1h")]
    streams = []
    for path, query in asked:
        client = process.client()
        answer = client.send_request(path, query, keep=path == "/stream")
        client.recv_events(answer, 1)
        streams.append((client, answer))
    process.stop(number)
    for client, answer in streams:
        client.recv_end(answer)
        assert answer.end == (0, 0)
        assert answer.parser.is_whole and not answer.parser.ignored
        assert client.recv_close() == []
        client.close()
    for path, _ in asked:
        process.wait_log("disconnect", path=path, reason="shutdown")
    assert not os.path.exists(process.address.removeprefix("unix:"))


def test_signal_without_streams_ends_it_at_once(fcgi_sse):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        process = fcgi_sse("--drain-timeout", "1h")
        process.send_stop(number)
        assert process.wait_end() == 0


def test_half_a_request_does_not_hold_up_the_end(fcgi_sse):
    process = fcgi_sse("--drain-timeout", "1h")
    with process.client() as client, process.client() as silent:
        client.send(fcgi_client.begin())
        check_404(process.ask("/nope"), "/nope")
        process.send_stop()
        assert client.recv_close() == silent.recv_close() == []
    process.stop()


def test_an_answer_on_its_way_is_finished_before_the_end(fcgi_sse):
    process = fcgi_sse()
    with process.client() as client:
        answer = client.send_request("/counter", "count=2&interval=100ms")
        client.recv_end(answer)
        assert answer.body == counter_body(1, 2)
    with process.paused():
        client = process.client()
        answer = client.send_request("/nope")
        process.send_stop()
    responder.wait_until(lambda: not process.is_alive(), "the end")
    rest = client.recv_close()
    assert rest == [] or rest[-1].type == fcgi_client.END_REQUEST
    client.close()


def test_a_signal_that_web_servers_send_in_passing_changes_nothing(fcgi_sse):
    process = fcgi_sse()
    with process.client() as client:
        answer = client.send_request("/clock", "interval=100ms")
        client.recv_events(answer, 1)
        for number in (signal.SIGPIPE, signal.SIGHUP):
            process.process.send_signal(number)
            client.recv_events(answer, len(answer.events) + 2)


# Idle

def test_idle_process_uses_no_cpu(fcgi_sse):
    alone, streaming, left = fcgi_sse(), fcgi_sse(), fcgi_sse()
    for process in (alone, streaming, left):
        process.check_good()
    with streaming.client() as client, left.client() as gone:
        client.recv_events(client.send_request("/clock", "interval=1h"), 1)
        gone.recv_events(gone.send_request("/clock", "interval=100ms"), 1)
        gone.close()
        left.wait_log("disconnect")
        def used():
            return [(process.wakeups(), process.cpu_us())
                    for process in (alone, streaming, left)]

        before = used()
        responder.wait_past_ms(2000)
        after = used()
    for then, now in zip(before, after):
        # A timer of 100 ms would wake it twenty times.
        assert now[0] - then[0] < 5
        assert now[1] - then[1] < 100000
