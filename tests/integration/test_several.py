"""Several processes that serve the same clients: publish through any,
subscribe through any, and nobody says where they keep their log."""

import socket
import subprocess

import pytest

import fcgi_client
from fcgi_client import WAIT_S
from hub import FORM, KEY, write_keys
from responder import BINARY, Responder, clean_environ


def publish(address, data, **changes):
    return fcgi_client.ask(
        address, "/events", method="POST", CONTENT_TYPE=FORM,
        body=f"topic=t&data={data}".encode(),
        HTTP_AUTHORIZATION=f"Bearer {KEY}", **changes)


@pytest.fixture
def state(short_dir):
    folder = short_dir / "state"
    folder.mkdir(mode=0o700)
    return {"XDG_STATE_HOME": str(folder)}


@pytest.fixture
def start(short_dir, state):
    """Starts a process at the one socket."""
    keys = str(write_keys(short_dir))
    all_of_them = []

    def one(*args, env=None):
        process = Responder(["--publish-key-file", keys, *args], ["fd:0"],
                            stdin=sock, env=env or state)
        process.addresses = [f"unix:{short_dir}/s"]
        all_of_them.append(process)
        return process

    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(short_dir / "s"))
        sock.listen(64)
        yield one
    for process in all_of_them:
        if process.process.poll() is None:
            process.stop()


def subscribe(client, **changes):
    answer = fcgi_client.Answer()
    client.send_request("/events", "topic=t", **changes)
    client.recv_until(answer, lambda answer: answer.head)
    return answer


def data_of(answer):
    return [event.data for event in answer.events]


@pytest.fixture(params=["auto", "sqlite", "redis"])
def store(request, short_dir):
    """The option for a store that processes share."""
    if request.param == "redis":
        server = request.getfixturevalue("redis_of_all")
        return f"{server.url}?key=several-{short_dir.name}"
    return f"sqlite:{short_dir}/log" if request.param == "sqlite" else "auto"


def test_all_have_the_same_store(start, state):
    files = {start().wait_log("store")["store"] for _ in range(3)}
    assert len(files) == 1
    assert files.pop().startswith(f"sqlite:{state['XDG_STATE_HOME']}/")


@pytest.mark.parametrize("count", [1, 3, 8])
def test_each_gets_what_any_has_taken(start, short_dir, store, count):
    for _ in range(count):
        start("--store", store)
    address = f"unix:{short_dir}/s"
    clients = [fcgi_client.Client(address) for _ in range(12)]
    try:
        answers = [subscribe(client) for client in clients]
        sent = [str(number) for number in range(30)]
        ids = [publish(address, data).body.decode() for data in sent]
        assert ids == sorted(set(ids))
        for client, answer in zip(clients, answers):
            client.recv_events(answer, len(sent))
            assert data_of(answer) == sent
            assert [event.id for event in answer.events] == ids
    finally:
        for client in clients:
            client.close()
    for _ in range(count):
        check_replay(address, ids[9], sent[10:])
        check_replay(address, "earliest", sent)


def check_replay(address, last_id, expected):
    """By whichever process."""
    with fcgi_client.Client(address) as client:
        answer = subscribe(client, HTTP_LAST_EVENT_ID=last_id)
        assert answer.headers["Last-Event-ID"] == last_id
        client.recv_events(answer, len(expected))
        assert data_of(answer) == expected


def test_a_store_that_anybody_could_fetch(start, short_dir, state):
    """Whichever of several sites it is: each request tells of its own."""
    process = start()
    (short_dir / "other").mkdir()
    for root in ("other", "none", "other"):
        assert publish(f"unix:{short_dir}/s", "x", DOCUMENT_ROOT=str(
            short_dir / root)).status == "200 OK"
    answer = publish(f"unix:{short_dir}/s", "x", DOCUMENT_ROOT=str(short_dir))
    assert answer.status == "503 Service Unavailable"
    assert b"document root" in answer.body
    assert int(answer.headers["Retry-After"]) > 0
    line = process.wait_log("store-unusable", level="error")
    assert line["document_root"] == str(short_dir)
    assert publish(f"unix:{short_dir}/s", "x", DOCUMENT_ROOT=str(
        short_dir / "other")).status == "503 Service Unavailable"
    with fcgi_client.Client(f"unix:{short_dir}/s") as client:
        answer = subscribe(client, HTTP_ACCEPT="text/event-stream")
        client.recv_end(answer)
    assert answer.status == "200 OK"
    assert [event.type for event in answer.events] == ["refused"]


def cgi(folder, env, **changes):
    values = clean_environ(env)
    values.update(fcgi_client.environ("/events", "topic=t", **changes))
    return subprocess.Popen([BINARY], cwd=folder, env=values,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL)


def test_a_process_for_each_request(short_dir, state):
    """What one CGI process takes another one delivers."""
    body = b"topic=t&data=by-cgi"
    env = {**state, "FCGI_SSE_PUBLISH_KEY_FILE": str(write_keys(short_dir))}
    reader = cgi(short_dir, env)
    try:
        head = b""
        while b"\n\n" not in head.replace(b"\r", b""):
            head += reader.stdout.read1()
        assert b"501" not in head and b"text/event-stream" in head
        writer = cgi(short_dir, env, method="POST", CONTENT_TYPE=FORM,
                     CONTENT_LENGTH=str(len(body)),
                     HTTP_AUTHORIZATION=f"Bearer {KEY}")
        answer, _ = writer.communicate(body, timeout=WAIT_S)
        assert b"by-cgi" not in answer and answer.count(b"-") >= 4, answer
        text = b""
        while b"data: by-cgi" not in text.replace(b"data:by", b"data: by"):
            text += reader.stdout.read1()
    finally:
        reader.kill()
        reader.communicate()
