"""Keys for tokens change under load: nothing that was acknowledged is lost,
and a file that cannot be read leaves all as it is."""

import json
import os
import signal
import threading
import urllib.parse

import pytest

from hub import END, FORM, start_hub
from responder import wait_until
from tokens import OTHER_SECRET, SECRET, bearer, encode, old

pytestmark = pytest.mark.each_store

PATH = "/.well-known/mercure"
SECRETS = {"first": SECRET, "second": OTHER_SECRET}
MORE = 15           # publishes that are waited for between two changes


def rights(name):
    return bearer(old(publish=["*"], subscribe=["*"], secret=SECRETS[name]))


def key_set(*names):
    return json.dumps({"keys": [
        {"kty": "oct", "alg": "HS256", "kid": name,
         "k": encode(SECRETS[name].encode())} for name in names]})


class KeyFile:
    """The file with the keys, and who reads it."""

    def __init__(self, path):
        self.path = path
        self.write(key_set("first"))
        self.hub = None
        self.counts = {"info": 0, "error": 0}

    def write(self, text):
        after = self.path.with_suffix(".new")
        after.write_text(text)
        after.chmod(0o600)
        after.rename(self.path)

    def reload(self, level="info"):
        self.hub.process.process.send_signal(signal.SIGHUP)
        self.counts[level] += 1
        return self.hub.process.wait_log("reload", self.counts[level],
                                         level=level)


class Publisher(threading.Thread):
    """Publishes one private update after the other; notes the answers."""

    def __init__(self, process, name):
        super().__init__(daemon=True)
        self.process, self.name_of_key = process, name
        self.answers = []           # data and status of each
        self.is_over = threading.Event()
        self.start()

    def run(self):
        with self.process.client() as client:
            while not self.is_over.wait(0.003):
                data = f"{self.name_of_key} {len(self.answers)}"
                answer = client.ask(
                    PATH, method="POST", keep=True, CONTENT_TYPE=FORM,
                    body=urllib.parse.urlencode(
                        {"topic": "/t", "data": data,
                         "private": "on"}).encode(),
                    **rights(self.name_of_key))
                self.answers.append((data, answer.status[:3]))

    def go_on(self):
        """Until it has published some more."""
        count = len(self.answers) + MORE
        wait_until(lambda: len(self.answers) >= count, "more is published")

    def end(self):
        self.is_over.set()
        self.join(20)
        assert not self.is_alive()

    @property
    def statuses(self):
        return [status for _, status in self.answers]

    @property
    def kept(self):
        return [data for data, status in self.answers if status == "200"]


@pytest.fixture(name="keys")
def fixture_keys(fcgi_sse, short_dir):
    keys = KeyFile(short_dir / "keys.json")
    keys.hub = start_hub(fcgi_sse, short_dir, "--history-events", "100000",
                         "--token-key", f"dialect=07,jwks={keys.path}")
    return keys


def status(hub, name):
    return hub.process.ask(PATH, "topic=/t", method="HEAD",
                           **rights(name)).status[:3]


def data_of(events):
    return [event.data for event in events]


def check_all(data, *publishers):
    """Each has all that was acknowledged, once, in its publisher's order."""
    assert len(set(data)) == len(data)
    for publisher in publishers:
        name = publisher.name_of_key
        assert [text for text in data if text.startswith(name)] \
            == publisher.kept


BROKEN = {
    "broken": lambda path, text: path.write_text(text + "}"),
    "half": lambda path, text: path.write_text(text[:len(text) // 2]),
    "empty": lambda path, _: path.write_text(""),
    "missing": lambda path, _: path.unlink(),
    "folder": lambda path, _: (path.unlink(), path.mkdir()),
    "readable by others": lambda path, _: path.chmod(0o644),
    "without a key": lambda path, _: path.write_text(key_set())}


def test_keys_are_rotated_under_load(keys):
    hub = keys.hub
    leaves = hub.subscribe("/t", path=PATH, **rights("first"))
    first = Publisher(hub.process, "first")
    first.go_on()
    assert status(hub, "second") == "401"
    keys.write(key_set("first", "second"))
    keys.reload()
    second = Publisher(hub.process, "second")
    stays = hub.subscribe("/t", path=PATH, **rights("second"))
    for publisher in first, second:
        publisher.go_on()
    keys.write(key_set("second"))
    keys.reload()
    # At once: not even one that was on its way is allowed later.
    assert status(hub, "first") == "401"
    assert hub.process.ask(PATH, method="POST", body=b"topic=/t&data=x",
                           CONTENT_TYPE=FORM, **rights("first")).status \
        == "401 Unauthorized"
    second.go_on()
    for publisher in first, second:
        publisher.end()
    assert set(second.statuses) == {"200"}
    kept = first.statuses.count("200")
    assert first.statuses[:kept] == ["200"] * kept
    assert set(first.statuses[kept:]) == {"401"}
    # The stream of the old key has had what there was up to its end.
    leaves.client.recv_until(leaves.answer, lambda answer: answer.end)
    assert leaves.events[-1][:2] == (
        "token-expired", '{"reason":"key-removed"}')
    had = data_of(leaves.events[:-1])
    hub.publish("/t", "", type_=END)
    live = data_of(stays.take_to_end(""))
    whole = hub.replay("/t", last="earliest", path=PATH,
                       **rights("second"))[1]
    check_all(whole, first, second)
    assert whole[:len(had)] == had
    assert live and whole[-len(live):] == live


def test_a_file_that_cannot_be_read_changes_nothing(keys):
    hub = keys.hub
    keys.write(key_set("first", "second"))
    keys.reload()
    readers = [hub.subscribe("/t", path=PATH, **rights(name))
               for name in SECRETS]
    publishers = [Publisher(hub.process, name) for name in SECRETS]
    for what, harm in BROKEN.items():
        harm(keys.path, key_set("first", "second"))
        line = keys.reload("error")
        assert "keys.json" in line["error"], what
        for secret in SECRETS.values():
            assert secret not in line.text
        for publisher in publishers:
            publisher.go_on()
        assert [status(hub, name) for name in SECRETS] == ["200", "200"], what
        if what == "folder":
            os.rmdir(keys.path)
        keys.write(key_set("first", "second"))
    keys.reload()
    for publisher in publishers:
        publisher.go_on()
        publisher.end()
        assert set(publisher.statuses) == {"200"}
    hub.publish("/t", "", type_=END)
    for reader in readers:
        check_all(data_of(reader.take_to_end("")), *publishers)
