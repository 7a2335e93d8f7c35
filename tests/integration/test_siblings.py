"""Several processes at one socket: they find each other, nobody else can make
them believe it, and processes that share nothing are left alone."""

import contextlib
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys

import pytest

import fcgi_client
from checks import check_form
from responder import BINARY, Responder, clean_environ, wait_until
from test_hub_publish import FORM, KEY, Hub, write_keys

UPDATE = [("topic", "t"), ("data", "x")]


def check_no_topics(address, why):
    for options in ({"method": "POST", "body": b"topic=t",
                     "HTTP_AUTHORIZATION": f"Bearer {KEY}"},
                    {"method": "GET"}):
        answer = fcgi_client.ask(address, "/events", "topic=t",
                                 CONTENT_TYPE=FORM, **options)
        check_form(answer)
        assert answer.status == "501 Not Implemented"
        assert why in answer.body.decode()


def test_several_processes_on_one_socket(short_dir):
    keys = str(write_keys(short_dir))
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(short_dir / "s"))
        sock.listen()
        several = [Responder(["--publish-key-file", keys], ["fd:0"],
                             stdin=sock) for _ in range(2)]
    try:
        for process in several:
            line = process.wait_log("topics-off", level="warn")
            assert "several processes serve this address" in line["reason"]
        for _ in range(10):
            check_no_topics(f"unix:{short_dir}/s", "several processes")
    finally:
        for process in several:
            process.stop()


def inherited(path, keys, **options):
    """A process on a socket that somebody made for it."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))
        sock.listen()
        process = Responder(["--publish-key-file", keys], ["fd:0"],
                            stdin=sock, **options)
    process.addresses = [f"unix:{path}"]
    return process


def sibling_names(inode=None):
    """The names in the abstract namespace by which siblings are asked."""
    names = re.findall(r"@(fcgi-sse/\S+)",
                       pathlib.Path("/proc/net/unix").read_text())
    return [name for name in names
            if inode is None or name.split("/")[2] == f"{inode:x}"]


def listening_inode(process):
    link = os.readlink(f"/proc/{process.pid}/fd/0")
    return int(re.search(r"socket:\[(\d+)\]", link).group(1))


def check_topics(*processes):
    for process in processes:
        assert Hub(process).post(UPDATE).status == "200 OK"
        process.stop()
        assert not [line for line in process.log
                    if line["event"] == "topics-off"]


# Says what the second argument is to the name in the first.
TELL = """
import socket, sys
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
    sock.bind("\\0" + sys.argv[2]) if len(sys.argv) > 2 else None
    for byte in b"\\0", b"?", b"!":
        sock.sendto(byte, "\\0" + sys.argv[1])
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has another user")
def test_strangers_do_not_turn_topics_off(short_dir):
    """Whom the kernel names as another user is not believed."""
    process = inherited(short_dir / "s", str(write_keys(short_dir)))
    name, = sibling_names(listening_inode(process))
    subprocess.run([sys.executable, "-c", TELL, name], user=65534, check=True,
                   env={}, timeout=10)
    parts = name.split("/")
    false = "/".join([*parts[:-1], "7"])
    subprocess.run([sys.executable, "-c", TELL, name, false], user=65534,
                   check=True, env={}, timeout=10)
    check_topics(process)


# Takes a name like that of the first argument and answers all who ask.
ANSWERER = """
import socket, sys
sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sock.bind("\\0" + sys.argv[1])
print("bound", flush=True)
while True:
    byte, address = sock.recvfrom(9)
    sock.sendto(b"!", address)
    print("asked", flush=True)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has another user")
def test_a_false_name_that_was_there_before(short_dir):
    keys = str(write_keys(short_dir))
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(short_dir / "s"))
        sock.listen()
        first = Responder(["--publish-key-file", keys], ["fd:0"], stdin=sock)
        name, = sibling_names(listening_inode(first))
        first.stop()
        false = "/".join([*name.split("/")[:-1], "7"])
        liar = subprocess.Popen([sys.executable, "-c", ANSWERER, false],
                                user=65534, env={}, stdout=subprocess.PIPE)
        try:
            assert liar.stdout.readline() == b"bound\n"
            second = Responder(["--publish-key-file", keys], ["fd:0"],
                               stdin=sock)
            second.addresses = [f"unix:{short_dir}/s"]
            assert liar.stdout.readline() == b"asked\n"
            check_topics(second)
        finally:
            liar.kill()
            liar.wait()
            liar.stdout.close()


def test_sockets_with_numbers_are_not_shared(short_dir):
    """Two instances, which one supervisor has started."""
    keys = str(write_keys(short_dir))
    check_topics(*[inherited(short_dir / f"chat-{number}", keys)
                   for number in (1, 2)])


def test_orphans_are_no_siblings(short_dir):
    """Their parent is the same, init, and nothing else."""
    keys = str(write_keys(short_dir))
    log = short_dir / "log"
    with contextlib.ExitStack() as stack:
        for number in (0, 1):
            sock = stack.enter_context(socket.socket(socket.AF_UNIX))
            sock.bind(str(short_dir / f"s-{number}"))
            sock.listen()
            with open(short_dir / f"pid-{number}", "wb") as out:
                subprocess.run(
                    ["sh", "-c", 'exec 3<&0; "$@" <&3 3<&- & echo $!', "sh",
                     BINARY, "--log", log, "--publish-key-file", keys],
                    stdin=sock, stdout=out, check=True, timeout=10,
                    env=clean_environ())
        pids = [int((short_dir / f"pid-{number}").read_text())
                for number in (0, 1)]
        try:
            wait_until(lambda: log.exists() and
                       log.read_text().count(" ready ") == 2, "both serve")
            for number in (0, 1):
                address = f"unix:{short_dir}/s-{number}"
                answer = fcgi_client.ask(
                    address, "/events", method="POST", body=b"topic=t",
                    CONTENT_TYPE=FORM, HTTP_AUTHORIZATION=f"Bearer {KEY}")
                assert answer.status == "200 OK"
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGTERM)
        wait_until(lambda: log.read_text().count(" exit ") == 2, "both end")
    assert "topics-off" not in log.read_text()


def test_one_process_on_an_inherited_socket(short_dir):
    keys = str(write_keys(short_dir))
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(short_dir / "s"))
        sock.listen()
        process = Responder(["--publish-key-file", keys], ["fd:0"],
                            stdin=sock)
    process.addresses = [f"unix:{short_dir}/s"]
    assert Hub(process).post(UPDATE).status == "200 OK"
    process.stop()
    assert not [line for line in process.log if line["event"] == "topics-off"]
