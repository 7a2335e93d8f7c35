"""Tokens for a hub, signed with a secret that only tests have."""

import base64
import hashlib
import hmac
import json
import time

SECRET = "a secret of more than 32 bytes for tests"
OTHER_SECRET = "another secret of more than 32 bytes, too"
ISSUER = "https://issuer.example"
AUDIENCE = "https://hub.example/.well-known/mercure"
HUB_PATH = "/.well-known/mercure"
DETAIL = "https://mercure.rocks/authorization-detail"
FAR = 4102444800            # the year 2100


def encode(data):
    if not isinstance(data, bytes):
        data = json.dumps(data, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(header, payload, secret=SECRET):
    text = f"{encode(header)}.{encode(payload)}"
    digest = hmac.new(secret.encode(), text.encode(), hashlib.sha256)
    return f"{text}.{encode(digest.digest())}"


def old(publish=None, subscribe=None, secret=SECRET, **claims):
    """A token of draft 07."""
    rights = {"publish": publish, "subscribe": subscribe}
    mercure = {name: value for name, value in rights.items()
               if value is not None}
    return sign({"alg": "HS256", "typ": "JWT"},
                {"mercure": mercure, **claims}, secret)


def new(actions=("publish", "subscribe"), topics=("*",), secret=SECRET,
        **claims):
    """A token of draft 08. A topic is a text or a pair: text, type."""
    matchers = [{"match": topic} if isinstance(topic, str) else
                {"match": topic[0], "match_type": topic[1]}
                for topic in topics]
    details = [{"type": DETAIL, "actions": list(actions), "topics": matchers}]
    payload = {"iss": ISSUER, "aud": AUDIENCE, "exp": FAR,
               "authorization_details": details, **claims}
    payload = {name: value for name, value in payload.items()
               if value is not None}
    return sign({"alg": "HS256", "typ": "at+jwt"}, payload, secret)


def bearer(token):
    """The field with a token, for a request."""
    return {"HTTP_AUTHORIZATION": f"Bearer {token}"}


def cookie(token, name="mercureAuthorization"):
    return {"HTTP_COOKIE": f"a=b; {name}={token}; c=d"}


def write_secret(directory, secret=SECRET, name="jwt"):
    path = directory / name
    path.write_text(secret)
    path.chmod(0o600)
    return path


def key_args(directory, secret=SECRET, name="jwt", dialects="07 08"):
    """The options for one secret, good for both dialects and roles."""
    path = write_secret(directory, secret, name)
    args = []
    for dialect in dialects.split():
        issuer = f",issuer={ISSUER}" if dialect == "08" else ""
        args += ["--token-key", f"dialect={dialect}{issuer},alg=HS256,"
                                f"file={path}"]
    return args + ["--token-audience", AUDIENCE]


def soon(seconds):
    """A time so many seconds ahead, with a fraction, as some write exp."""
    return round(time.time() + seconds, 6)
