"""What clients with tokens of draft 08 look for, at the root of the host, is
found by each of the files from deploy/ as it is.
"""

import json

import pytest

from servers import FRONTS, Site
import streams
from test_deployments import FRONTS as DEPLOYED

AUDIENCE = "https://hub.example/sse/events"
PATH = "/.well-known/oauth-protected-resource/sse/events"

# Each that has a file for the server itself: not those configured by the
# document, nor a .htaccess, which has no say about the root.
FILES = [front for front in FRONTS
         if "/" in front.fragment and front.name != "apache-cgi"]
FILES += [front for front in DEPLOYED if front.name != "apache-sethandler"]


def add_key(place):
    secret = place.dir / "jwt"
    secret.write_text("a secret of more than 32 bytes for tests")
    secret.chmod(0o600)
    place.own(secret)
    place.set_environ(
        FCGI_SSE_TOKEN_AUDIENCE=AUDIENCE,
        FCGI_SSE_TOKEN_KEY="dialect=08,alg=HS256,"
        f"issuer=https://issuer.example,file={secret}")


@pytest.mark.parametrize("front", FILES, ids=lambda front: front.name)
def test_metadata_is_found(front):
    site = Site(front)
    add_key(site.place)
    with site:
        port = site.server.port
        answer = streams.ask(port, PATH)
        assert (answer.status, answer.header("content-type")) \
            == (200, "application/json"), answer.text
        assert json.loads(answer.text)["resource"] == AUDIENCE
        # The rule is for the hub alone.
        for path in PATH.replace("/sse/", "/other/"), PATH + "x":
            assert '"resource"' not in streams.ask(port, path).text
