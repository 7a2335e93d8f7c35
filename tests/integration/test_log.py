"""The log: what it says, that nobody writes into it, where it goes."""

import datetime
import re
import signal

import pytest

from responder import Line, wait_until

# Paths that would like to be more than a value.
HOSTILE = {
    "/a\nb": ("\n",), "/\x1b[31m": ("\x1b",), "/\r\x85": ("\r",),
    '/"quoted" \\ and spaces': (), "/x reason=complete": (),
    "/\x00": (), "/=\u202e": ("\u202e",),
}


def lines_of(process, event):
    return [line for line in process.log if line["event"] == event]


def file_lines(path):
    return [Line(text) for text in path.read_text().splitlines()]


def talk(process, path="/clock", **changes):
    """A stream that is opened and left."""
    with process.client() as client:
        answer = client.send_request(path, "interval=1h", **changes)
        client.recv_events(answer, 1)
        return answer


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_lines_of_a_stream(fcgi_sse, log_format):
    process = fcgi_sse("--log-format", log_format)
    with process.client() as client:
        client.recv_events(client.send_request("/stream", mount="/app"), 2)
        answer = talk(process, REMOTE_ADDR="2001:db8::1")
        process.wait_log("disconnect")
    process.wait_log("disconnect", count=2)
    first, second = lines_of(process, "connect")
    assert first.has(client="192.0.2.7", path="/app/stream", open=1)
    assert second.has(client="2001:db8::1", path="/clock", open=2)
    gone, last = lines_of(process, "disconnect")
    assert gone.has(client="2001:db8::1", path="/clock", open=1,
                    reason="client-closed", events=1,
                    bytes=len(answer.out))
    assert last.has(path="/app/stream", open=0)
    assert 0 <= float(gone["seconds"]) < 60
    for line in (first, second, gone, last):
        moment = datetime.datetime.strptime(line["time"],
                                            "%Y-%m-%dT%H:%M:%S.%fZ")
        age = datetime.datetime.utcnow() - moment
        assert abs(age.total_seconds()) < 60
        assert line["level"] == "info"


def test_a_line_looks_as_documented(fcgi_sse):
    process = fcgi_sse()
    talk(process)
    text = process.wait_log("disconnect").text
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info disconnect "
        r"client=192\.0\.2\.7 path=/clock open=0 reason=client-closed "
        r"seconds=\d+\.\d{3} events=1 bytes=\d+", text)
    as_json = fcgi_sse("--log-format", "json")
    talk(as_json)
    text = as_json.wait_log("connect").text
    assert re.fullmatch(
        r'\{"time":"[0-9T:.-]+Z","level":"info","event":"connect",'
        r'"client":"192\.0\.2\.7","path":"/clock","open":1\}', text)


def test_reasons(fcgi_sse):
    process = fcgi_sse()
    talk(process)
    process.wait_log("disconnect", reason="client-closed")
    process.ask("/counter", "count=2&interval=100ms")
    line = process.wait_log("disconnect", reason="complete")
    assert line.has(path="/counter", events=3)
    with process.client() as client:
        client.recv_events(client.send_request("/clock"), 1)
        client.send(b"garbage!")
        assert client.recv_close() == []
    process.wait_log("disconnect", reason="protocol-error")
    with process.client() as client:
        client.recv_events(client.send_request("/clock", "interval=1h"), 1)
        process.stop()
    process.wait_log("disconnect", reason="shutdown")


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_page_lines(fcgi_sse, log_format):
    process = fcgi_sse("--log-format", log_format)
    process.ask("/", mount="/app")
    assert process.wait_log("page").has(client="192.0.2.7", path="/app/",
                                        level="info")


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_hostile_bytes_are_escaped(fcgi_sse, log_format):
    process = fcgi_sse("--log-format", log_format, "--log-level", "debug")
    for path, _ in HOSTILE.items():
        talk(process, mount=path, path="/clock", REMOTE_ADDR=path)
    process.wait_log("disconnect", count=len(HOSTILE))
    for line in process.lines:
        assert re.fullmatch(r"[ -~]+", line)
        Line(line)
    assert len(lines_of(process, "disconnect")) == len(HOSTILE)
    assert all(line["reason"] == "client-closed"
               for line in lines_of(process, "disconnect"))
    if log_format == "json":
        paths = [line["path"] for line in lines_of(process, "connect")]
        assert '/"quoted" \\ and spaces/clock' in paths
        assert "/a\nb/clock" in paths


def test_a_client_that_is_unknown(fcgi_sse):
    process = fcgi_sse("--log-format", "json")
    talk(process, REMOTE_ADDR=None)
    assert process.wait_log("connect")["client"] in (None, "-")


def test_levels(fcgi_sse):
    quiet = fcgi_sse("--log-level", "warn", await_ready=False)
    quiet.wait_up()
    talk(quiet)
    quiet.stop()
    assert quiet.lines == []


def test_fanout_at_debug(fcgi_sse):
    process = fcgi_sse("--log-level", "debug")
    with process.client() as one, process.client() as two:
        for client in (one, two):
            client.recv_events(client.send_request(
                "/clock", "interval=100ms&format=iso"), 3)
        line = process.wait_log("fanout", topic="clock/100/iso",
                                subscribers=2, events=1)
        assert re.fullmatch(r"\d+\.\d{3}", line["ms"])


# A file

def test_log_to_a_file_that_is_reopened_at_sighup(fcgi_sse, short_dir):
    path, old = short_dir / "log", short_dir / "log.1"
    process = fcgi_sse("--log", str(path), await_ready=False)
    wait_until(lambda: path.exists() and "ready" in path.read_text(),
               "the ready line")
    with process.client() as client:
        answer = client.send_request("/clock", "interval=100ms")
        client.recv_events(answer, 1)
        wait_until(lambda: "connect" in path.read_text(), "the connect line")
        path.rename(old)
        talk(process, "/stream")
        wait_until(lambda: "path=/stream" in old.read_text(), "an old line")
        assert not path.exists()
        process.process.send_signal(signal.SIGHUP)
        wait_until(path.exists, "the new file")
        client.recv_events(answer, len(answer.events) + 2)
    wait_until(lambda: "disconnect" in path.read_text(), "a new line")
    process.stop()
    for name in (path, old):
        assert all(line["level"] == "info" for line in file_lines(name))
    assert process.lines == []


def test_a_log_that_cannot_be_written_disturbs_nobody(fcgi_sse):
    process = fcgi_sse("--log", "/dev/full", "--log-level", "debug",
                       await_ready=False)
    process.wait_up()
    with process.unharmed():
        for _ in range(20):
            talk(process)
        with process.client() as client:
            answer = client.send_request("/clock", "interval=100ms")
            client.recv_events(answer, 5)


def test_a_log_that_nobody_reads_holds_up_nobody(fcgi_sse):
    """A pipe that is full."""
    process = fcgi_sse("--log-level", "debug")
    process.resize_log_pipe(4096)
    with process.reading, process.client() as client:
        answer = client.send_request("/clock", "interval=100ms")
        for _ in range(1500):
            with process.client() as other:
                other.send(b"garbage!" * 20)
                other.recv_close()
        client.recv_events(answer, 5)
