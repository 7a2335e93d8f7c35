"""What an operator looks at, who may look, and whether it is true."""

import re

import pytest

import fcgi_client
from responder import wait_until

PATHS = ["/healthz", "/metrics", "/status", "/status.css", "/status.js",
         "/status/events"]
SAMPLE = re.compile(
    r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\.)*",?)*'
    r')\})? (-?[0-9.e+-]+|\+Inf|NaN)')
LOCAL = {"REMOTE_ADDR": "127.0.0.1"}


def status_of(process, path, **changes):
    """The status alone: a stream has no end."""
    with process.client() as client:
        answer = client.send_request(path, **changes)
        return client.recv_until(answer, lambda a: a.head).status


@pytest.mark.parametrize("path", PATHS)
def test_only_clients_of_this_machine_may_look(fcgi_sse, path):
    process = fcgi_sse()
    for address in ("127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"):
        assert status_of(process, path, REMOTE_ADDR=address) == "200 OK"
        for header in ("X_FORWARDED_FOR", "FORWARDED", "X_REAL_IP", "VIA",
                       "X_FORWARDED_PROTO", "CF_CONNECTING_IP", "CLIENT_IP",
                       "TRUE_CLIENT_IP", "X_CLUSTER_CLIENT_IP", "CDN_LOOP"):
            assert status_of(process, path, REMOTE_ADDR=address,
                             **{f"HTTP_{header}": "127.0.0.1"})[:3] == "403"
        # A page of another site, in a browser on this machine.
        assert status_of(process, path, REMOTE_ADDR=address,
                         HTTP_SEC_FETCH_SITE="cross-site",
                         HTTP_SEC_FETCH_MODE="cors")[:3] == "403"
        assert status_of(process, path, REMOTE_ADDR=address,
                         HTTP_ORIGIN="http://evil.example")[:3] == "403"
        for site, mode in (("cross-site", "navigate"), ("none", "navigate"),
                           ("same-origin", "cors")):
            assert status_of(process, path, REMOTE_ADDR=address,
                             HTTP_SEC_FETCH_SITE=site,
                             HTTP_SEC_FETCH_MODE=mode) == "200 OK"
    for address in ("192.0.2.1", "10.0.0.1", "::", "2001:db8::1", "", None,
                    "1270.0.0.1", "::ffff:192.0.2.1", "localhost",
                    "127.0.0.1.evil.example", "127.0.0.1:80",
                    "::ffff:127.0.0.1.evil.example", "127."):
        assert status_of(process, path, REMOTE_ADDR=address)[:3] == "403"


@pytest.mark.parametrize("path", PATHS)
def test_all_may_look_with_the_option(fcgi_sse, path):
    process = fcgi_sse("--status")
    assert status_of(process, path, REMOTE_ADDR="192.0.2.1") == "200 OK"


class Metrics:
    """Prometheus text format 0.0.4, read strictly."""

    def __init__(self, text):
        self.values, self.types = {}, {}
        assert text.endswith("\n")
        helped = set()
        for line in text.splitlines():
            if line.startswith("# HELP "):
                name = line.split()[2]
                assert name not in helped
                helped.add(name)
            elif line.startswith("# TYPE "):
                _, _, name, kind = line.split()
                assert name in helped and name not in self.types
                assert kind in ("counter", "gauge", "histogram")
                self.types[name] = kind
            else:
                self.add(line)

    def add(self, line):
        match = SAMPLE.fullmatch(line)
        assert match, line
        name, labels, value = match.groups()
        base = re.sub("_(bucket|sum|count)$", "", name)
        assert name in self.types or self.types[base] == "histogram", line
        key = f"{name}{{{labels}}}" if labels else name
        assert key not in self.values, f"{key} is there twice"
        self.values[key] = float(value)

    def __getitem__(self, name):
        return self.values["fcgi_sse_" + name]

    def buckets(self, name):
        """Bounds with their counts, as they stand there."""
        pattern = re.compile(rf'fcgi_sse_{name}_bucket\{{le="(.+)"\}}')
        return [(float(match[1]), value) for key, value in self.values.items()
                if (match := pattern.fullmatch(key))]


def metrics(process):
    answer = process.ask("/metrics", **LOCAL)
    assert answer.headers["Content-Type"].startswith(
        "text/plain; version=0.0.4")
    return Metrics(answer.body.decode())


def test_metrics_agree_with_what_happened(fcgi_sse, good_clients, bad_peers):
    process = fcgi_sse("--max-streams", "105")
    before = metrics(process)
    assert before["streams_open"] == before["streams_opened_total"] == 0
    good = good_clients(process, 100)
    bad_peers.add(process.address, count=7)
    for _ in range(5):
        process.ask("/counter", "count=3&interval=100ms")
    aborted = process.client()
    with aborted:
        answer = aborted.send_request("/clock", keep=True)
        aborted.recv_events(answer, 1)
        aborted.send(fcgi_client.abort())
        aborted.recv_end(answer)
    extra = [process.client() for _ in range(5)]
    for client in extra:
        client.recv_events(client.send_request("/counter", "interval=1h"), 1)
    assert process.ask("/clock", HTTP_ACCEPT="text/event-stream").events
    wait_until(lambda: metrics(process)["connections_waiting"] == 8,
               "seven that are silent, and the one that asks")
    found = metrics(process)
    assert found["streams_open"] == found["streams_max"] == 105
    assert found["streams_opened_total"] == 111
    assert found["streams_refused_total"] == 1
    assert found['streams_ended_total{reason="complete"}'] == 5
    assert found['streams_ended_total{reason="client-aborted"}'] == 1
    assert sum(value for name, value in found.values.items()
               if "streams_ended_total" in name) == 6
    assert found["connections_open"] == 105 + 8
    # Three numbers and the end for each of five, one for each of six.
    ticks = good.report()["window"]["ticks"]
    assert found["events_sent_total"] >= 5 * 4 + 6 + 100
    assert metrics(process)["events_sent_total"] >= ticks * 100
    check_histogram(found, "tick_latency_seconds")
    for client in extra:
        client.close()
    good.leave()
    wait_until(lambda: metrics(process)["streams_open"] == 0, "all have left")
    assert metrics(process)['streams_ended_total{reason="client-closed"}'] \
        == 105


def refusals(process, name, label):
    """The counts of a metric that are not 0, by its label."""
    pattern = re.compile(rf'fcgi_sse_{name}\{{{label}="(.+)"\}}')
    return {match[1]: int(value)
            for key, value in metrics(process).values.items()
            if (match := pattern.fullmatch(key)) and value}


def test_refused_streams_are_counted_by_reason(fcgi_sse):
    process = fcgi_sse("--max-streams", "3", "--max-streams-per-client", "2")
    assert refusals(process, "stream_refusals_total", "reason") == {}
    names = set(metrics(process).values)
    clients = [process.client() for _ in range(3)]
    for client, address in zip(clients, ("192.0.2.1", "192.0.2.1", "192.0.2.2")):
        client.recv_events(client.send_request(
            "/clock", REMOTE_ADDR=address), 1)
        if address == "192.0.2.1" and client is clients[1]:
            refused = process.ask("/clock", REMOTE_ADDR=address)
            assert refused.status[:3] == "503"
    for path in ("/clock", "/counter", "/stream"):
        assert process.ask(path, HTTP_ACCEPT="text/event-stream",
                           REMOTE_ADDR="192.0.2.3").events
    assert refusals(process, "stream_refusals_total", "reason") == {
        "client-full": 1, "full": 3}
    assert metrics(process)["streams_refused_total"] == 4
    assert set(metrics(process).values) == names
    for client in clients:
        client.close()


def test_refused_updates_are_counted_by_status(fcgi_sse, short_dir):
    keys = short_dir / "keys"
    keys.write_text("key\n")
    keys.chmod(0o600)
    process = fcgi_sse("--publish-key-file", str(keys), "--max-body", "1K",
                       "--public-topic", "chat")
    assert refusals(process, "publish_refusals_total", "status") == {}
    names = set(metrics(process).values)

    def publish(body, path="/events", **changes):
        changes.setdefault("HTTP_AUTHORIZATION", "Bearer key")
        return process.ask(path, method="POST", body=body, **changes)

    assert publish(b"topic=t").status == "200 OK"
    publish(b"data=x")
    publish(b"%")
    publish(b"topic=t", path="/.well-known/mercure", HTTP_AUTHORIZATION="")
    publish(b"topic=t", HTTP_AUTHORIZATION="Bearer no")
    publish(b"topic=t", HTTP_ORIGIN="https://other.example")
    publish(b"topic=t&data=" + b"x" * 2000)
    publish(b"topic=t", HTTP_CONTENT_ENCODING="gzip")
    publish(b"{}", CONTENT_TYPE="application/json")
    while publish(b"topic=chat", HTTP_AUTHORIZATION="").status == "200 OK":
        pass
    publish(b"topic=t", path="/clock")      # no update
    process.ask("/events", "")
    assert refusals(process, "publish_refusals_total", "status") == {
        "400": 2, "401": 2, "403": 1, "413": 1, "415": 2, "429": 1}
    assert set(metrics(process).values) == names


def check_histogram(found, name):
    buckets = found.buckets(name)
    assert buckets == sorted(buckets) and buckets[-1][0] == float("inf")
    counts = [count for _, count in buckets]
    assert counts == sorted(counts)
    assert counts[-1] == found[name + "_count"] > 0
    assert 0 < found[name + "_sum"] < 10 * counts[-1]


def test_the_live_page_is_fed_with_what_happens(fcgi_sse, good_clients):
    process = fcgi_sse("--status")
    good = good_clients(process, 50)
    with process.client() as client:
        answer = client.send_request("/status/events")
        events = client.recv_events(answer, 3)
        for event in events:
            assert event.type == "sample"
            assert '"open":5' in event.data
        assert '"events":0,' not in events[-1].data
    good.check()
