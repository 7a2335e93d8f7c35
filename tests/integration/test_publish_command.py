"""fcgi-sse publish, through lighttpd and at peers that misbehave."""

import contextlib
import itertools
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import pytest

import publish_peers
from fcgi_client import END_REQUEST, STDOUT, WAIT_S, record
from publish_peers import (
    KEY, MAX_BODY_BYTES, PUBLIC_TOPIC, Peer, answer, publish, start_publish)
from responder import (
    BINARY, Responder, clean_environ, free_port, run)

URN = re.compile(r"urn:uuid:[0-9a-f-]{36}")


@pytest.fixture(scope="module")
def site():
    if not os.path.exists(publish_peers.LIGHTTPD):
        pytest.skip("there is no lighttpd")
    directory = pathlib.Path(tempfile.mkdtemp(prefix="fcgi-sse-"))
    started = publish_peers.Site(directory)
    yield started
    started.stop()
    shutil.rmtree(directory)


@pytest.fixture
def topic(request):
    return request.node.name


def check_fails(done, status, *words):
    """Says why on stderr, in one line, and prints nothing else."""
    assert (done.returncode, done.stdout) == (status, ""), done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("fcgi-sse publish: ")
    for word in words:
        assert str(word) in done.stderr


def accepted(done):
    """The ids that were printed."""
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


# One event

def test_data_arrives_under_the_id_that_is_printed(site, topic):
    ids = accepted(publish("--to", site.url, "--topic", topic,
                           "--key-file", site.key_file, "hello"))
    assert URN.fullmatch(ids[0])
    assert site.events(topic, 1) == [("message", "hello", ids[0])]


def test_every_field_arrives(site, topic):
    ids = accepted(publish(
        "--to", site.url, "--topic", topic, "--topic", topic + "/2",
        "--type", "news & more", "--id", "id=1+1%é", "--retry", "7000",
        "--key-file", site.key_file, "a=b&c\n +%41é"))
    assert ids == ["id=1+1%é"]
    for name in (topic, topic + "/2"):
        with site.subscribe(name) as subscriber:
            assert subscriber.wait(1) == [
                ("news & more", "a=b&c\n +%41é", ids[0])]
            assert subscriber.parser.retry_ms == 7000


@pytest.mark.parametrize("text, data", [
    ("one\ntwo\n", "one\ntwo"), ("one", "one"), ("one\r\n", "one"),
    ("one\n\n", "one\n"), ("\n", ""), ("", ""), ("a\0b\n", "a\0b")])
def test_stdin_is_the_data_less_its_last_line_end(site, text, data, topic):
    topic = re.sub(r"\W", "", topic) + str(len(text))
    accepted(publish("--to", site.url, "--topic", topic, "--key-file",
                     site.key_file, text=text))
    assert [event.data for event in site.events(topic, 1)] == [data]


def test_key_file_may_stand_in_the_environment(site, topic):
    env = {"FCGI_SSE_PUBLISH_KEY_FILE": str(site.key_file)}
    assert accepted(publish("--to", site.url, "--topic", topic, "x", env=env))


def test_quiet_prints_nothing(site, topic):
    assert accepted(publish("--to", site.url, "--topic", topic, "--quiet",
                            "--key-file", site.key_file, "x")) == []


def test_unix_socket_of_a_web_server(site, topic):
    accepted(publish("--to", f"unix:{site.web_socket}:/sse/events",
                     "--topic", topic, "--key-file", site.key_file, "x"))
    assert len(site.events(topic, 1)) == 1


def test_private_is_accepted_with_a_remark(site, topic):
    done = publish("--to", site.url, "--topic", topic, "--private",
                   "--key-file", site.key_file, "x")
    assert done.returncode == 0
    assert URN.match(done.stdout)
    assert "private: delivered to nobody" in done.stderr


def test_large_data_arrives(site, topic):
    data = "0123456789abcdef" * (MAX_BODY_BYTES // 16 - 16)
    accepted(publish("--to", site.url, "--topic", topic, "--key-file",
                     site.key_file, text=data))
    with site.subscribe(topic) as subscriber:
        assert subscriber.read_until(b"\n\n", 1).endswith(
            f"data: {data}\n\n".encode())


# Many

def test_lines_are_events_in_order(site, topic):
    ids = accepted(publish("--to", site.url, "--topic", topic, "--lines",
                           "--key-file", site.key_file,
                           text="one\n\ntwo\r\nthree"))
    events = site.events(topic, 4)
    assert [event.data for event in events] == ["one", "", "two", "three"]
    assert [event.id for event in events] == ids


def test_each_line_is_published_as_it_comes(site, topic):
    """As tail -F sends them; one connection does for all."""
    with site.subscribe(topic) as subscriber, start_publish(
            "--to", site.url, "--topic", topic, "--lines", "--key-file",
            site.key_file, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE) as process:
        for count in range(1, 4):
            process.stdin.write(f"line {count}\n")
            process.stdin.flush()
            assert subscriber.wait(count)[-1].data == f"line {count}"
            assert process.stdout.readline().strip() \
                == subscriber.parser.events[-1].id
        process.stdin.close()
        assert process.wait(WAIT_S) == 0


def test_ndjson_members_and_values(site, topic):
    lines = [
        {"topic": topic, "data": "téxt\nmore", "id": "1", "type": "t"},
        {"topics": [topic, "other"], "data": None, "retry": 5},
        {"topic": topic},
        {"topic": topic, "data": [1, {"a": "]}\""}], "private": False},
    ]
    text = "\n".join(map(json.dumps, lines)) + "\n\n  \n" \
        + '{ "d\\u0061ta" : {"b": 1.0e3,  "a":12345678901234567890123} , ' \
        + f'"topic":"{topic}"' + "}"
    ids = accepted(publish("--to", site.url, "--ndjson", "--key-file",
                           site.key_file, text=text))
    events = site.events(topic, 5)
    assert [event.id for event in events] == ids
    assert events[0] == ("t", "téxt\nmore", "1")
    assert [event.data for event in events[1:]] == [
        "null", "", '[1, {"a": "]}\\""}]',
        '{"b": 1.0e3,  "a":12345678901234567890123}']


def test_ndjson_takes_what_is_missing_from_the_options(site, topic):
    accepted(publish("--to", site.url, "--ndjson", "--topic", topic,
                     "--type", "usual", "--key-file", site.key_file,
                     text='{"data":1}\n{"data":2,"type":"special"}\n'
                     '{"data":3,"topic":null,"type":null}\n'))
    assert [event[:2] for event in site.events(topic, 3)] == [
        ("usual", "1"), ("special", "2"), ("usual", "3")]


def test_bad_lines_are_named_and_the_rest_is_published(site, topic):
    bad = ["{", "[]", '"text"', '{"data":1}', '{"topic":1}',
           '{"topic":["a",2]}', '{"topic":"a","privat":true}',
           '{"topic":"a","private":1}', '{"topic":"a","retry":-1}',
           '{"topic":"a","retry":1.5}', '{"topic":"a","retry":"1"}',
           '{"topic":"a","id":"\\u0000"}', '{"topic":"a","topic":"b"}',
           '{"topic":"a","id":"earliest"}', '{"topic":"a\\n"}',
           "[" * 100000]
    good = json.dumps({"topic": topic, "data": "good"})
    text = "\n".join(line for each in bad for line in (each, good))
    done = publish("--to", site.url, "--ndjson", "--key-file",
                   site.key_file, text=text)
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == len(bad)
    assert [int(n) for n in re.findall(r"^fcgi-sse publish: line (\d+): ",
                                       done.stderr, re.M)] \
        == list(range(1, 2 * len(bad), 2))
    assert len(site.events(topic, len(bad))) == len(bad)


def test_line_that_the_server_refuses_is_named(site, topic):
    with start_publish("--to", site.url, "--topic", topic, "--lines",
                       "--key-file", site.key_file, stdin=subprocess.PIPE,
                       stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE) as process:
        process.stdin.buffer.write(b"one\n\xff\ntwo\n")
        out, err = process.communicate(timeout=WAIT_S)
    assert process.returncode == 1
    assert len(out.splitlines()) == 2
    assert "line 2: 400 Bad Request: data is not UTF-8" in err
    assert len(site.events(topic, 2)) == 2


def test_one_connection_is_kept():
    with Peer(answer("200 OK", "id")) as peer:
        text = "x\n" * 50
        assert accepted(publish("--to", peer.url, "--topic", "t", "--lines",
                                text=text)) == ["id"] * 50
        assert peer.connection_count == 1
        assert all(request.endswith(b"topic=t&data=x")
                   for request in peer.requests)


# What the request is

def test_request_is_the_form_of_mercure(tmp_path):
    key_file = tmp_path / "key"
    key_file.write_text(KEY)
    key_file.chmod(0o600)
    with Peer(answer("200 OK", "id")) as peer:
        accepted(publish("--to", peer.url, "--topic", "a b", "--topic", "c",
                         "--id", "i", "--type", "t", "--retry", "0",
                         "--private", "--key-file", key_file, "d\n"))
        head, _, body = peer.requests[0].decode().partition("\r\n\r\n")
    assert head.startswith("POST /hub HTTP/1.1\r\n")
    assert f"\r\nAuthorization: Bearer {KEY}\r\n" in head
    assert "\r\nContent-Type: application/x-www-form-urlencoded" in head
    assert body == ("topic=a+b&topic=c&id=i&type=t&retry=0&private=on"
                    "&data=d%0A")


@pytest.mark.parametrize("end, path", [
    ("", "/.well-known/mercure"), ("/", "/.well-known/mercure"),
    ("?a=b", "/.well-known/mercure?a=b"), ("/x/y?z", "/x/y?z"),
    ("/x/", "/x/")])
def test_url_is_taken_as_given_and_completed(end, path):
    with Peer(answer("200 OK", "id")) as peer:
        root = peer.url.removesuffix("/hub")
        assert accepted(publish("--to", root + end, "--topic", "t", "x"))
        assert peer.requests[0].startswith(f"POST {path} HTTP".encode())


@pytest.mark.parametrize("end, path", [
    (":/", "/.well-known/mercure"), (":/sse/events", "/sse/events")])
def test_path_at_a_unix_socket(short_dir, end, path):
    sock = short_dir / "web.sock"
    with Peer(answer("200 OK", "id"), path=sock) as peer:
        assert accepted(publish("--to", f"unix:{sock}{end}", "--topic", "t",
                                "x", env={"http_proxy": "http://[::1]:1"}))
        assert peer.requests[0].startswith(f"POST {path} HTTP".encode())
        assert b"\r\nHost: localhost\r\n" in peer.requests[0]
        assert re.search(rb"\r\nUser-Agent: fcgi-sse-publish/[\d.]+\r\n",
                         peer.requests[0])


# Straight at the responder, by FastCGI

@pytest.fixture
def straight(site):
    """The arguments that go to the socket of fcgi-sse itself."""
    return ["--to", f"unix:{site.fcgi_socket}", "--key-file", site.key_file]


def test_straight_at_the_responder(site, topic, straight):
    text = "é\n" + "x" * 70000
    ids = accepted(publish(*straight, "--topic", topic, "--topic", topic + "2",
                           "--type", "usual", "--id", "own", text=text))
    assert ids == ["own"]
    event, = site.events(topic, 1)
    assert (event.id, event.type, event.data) == ("own", "usual", text)
    assert site.events(topic + "2", 1) == [event]


def test_lines_straight_at_the_responder(site, topic, straight):
    text = "".join(f"{number}\n" for number in range(500))
    ids = accepted(publish(*straight, "--topic", topic, "--lines", text=text))
    events = site.events(topic, 500)
    assert [event.id for event in events] == ids
    assert [event.data for event in events] == text.split()


def test_longest_data_straight_at_the_responder(site, topic, straight):
    text = "y" * (MAX_BODY_BYTES - 100)
    accepted(publish(*straight, "--topic", topic, text=text))
    with site.subscribe(topic) as subscriber:
        assert subscriber.read_until(b"\n\n", 1).endswith(
            f"data: {text}\n\n".encode())
    check_fails(publish(*straight, "--topic", topic, text=text + 200 * "y"),
                1, "413 Content Too Large", "max-body")


@pytest.mark.parametrize("mount", ["/", "/sse", "/a/b"])
def test_mount_point_of_the_responder(short_dir, mount):
    """The command does not know it, and need not."""
    key_file = short_dir / "key"
    key_file.write_text(KEY)
    key_file.chmod(0o600)
    address = f"unix:{short_dir}/s"
    process = Responder(["--listen", address, "--publish-key-file",
                         str(key_file), "--mount", mount], [address])
    ids = accepted(publish("--to", address, "--topic", "t", "--key-file",
                           key_file, "x"))
    assert URN.fullmatch(ids[0])
    process.stop()


def test_what_the_responder_refuses(site, straight):
    check_fails(publish(*straight[:2], "--topic", "t", "x"), 1,
                "401 Unauthorized", "--key-file")
    check_fails(publish(*straight, "--topic", "t", "--type", "a\nb", "x"), 1,
                "400 Bad Request")
    ids = accepted(publish(*straight[:2], "--topic", PUBLIC_TOPIC, "x"))
    assert URN.fullmatch(ids[0])
    site.responder.check_good()


def test_lines_outlive_a_restart_of_the_responder(short_dir):
    """What is published while nobody is there waits a few seconds."""
    key_file = short_dir / "key"
    key_file.write_text(KEY)
    key_file.chmod(0o600)
    address = f"unix:{short_dir}/s"

    def start():
        return Responder(["--listen", address, "--publish-key-file",
                          str(key_file)], [address])

    first = start()
    with start_publish("--to", address, "--topic", "t", "--lines",
                       "--key-file", key_file, stdin=subprocess.PIPE,
                       stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE) as process:
        process.stdin.write("1\n")
        process.stdin.flush()
        assert URN.fullmatch(process.stdout.readline().strip())
        first.stop()
        process.stdin.write("2\n")
        process.stdin.flush()
        second = start()
        assert URN.fullmatch(process.stdout.readline().strip())
        out, err = process.communicate(timeout=WAIT_S)
    assert (process.returncode, out, err) == (0, "", "")
    second.stop()


class Silent:
    """Takes connections at a unix socket, and says some bytes to each."""

    def __init__(self, path, data, is_closing):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.bind(str(path))
        self.sock.listen()
        self.data, self.is_closing = data, is_closing
        self.conns = []
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                conn, _ = self.sock.accept()
                conn.recv(65536)
                conn.sendall(self.data)
                self.conns.append(conn)
                if self.is_closing:
                    conn.close()

    def close(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        for one in (self.sock, *self.conns):
            one.close()


GOOD = b"Status: 200 OK\r\nContent-Type: text/plain\r\n\r\nid"
END = record(END_REQUEST, bytes(8))


@pytest.mark.parametrize("data, word", [
    (b"", "does not speak FastCGI"), (b"HTTP/1.1 400 Bad\r\n\r\n", ":/sse/"),
    (record(STDOUT, GOOD), "no answer"), (END, "no answer"),
    (record(STDOUT, GOOD.replace(b"200 OK", b"404 No")) + END, "the hub"),
    (record(STDOUT, b"no head") + END, "no answer"),
    (record(STDOUT, GOOD + b"x" * 2000) + END, "no id"),
    (record(STDOUT, GOOD)[:-1], "no answer"), (b"\1", "no answer"),
    (record(STDOUT, b"x" * 60000) * 9 + END, "no answer")],
    ids=itertools.count())
def test_what_is_no_responder(short_dir, data, word):
    peer = Silent(short_dir / "s", data, is_closing=True)
    check_fails(publish("--to", f"unix:{short_dir}/s", "--topic", "t", "x"),
                1, word)
    peer.close()


@pytest.mark.parametrize("data", [b"", record(STDOUT, GOOD)])
def test_silence_of_a_responder_comes_to_an_end(short_dir, data):
    peer = Silent(short_dir / "s", data, is_closing=False)
    check_fails(publish("--to", f"unix:{short_dir}/s", "--topic", "t",
                        "--timeout", "200ms", "x"), 1, "timed out")
    peer.close()


# What a log of its own requests would make

def test_lines_about_its_own_requests_are_left_out(site, topic):
    text = ('1 "POST /sse/events HTTP/1.1" 200 "-" "fcgi-sse-publish/0.1.0"\n'
            '2 "GET / HTTP/1.1" 200 "-" "curl/7.88.1"\n')
    ids = accepted(publish("--to", site.url, "--topic", topic, "--key-file",
                           site.key_file, "--lines", text=text))
    assert len(ids) == 1
    assert site.events(topic, 1)[0].data == text.splitlines()[1]


# What is refused, and why

def test_without_a_key(site):
    check_fails(publish("--to", site.url, "--topic", "t", "x"), 1,
                "401 Unauthorized", "--key-file")
    assert accepted(publish("--to", site.url, "--topic", PUBLIC_TOPIC, "x"))


def test_wrong_key(site, tmp_path):
    wrong = tmp_path / "key"
    wrong.write_text("wrong")
    wrong.chmod(0o600)
    check_fails(publish("--to", site.url, "--topic", "t", "--key-file",
                        wrong, "x"), 1, "401 Unauthorized",
                "none of the server's")


@pytest.mark.parametrize("end, status", [
    ("", 404), ("/nope", 404), ("/sse/nope", 404), ("/sse/", 405),
    ("/sse/clock", 405)])
def test_wrong_path(site, end, status):
    done = publish("--to", site.url.removesuffix("/sse/events") + end,
                   "--topic", "t", "x")
    check_fails(done, 1, status, "/.well-known/mercure")


def test_too_long(site):
    done = publish("--to", site.url, "--topic", "t", "--key-file",
                   site.key_file, text="x" * (MAX_BODY_BYTES + 1))
    check_fails(done, 1, "413 Content Too Large", "max-body")


def test_publishing_is_off(fcgi_sse, short_dir):
    """The words are the responder's own, and not repeated."""
    words = "403 Forbidden: publishing is off; the option " \
        "publish-key-file turns it on\n"
    with Peer(answer("403 Forbidden", words)) as peer:
        done = publish("--to", peer.url, "--topic", "t", "x")
        check_fails(done, 1)
        assert done.stderr == "fcgi-sse publish: " + words


@pytest.mark.parametrize("status, word", [
    ("301 Moved Permanently", "301; it redirects to https://example.org/hub"),
    ("403 Forbidden", "403 Forbidden"),
    ("418 I'm a teapot", "418"),
    ("500 Internal Server Error", "log"),
    ("501 Not Implemented", "501 Not Implemented"),
    ("502 Bad Gateway", "cannot reach fcgi-sse"),
    ("503 Service Unavailable", "not running"),
    ("504 Gateway Timeout", "no answer from fcgi-sse")])
def test_status_of_a_web_server(status, word):
    page = answer(status, "<html>no</html>", "text/html",
                  "Location: https://example.org/hub"
                  if status[0] == "3" else "X: y")
    with Peer(page) as peer:
        check_fails(publish("--to", peer.url, "--topic", "t", "x"), 1,
                    status[:3], word)
        assert len(peer.requests) == 1


@pytest.mark.parametrize("again", ["0", "1"])
def test_too_many_requests_are_tried_again(again):
    often = answer("429 Too Many Requests", "", None, f"Retry-After: {again}")
    with Peer(often, answer("200 OK", "id")) as peer:
        began = time.monotonic()
        assert accepted(publish("--to", peer.url, "--topic", "t", "x",
                                retry_for="10s"))
        assert len(peer.requests) == 2
        assert time.monotonic() - began >= 1


def test_wait_that_is_too_long_is_not_waited_for():
    often = answer("429 Too Many Requests", "", None, "Retry-After: 3600")
    with Peer(often) as peer:
        check_fails(publish("--to", peer.url, "--topic", "t", "x",
                            retry_for="10s"), 1, "429")
        assert len(peer.requests) == 1


def test_tries_come_to_an_end():
    often = answer("429 Too Many Requests", "", None, "Retry-After: 1")
    with Peer(often) as peer:
        check_fails(publish("--to", peer.url, "--topic", "t", "x",
                            retry_for="10s"), 1, "429", "tried 5 times")
        assert len(peer.requests) == 5


# Peers that are no hub

def test_sockets_mistaken_for_each_other(site):
    check_fails(publish("--to", f"unix:{site.fcgi_socket}:/sse/events",
                        "--topic", "t", "x"), 1, "speaks FastCGI",
                "its socket as unix:PATH")
    site.responder.check_good()
    check_fails(publish("--to", f"unix:{site.web_socket}", "--topic", "t",
                        "x"), 1, "does not speak FastCGI", ":/sse/events")


@pytest.mark.parametrize("bytes_back", [
    record(END_REQUEST, bytes(8)) + b"close", None, b"garbage, close\n",
    b"HTTP/1.1 9\r\nclose\r\n\r\n", b"\0close" * 5000],
    ids=itertools.count())
def test_what_is_no_http(bytes_back):
    with Peer(bytes_back) as peer:
        check_fails(publish("--to", peer.url, "--topic", "t", "x"), 1,
                    "FastCGI")


@pytest.mark.parametrize("reply", [
    answer("200 OK", "<html>welcome</html>", "text/html"),
    answer("200 OK", ""), answer("200 OK", "two\nlines"),
    answer("200 OK", "\x1b[31m"), answer("200 OK", "x" * 1025),
    answer("200 OK", "x" * 1000000), answer("204 No Content"),
    answer("201 Created", "id")], ids=itertools.count())
def test_success_without_an_id(reply):
    with Peer(reply) as peer:
        check_fails(publish("--to", peer.url, "--topic", "t", "x"), 1,
                    "no id", "/.well-known/mercure")


def test_what_a_server_says_does_no_harm(tmp_path):
    """Neither to the terminal, nor by telling the key."""
    key_file = tmp_path / "key"
    key_file.write_text(KEY)
    key_file.chmod(0o600)
    evil = "400 no\x1b]0;title\x07 \x9b1m\xff"
    with Peer(answer("400 no", evil), answer("401 no", f"not {KEY}")) as peer:
        done = publish("--to", peer.url, "--topic", "t", "--lines",
                       "--key-file", key_file, text="1\n2\n")
    assert done.returncode == 1
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", done.stderr)


def test_silence_comes_to_an_end():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(1)
        url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        check_fails(publish("--to", url, "--topic", "t", "--timeout",
                            "200ms", "x"), 1, "timed out", "--timeout")


def test_nobody_there(short_dir):
    lone = short_dir / "lone.sock"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(lone))        # and nobody listens
    url = f"http://127.0.0.1:{free_port()}"
    for to, word in ((url, "Connection refused"),
                     (f"unix:{lone}", "nobody listens"),
                     (f"unix:{short_dir}/nope", "no such socket")):
        check_fails(publish("--to", to, "--topic", "t", "x"), 1, word)


def test_no_tls_there(site):
    check_fails(publish("--to", site.url.replace("http:", "https:"),
                        "--topic", "t", "x"), 1, "TLS", "http://")


def test_wrong_place_stops_at_the_first_line():
    with Peer(answer("404 Not Found")) as peer:
        check_fails(publish("--to", peer.url, "--topic", "t", "--lines",
                            text="1\n2\n3\n"), 1, "line 1: 404")
        assert len(peer.requests) == 1


def test_lines_outlive_a_restart_of_the_web_server(short_dir):
    sock = short_dir / "web.sock"
    with start_publish("--to", f"unix:{sock}:/", "--topic", "t", "--lines",
                       stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE) as process:
        for data in ("before", "behind"):
            with Peer(answer("200 OK", data, "text/plain",
                             "Connection: close"), path=sock) as peer:
                if data == "before":
                    process.stdin.write("1\n")
                    process.stdin.flush()
                assert process.stdout.readline() == data + "\n"
                assert len(peer.requests) == 1
            sock.unlink()
            if data == "before":
                process.stdin.write("2\n")
                process.stdin.flush()
        out, err = process.communicate(timeout=WAIT_S)
    assert (process.returncode, out, err) == (0, "", "")


# Around the command

@pytest.mark.parametrize("args, word", [
    ([], "--to"), (["--to", "http://x"], "--topic"),
    (["--to", "http://x", "--topic", ""], "--topic"),
    (["--to", "127.0.0.1:80", "--topic", "t"], "http://"),
    (["--to", "ftp://x", "--topic", "t"], "--to ftp://x is neither http://"),
    (["--to", "http://", "--topic", "t"], "http://"),
    (["--to", "http://u:p@x", "--topic", "t"], "--to holds a user"),
    (["--to", "http://x/a b", "--topic", "t"], "%XX"),
    (["--to", "unix:", "--topic", "t"], "unix: needs the path"),
    (["--store", "sqlite:x", "--topic", "t", "--key-file", "k"],
     "--key-file is for --to"),
    (["--to", "unix:/" + "x" * 108, "--topic", "t"], "too long a path"),
    (["--to", "http://x", "--topic", "t", "a", "b"], "quote"),
    (["--to", "http://x", "--topic", "t", "--retry", "1s"], "--retry"),
    (["--to", "http://x", "--topic", "t", "--timeout", "1"], "--timeout"),
    (["--to", "http://x", "--topic", "t", "--lines", "a"], "standard input"),
    (["--to", "http://x", "--topic", "t", "--lines", "--id", "a"], "--id"),
    (["--to", "http://x", "--lines", "--ndjson"], "exclude"),
    (["--key", "secret"], "--key-file"), (["-x"], "-x is not"),
    (["--to"], "--to takes"), (["--nope"], "--nope is not")])
def test_usage(args, word):
    check_fails(publish(*args), 2, word)


def test_data_behind_dashes():
    with Peer(answer("200 OK", "id")) as peer:
        assert accepted(publish("--to", peer.url, "--topic", "t", "--", "-1"))
        assert peer.requests[0].endswith(b"data=-1")


@pytest.mark.parametrize("text, word", [
    (None, "No such file"), ("", "holds no key"), ("a\x07b", ":1: "),
    ("# one\nclé", ":2: "), ("\ufeffkey\n", "byte order mark"),
    ("key\0", ":1: "), ("# none\n", "holds no key"),
    ("two words", "blank"), ("\n" * 9, "holds no key")])
def test_key_file_that_is_of_no_use(tmp_path, text, word):
    key_file = tmp_path / "key"
    if text is not None:
        key_file.write_text(text)
        key_file.chmod(0o600)
    check_fails(publish("--to", "http://127.0.0.1:1", "--topic", "t",
                        "--key-file", key_file, "x"), 1, word,
                f"key file {key_file}:")


def test_key_file_that_others_may_read(tmp_path):
    key_file = tmp_path / "key"
    key_file.write_text("key")
    key_file.chmod(0o644)
    with Peer(answer("200 OK", "id")) as peer:
        done = publish("--to", peer.url, "--topic", "t", "--key-file",
                       key_file, "x")
    assert (done.returncode, done.stdout) == (0, "id\n")
    assert "warning" in done.stderr and "0600" in done.stderr


def test_help():
    done = publish("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_reader_of_the_ids_that_left():
    with Peer(answer("200 OK", "id")) as peer:
        reader, writer = os.pipe()
        os.close(reader)
        with start_publish("--to", peer.url, "--topic", "t", "--lines",
                           stdin=subprocess.PIPE, stdout=writer,
                           stderr=subprocess.PIPE) as process:
            os.close(writer)
            _, err = process.communicate("1\n2\n", timeout=WAIT_S)
        assert process.returncode == 1
        assert "standard output" in err
        assert len(peer.requests) == 1


def test_interrupt_ends_it():
    with Peer(answer("200 OK", "id")) as peer, start_publish(
            "--to", peer.url, "--topic", "t", "--lines",
            stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdin.write("1\n")
        process.stdin.flush()
        assert process.stdout.readline() == "id\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(WAIT_S) == -signal.SIGINT


def test_query_of_a_cgi_request_is_no_command(tmp_path):
    """A web server makes the words of a query a CGI program's arguments."""
    with Peer(answer("200 OK", "id")) as peer:
        query = f"publish+--to+{peer.url}+--topic+t+x"
        done = run(*query.split("+"), env={
            "GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "GET",
            "SCRIPT_NAME": "/sse.cgi", "PATH_INFO": "/nope",
            "QUERY_STRING": query, "SERVER_PROTOCOL": "HTTP/1.1"})
        assert done.stdout.startswith("Status: 404")
        assert peer.requests == []


def test_program_that_is_missing(tmp_path):
    alone = tmp_path / "fcgi-sse"
    shutil.copy(BINARY, alone)
    done = subprocess.run([alone, "publish", "--help"], text=True,
                          env=clean_environ(), capture_output=True)
    if done.returncode == 0:
        pytest.skip("fcgi-sse is installed")
    assert done.returncode == 1
    assert f"{tmp_path}/fcgi-sse-publish" in done.stderr
    assert "libexec/fcgi-sse/fcgi-sse-publish" in done.stderr


def test_the_responder_does_without_libcurl():
    libraries = subprocess.run(
        ["ldd", BINARY], text=True, capture_output=True).stdout
    assert "libcurl" not in libraries
    assert publish_peers.program_beside().exists()
