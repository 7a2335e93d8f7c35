"""Tokens of the libraries that sites use, with each of their algorithms and in
both dialects: good ones do what they say, and of bad ones the log says why.
"""

import functools
import itertools
import json
import pathlib
import subprocess
import tempfile
import time

import pytest

from hub import Hub, Subscriber, write_keys
from responder import Responder
from token_libraries import LIBRARIES, PHP_AUTOLOAD
from tokens import (
    AUDIENCE, DETAIL, FAR, ISSUER, OTHER_SECRET, SECRET, bearer, write_secret)

PATH = "/.well-known/mercure"
DIALECTS = ["07", "08"]
EACH = [(name, alg) for name, library in LIBRARIES.items()
        for alg in library.algs]
WITH = [pytest.param(name, dialect, id=f"{name}-{dialect}")
        for name in LIBRARIES for dialect in DIALECTS]
KINDS = {
    "rsa": ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "p256": ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "p384": ["EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    "p521": ["EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
    "ed25519": ["ED25519"],
}
CURVES = {"ES256": "p256", "ES384": "p384", "ES512": "p521"}
# Long enough for HS512, which PHP's libraries insist on.
LONG_SECRET, LONG_OTHER = SECRET * 2, OTHER_SECRET * 2
SECONDS = 600
addresses = (f"2001:db8:{n:x}::1" for n in itertools.count(1))


def kind_of(alg):
    if alg in CURVES or alg.startswith("Ed"):
        return CURVES.get(alg, "ed25519")
    return "secret" if alg.startswith("HS") else "rsa"


def openssl(*args):
    subprocess.run(["openssl", *args], check=True, capture_output=True)


class Keys:
    """One of each kind, and another that nobody has configured."""

    def __init__(self, directory):
        self.dir = directory
        self.secrets = {"own": LONG_SECRET, "other": LONG_OTHER}
        for kind, args in KINDS.items():
            for who in "own", "other":
                private, public = self.path(who, kind), self.path(kind, who)
                openssl("genpkey", "-out", private, "-algorithm", *args)
                openssl("pkey", "-in", private, "-pubout", "-out", public)

    def path(self, *words):
        return self.dir / "-".join(words)

    def private(self, alg, who="own"):
        kind = kind_of(alg)
        return self.secrets[who] if kind == "secret" else \
            self.path(who, kind).read_text()

    def public(self, alg):
        return self.path(kind_of(alg), "own").read_text()

    def args(self):
        """The options for all of them, with all algorithms."""
        algs = {kind: sorted({alg for _, alg in EACH if kind_of(alg) == kind})
                for kind in ["secret", *KINDS]}
        files = {kind: self.path(kind, "own") for kind in KINDS}
        files["secret"] = write_secret(self.dir, LONG_SECRET)
        args = ["--token-audience", AUDIENCE]
        for kind, file in files.items():
            rest = f"alg={'+'.join(algs[kind])},file={file}"
            args += ["--token-key", f"dialect=07,{rest}", "--token-key",
                     f"dialect=08,issuer={ISSUER},{rest}"]
        return args


@pytest.fixture(name="keys", scope="module")
def fixture_keys():
    with tempfile.TemporaryDirectory(prefix="fcgi-sse-") as name:
        yield Keys(pathlib.Path(name))


@pytest.fixture(name="hub", scope="module")
def fixture_hub(keys):
    address = f"unix:{keys.dir}/s"
    process = Responder(["--listen", address, "--publish-key-file",
                         str(write_keys(keys.dir)), *keys.args()], [address])
    try:
        yield Hub(process)
    finally:
        process.stop()


def claims_of(dialect, topic, **more):
    if dialect == "07":
        return {"mercure": {"publish": [topic], "subscribe": [topic]}, **more}
    return {"iss": ISSUER, "aud": AUDIENCE, "exp": FAR, **more,
            "authorization_details": [{
                "type": DETAIL, "actions": ["publish", "subscribe"],
                "topics": [{"match": topic}]}]}


def topic_of(name, alg, dialect):
    return f"/{name}/{alg}/{dialect}"


BAD = {
    "expired": {"exp": 1}, "expired-float": {"exp": time.time() - 0.25},
    "not-yet": {"nbf": FAR - 1}, "not-yet-float": {"nbf": time.time() + 1e5},
}


def jobs_of(name, keys):
    """All that the library makes for the tests, by what they call it."""
    library = LIBRARIES[name]
    jobs = {}

    def add(key, alg, dialect, shape="claims", /, **more):
        claims = more.pop("claims", {})
        jobs[key] = {
            "alg": alg, "shape": shape, "key": keys.private(alg),
            "header": {"typ": "at+jwt", "kid": "1"} if dialect == "08" else {},
            "seconds": SECONDS,
            "claims": claims_of(dialect, topic_of(name, alg, dialect),
                                **claims),
            **more}

    for alg, dialect in itertools.product(library.algs, DIALECTS):
        add((alg, dialect), alg, dialect)
        add((alg, dialect, "signature"), alg, dialect,
            key=keys.private(alg, "other"))
    for dialect in DIALECTS:
        add((dialect, "calls"), "ES256", dialect, "calls")
        if dialect == "08":
            del jobs[dialect, "calls"]["claims"]["exp"]
        for why, claims in BAD.items():
            add((dialect, why), "HS256", dialect, claims=claims)
        for shape in library.odd:
            add((dialect, shape), "HS256", dialect, shape)
    for alg in library.exports:
        add(("jwk", alg), alg, "07", "jwk", key=keys.public(alg))
    return jobs


@pytest.fixture(name="made", scope="module")
def fixture_made(keys):
    """What a library has made, by the names that jobs_of gives."""
    @functools.cache
    def made(name):
        jobs = jobs_of(name, keys)
        return dict(zip(jobs, LIBRARIES[name].make(list(jobs.values()))))
    return made


def post(hub, token, topic):
    return hub.post([("topic", topic), ("data", topic), ("private", "on")],
                    key=None, path=PATH, **bearer(token))


def reason(hub, token, status="401 Unauthorized"):
    """What the log says of a token that is refused with that status."""
    address = next(addresses)
    answer = hub.process.ask(PATH, "topic=t", method="HEAD",
                             REMOTE_ADDR=address, **bearer(token))
    assert answer.status == status
    return hub.process.wait_log("refuse-token", client=address)["reason"]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name, alg", EACH)
def test_does_what_it_says(hub, made, name, alg, dialect):
    token = made(name)[alg, dialect]
    topic = topic_of(name, alg, dialect)
    assert post(hub, token, topic).status == "200 OK"
    assert post(hub, token, topic + "/x").status == "403 Forbidden"
    hub.publish(topic + "/x", "hidden", private="on")
    hub.publish(topic, "last")
    reader = Subscriber(
        hub.process, f"topic={topic}&topic={topic}/x&lastEventID=earliest",
        PATH, **bearer(token))
    assert [event.data for event in reader.take(2)] == [topic, "last"]
    reader.close()


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name, alg", EACH)
def test_signed_by_another_key(hub, made, name, alg, dialect):
    assert reason(hub, made(name)[alg, dialect, "signature"]) == "signature"


@pytest.mark.parametrize("name, dialect", WITH)
def test_made_by_its_own_calls(hub, made, name, dialect):
    """With times that have a fraction, several audiences, and claims that
    nobody asked for."""
    token = made(name)[dialect, "calls"]
    topic = topic_of(name, "ES256", dialect)
    assert post(hub, token, topic).status == "200 OK"
    reader = Subscriber(hub.process, f"topic={topic}&last=1", PATH,
                        **bearer(token))
    assert reader.take(1)[0].data == topic
    reader.close()


@pytest.mark.parametrize("why", BAD)
@pytest.mark.parametrize("name, dialect", WITH)
def test_not_in_its_time(hub, made, name, dialect, why):
    assert reason(hub, made(name)[dialect, why]) == why.removesuffix("-float")


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name, shape, why", [
    (name, shape, why) for name, library in LIBRARIES.items()
    for shape, why in (
        ("spaced", None), ("text", None), ("detached", "malformed"),
        ("encrypted", "malformed"), ("unsigned", "algorithm"))
    if shape in library.odd])
def test_what_only_some_make(hub, made, name, shape, why, dialect):
    """Claims with white space are good. Other things than signed claims are
    no token, and neither are claims that nobody has signed."""
    token = made(name)[dialect, shape]
    if why:
        assert reason(hub, token) == why
    else:
        topic = topic_of(name, "HS256", dialect)
        assert post(hub, token, topic).status == "200 OK"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_signed_json_is_no_bearer_token(hub, made, dialect):
    """What has commas and quotes cannot stand in the field."""
    token = made("jose")[dialect, "json"]
    assert reason(hub, token, "400 Bad Request") == "malformed"


@pytest.mark.parametrize("name", [
    name for name, library in LIBRARIES.items() if library.exports])
def test_keys_as_it_exports_them(fcgi_sse, made, short_dir, name):
    """A JWK Set of what the library makes of public keys."""
    algs = LIBRARIES[name].exports
    parts = [made(name)["jwk", alg] for alg in algs]
    path = short_dir / "jwks"
    path.write_text(json.dumps({"keys": parts}))
    hub = Hub(fcgi_sse("--token-key", f"dialect=07,jwks={path}"))
    for alg in algs:
        token = made(name)[alg, "07"]
        assert post(hub, token, topic_of(name, alg, "07")).status == "200 OK"
        assert reason(hub, made(name)[alg, "07", "signature"]) == "signature"


@pytest.mark.skipif(not PHP_AUTOLOAD, reason="PHP_AUTOLOAD names no file "
                    "that loads the libraries of PHP")
def test_php_is_among_them(made):
    """Their tests are not there at all where they cannot be loaded."""
    for name in "firebase/php-jwt", "lcobucci/jwt":
        assert made(name)["HS256", "07"].count(".") == 2
