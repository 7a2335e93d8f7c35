"""Private updates stay apart: nobody is ever sent what another's token allows.

Many users, each with a token for a topic of his own, all on topics that all
updates go to. They stall, reset, leave in the middle of an event and come back
by whichever topic, while the hub writes to all of them; and those without a
right are sent nothing at all.
"""

import os
import random
import re
import secrets
import selectors
import urllib.parse

import pytest

import responder
from fcgi_client import Answer, RecordReader, connect, environ, request
from hub import FORM, start_hub
from test_hub_secrets import (
    LAST, fixture_descriptors, mingle)
from test_hub_secrets import Subscriber as Reader
from tokens import bearer, key_args, new, old

pytestmark = pytest.mark.each_store

__all__ = ["fixture_descriptors"]       # pytest finds it here

SECONDS = float(os.environ.get("HUB_SECRETS_SECONDS", "3"))
COUNT = int(os.environ.get("HUB_SECRETS_COUNT", "400"))
BATCH = 40
IDS = re.compile(rb"(?m)^(?:Mercure-)?Last-Event-ID: (.*?)\r$")
PUBLISH = bearer(old(publish=["*"]))


class User(Reader):
    """Comes by a topic of all, by "*" or by his own, with one of his tokens;
    ids that he may see begin with his number."""

    chosen = random.Random(COUNT)

    def open(self):
        topic = self.chosen.choice(["/feed", "*", f"/users/{self.number}"])
        own = f"/users/{self.number}"
        token = self.chosen.choice([
            old(subscribe=[own]), old(subscribe=[own, "/nobody/{x}"]),
            old(subscribe=[f"/users/{{x}}/{self.number}", own]),
            new(["subscribe"], [own]), new(["subscribe"], [
                ("/nobody/:x", "urlpattern"), (own, "urlpattern")])])
        self.answer = Answer(self.number + 1)
        self.records = RecordReader()
        self.text, self.has_head, self.is_stalled = b"", False, False
        self.sock = connect(self.address, 4096)
        self.sock.sendall(request(
            environ("/.well-known/mercure", urllib.parse.urlencode(
                {"topic": topic}), HTTP_LAST_EVENT_ID=self.last_id,
                **bearer(token)), request_id=self.number + 1))
        self.sock.setblocking(False)
        self.selector.register(self.sock, selectors.EVENT_READ, self)

    def has_last(self):
        return self.last_id == f"{self.number}-{LAST}"

    def check(self):
        if not self.has_head:
            for name in IDS.findall(self.text.partition(b"\r\n\r\n")[0]):
                name = name.decode()
                assert name in ("earliest", self.last_id), name
        super().check()
        assert self.last_id == "earliest" or \
            self.last_id.startswith(f"{self.number}-"), self.last_id


class Stranger(User):
    """Has a token, but no right to anything; or none at all."""

    def __init__(self, address, selector, number, changes):
        self.changes = changes
        super().__init__(address, selector, number)

    def open(self):
        self.records = RecordReader()
        self.text, self.has_head, self.is_stalled = b"", False, False
        self.sock = connect(self.address, 4096)
        self.sock.sendall(request(
            environ("/.well-known/mercure", "topic=*&topic=/feed",
                    HTTP_LAST_EVENT_ID="earliest", **self.changes),
            request_id=self.number + 1))
        self.sock.setblocking(False)
        self.selector.register(self.sock, selectors.EVENT_READ, self)


def publish(client, users, chosen, is_last=False):
    """A private update to each of these."""
    for user in users:
        number = user.number
        name = LAST if is_last else secrets.token_hex(4)
        size = chosen.choice([0, 10, 500, 9000, 30000])
        body = (f"topic=/feed&topic=/users/{number}&private=on"
                f"&id={number}-{name}&data={user.token}+{'x' * size}").encode()
        client.send(request(environ(
            "/.well-known/mercure", method="POST", CONTENT_TYPE=FORM,
            CONTENT_LENGTH=str(len(body)), **PUBLISH),
            body, keep=True, piece=60000))
        answer = client.recv_end(Answer())
        assert answer.status == "200 OK", answer.body


@pytest.mark.parametrize("transport", ["unix", "tcp"])
def test_nobody_is_sent_what_another_may_read(fcgi_sse, short_dir, transport):
    hub = start_hub(fcgi_sse, short_dir, "--history-bytes", "64M",
                    "--history-events", "2000", "--stall-timeout", "1s",
                    "--anonymous", "yes", *key_args(short_dir),
                    transport=transport)
    selector = selectors.DefaultSelector()
    users = [User(hub.process.address, selector, number)
             for number in range(COUNT)]
    strangers = [Stranger(hub.process.address, selector, COUNT + number,
                          changes)
                 for number, changes in enumerate([
                     {}, bearer(old(subscribe=[])), PUBLISH,
                     bearer(old(subscribe=["/users/{x}/y", "/feeds"])),
                     bearer(new(["subscribe"], ["/users/:x"])),
                     bearer(new(["publish"])), bearer(new(["subscribe"], [
                         ("https://hub.example/users/:x", "urlpattern")]))])]
    mingle(hub, selector, users, publish, BATCH, SECONDS)
    seen = sum(user.count for user in users)
    print(f"{seen} events")
    assert seen >= 2 * COUNT or responder.is_sanitized()
    for stranger in strangers:
        assert stranger.has_head and stranger.count == 0
        assert stranger.last_id == "earliest"
    for reader in users + strangers:
        reader.leave()
