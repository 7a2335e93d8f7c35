"""Signs what standard input asks for, by PyJWT."""

import datetime
import json
import sys

import jwt
from jwt.algorithms import OKPAlgorithm, RSAAlgorithm


class Spaced(json.JSONEncoder):
    """Writes as people who want to read it."""

    def __init__(self, **_):
        super().__init__(indent=4, separators=(" , ", " : "))


def claims(job, **options):
    return jwt.encode(job["claims"], job["key"], job["alg"], job["header"],
                      **options)


def by_calls(job):
    """As the library's users write it: times are dates."""
    now = datetime.datetime.now(datetime.timezone.utc)
    span = datetime.timedelta(seconds=job["seconds"])
    job["claims"].update(iat=now, nbf=now - datetime.timedelta(seconds=5),
                         exp=now + span, sub="42", jti="1")
    if "aud" in job["claims"]:
        job["claims"]["aud"] = [job["claims"]["aud"], "https://other.example"]
    return claims(job)


def jwk(job):
    kind = RSAAlgorithm if job["alg"][1] == "S" else OKPAlgorithm
    args = [kind.SHA256] if kind is RSAAlgorithm else []
    algorithm = kind(*args)
    return json.loads(algorithm.to_jwk(algorithm.prepare_key(job["key"])))


SHAPES = {
    "calls": by_calls,
    "claims": claims,
    "spaced": lambda job: claims(job, json_encoder=Spaced),
    "detached": lambda job: jwt.api_jws.encode(
        json.dumps(job["claims"]).encode(), job["key"], job["alg"],
        {"b64": False, "crit": ["b64"]}, is_payload_detached=True),
    "unsigned": lambda job: jwt.encode(job["claims"], "", "none"),
    "jwk": jwk,
}

print(json.dumps([SHAPES[job["shape"]](job) for job in json.load(sys.stdin)]))
