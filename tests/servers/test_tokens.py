"""Tokens behind web servers: fields, cookies and the metadata document get
through, each web server configured as doc/web-servers.md says.
"""

import contextlib
import http.client
import json
import sys

import pytest

from responder import ROOT
from servers import Site
from mercure_path import FRONTS, add_keys
from test_hub import add_options
import streams

sys.path.append(str(ROOT / "tests" / "integration"))

from tokens import AUDIENCE, ISSUER, bearer, new, old   # noqa: E402

HUB = "/.well-known/mercure"
NEW_COOKIE = "__Secure-mercure_access_token"


@pytest.fixture(name="port", scope="module", params=FRONTS)
def fixture_port(request):
    site = Site(FRONTS[request.param])
    add_options(site.place)
    add_keys(site.place)
    with site:
        yield site.server.port


def fields(token):
    return {"Authorization": bearer(token)["HTTP_AUTHORIZATION"]}


def publish(port, topic, **headers):
    """The status of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(connection):
        connection.request(
            "POST", HUB, f"topic={topic}&data=secret&private=on",
            {"Content-Type": "application/x-www-form-urlencoded", **headers})
        return connection.getresponse().status


@pytest.mark.parametrize("make", [old, new], ids=["07", "08"])
def test_private_update_by_field_and_cookie(port, make, request):
    topic = f"/{request.node.callspec.id}"
    token = (old(publish=[topic], subscribe=[topic]) if make is old
             else new(topics=[topic]))
    assert publish(port, topic) == 401
    assert publish(port, topic, **fields(token)) == 200
    name = "mercureAuthorization" if make is old else NEW_COOKIE
    for headers in fields(token), {"Cookie": f"a=b; {name}={token}"}:
        with streams.Stream(port, f"{HUB}?topic={topic}&last_event_id=earliest",
                            headers=headers) as stream:
            assert stream.status == 200
            assert stream.header("last-event-id") == "earliest"
            assert stream.header("mercure-last-event-id") == "earliest"
            assert stream.read_event().data == "secret"


def test_challenge(port):
    answer = streams.ask(port, f"{HUB}?topic=t")
    assert answer.status == 401
    url = answer.header("www-authenticate").split('"')[1]
    document = streams.ask(port, url.partition("hub.example")[2])
    assert document.status == 200
    assert json.loads(document.text)["resource"] == AUDIENCE
