"""What somebody tries who has no right: tokens that are wrong in one point
each, and every road to a private update.
"""

import itertools
import json
import subprocess
import urllib.parse

import pytest

from hub import FORM, KEY, Subscriber, running_hub, start_hub
from tokens import (
    AUDIENCE, DETAIL, FAR, ISSUER, SECRET, bearer, encode, key_args, new, old,
    sign, write_secret)

PATH = "/.well-known/mercure"
ORIGIN = "https://page.example"
OLD = {"mercure": {"publish": ["*"], "subscribe": ["*"]}}
HS = {"alg": "HS256", "typ": "JWT"}
ends = itertools.count()
DATA, OWN_ID = "what-is-secret", "an-id-that-is-secret"


@pytest.fixture(name="hub", scope="module")
def fixture_hub():
    with running_hub("--anonymous", "yes", "--count", "--subscriptions",
                     "both", "--allow-origin", ORIGIN,
                     make_args=key_args) as hub:
        yield hub


def status(hub, token, **changes):
    return hub.process.ask(PATH, "topic=t", method="HEAD", **bearer(token),
                           **changes).status[:3]


def raw(header, payload, secret=SECRET):
    """A token whose JSON is as it is written here."""
    def data(part):
        return part.encode() if isinstance(part, str) else part
    return sign(data(header), data(payload), secret)


def details(*entries, **claims):
    return sign({"alg": "HS256", "typ": "at+jwt"}, {
        "iss": ISSUER, "aud": AUDIENCE, "exp": FAR,
        "authorization_details": list(entries), **claims})


def detail(topics=({"match": "t"},), actions=("subscribe",), **more):
    return {"type": DETAIL, "actions": actions, "topics": topics, **more}


GOOD = sign(HS, OLD)
HEAD, PAYLOAD, SIGNATURE = GOOD.split(".")
# The last character holds two bits that are no part of the signature.
ALPHABET = ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
            "0123456789-_")
LOOSE = SIGNATURE[:-1] + ALPHABET[ALPHABET.index(SIGNATURE[-1]) ^ 1]

WRONG = {
    "none": f"{encode({'alg': 'none'})}.{PAYLOAD}.",
    "None, signed": sign({"alg": "None"}, OLD),
    "no alg": sign({"typ": "JWT"}, OLD),
    "alg is a list": sign({"alg": ["HS256"]}, OLD),
    "another alg": sign({"alg": "HS512"}, OLD),
    "lower case": sign({"alg": "hs256"}, OLD),
    "crit": sign({**HS, "crit": ["exp"], "exp": FAR}, OLD),
    "crit is empty": sign({**HS, "crit": []}, OLD),
    "b64": sign({**HS, "crit": ["b64"], "b64": False}, OLD),
    "b64 alone": sign({**HS, "b64": False}, OLD),
    "no signature": f"{HEAD}.{PAYLOAD}.",
    "no signature at all": f"{HEAD}.{PAYLOAD}",
    "four parts": f"{GOOD}.{SIGNATURE}",
    "five parts": f"{HEAD}.{PAYLOAD}.x.y.{SIGNATURE}",
    "a dot more": f"{GOOD}.",
    "padding": f"{GOOD}=",
    "loose bits": f"{HEAD}.{PAYLOAD}.{LOOSE}",
    "signature of another": f"{HEAD}.{encode({'mercure': {}})}.{SIGNATURE}",
    "head and payload swapped": f"{PAYLOAD}.{HEAD}.{SIGNATURE}",
    "empty payload": raw(json.dumps(HS), ""),
    "payload is a list": raw(json.dumps(HS), "[]"),
    "payload is text": raw(json.dumps(HS), '"mercure"'),
    "two payloads": raw(json.dumps(HS), json.dumps(OLD) * 2),
    "duplicate claim": raw(json.dumps(HS),
                           '{"mercure":{},"mercure":{"subscribe":["*"]}}'),
    "duplicate right": raw(json.dumps(HS), '{"mercure":{"subscribe":[],'
                           '"subscribe":["*"]}}'),
    "duplicate alg": raw('{"alg":"none","alg":"HS256"}', json.dumps(OLD)),
    "NUL in a claim": raw(json.dumps(HS),
                          '{"mercure":{"subscribe":["*\\u0000x"]}}'),
    "not UTF-8": raw(json.dumps(HS).encode(),
                     b'{"mercure":{"subscribe":["\xff"]}}'),
    "deep": raw(json.dumps(HS), '{"mercure":{"payload":' + "[" * 3000
                + "]" * 3000 + "}}"),
    "10,000 selectors": old(subscribe=[f"/{n}" for n in range(10000)]),
    "1,001 selectors": old(subscribe=[f"/{n}" for n in range(1001)]),
    "rights are no list": old(subscribe={"*": True}),
    "a right is no text": old(subscribe=["*", 1]),
    "mercure is no object": sign(HS, {"mercure": ["*"]}),
    **{f"exp is {value!r}": sign(HS, {**OLD, "exp": value}) for value in (
        None, True, [], {}, "", "soon", "0x7fffffff", -1, 0, "-1")},
    "exp is too large": raw(json.dumps(HS), '{"mercure":{"subscribe":["*"]},'
                            '"exp":1e999}'),
    **{f"nbf is {value!r}": sign(HS, {**OLD, "nbf": value}) for value in (
        None, [], "now", FAR, str(FAR))},
    "old as new": sign({**HS, "typ": "at+jwt"}, OLD),
    "no such issuer": new(iss=ISSUER + "/"),
    "issuer is a list": new(iss=[ISSUER]),
    "audience in part": new(aud=AUDIENCE + "/x"),
    "audiences of others": new(aud=["https://e", "https://f"]),
    "no exp": new(exp=None),
    "bare topic": details(detail(["t"])),
    "null topic": details(detail([None])),
    "no topics": details(detail([])),
    "no actions": details(detail(actions=[])),
    "action is no text": details(detail(actions=["subscribe", 1])),
    "unknown match_type": details(detail([{"match": "t",
                                           "match_type": "regexp"}])),
    "control in a match": details(detail([{"match": "t\n"}])),
    "101 details": details(*[detail()] * 101),
    "101 topics": details(detail([{"match": f"/{n}"} for n in range(101)])),
    "a long topic": details(detail([{"match": "x" * 4097}])),
    "one bad among good": details(detail(), detail([{"match": 1}])),
}


@pytest.mark.parametrize("name", WRONG)
def test_tokens_that_are_wrong_in_one_point(hub, name):
    assert status(hub, GOOD) == "200"
    assert status(hub, WRONG[name]) == "401"
    answer = hub.process.ask(PATH, method="POST", body=b"topic=t&data=x",
                             CONTENT_TYPE=FORM, **bearer(WRONG[name]))
    assert answer.status[:3] == "401"
    assert b"x-reason" not in answer.head.lower()


@pytest.mark.parametrize("field", ["jwk", "jku", "x5u", "x5c", "kid"])
def test_keys_that_a_token_brings_are_not_used(hub, field):
    mine = "a secret of the attacker, of more than 32 bytes"
    value = {"jwk": {"kty": "oct", "alg": "HS256", "k": encode(mine.encode())},
             "x5c": ["MIIB"]}.get(field, "https://evil.example/keys")
    assert status(hub, sign({**HS, field: value}, OLD, mine)) == "401"


def test_public_key_as_a_secret(fcgi_sse, short_dir):
    """HS256 by the text of a public key, which everybody knows."""
    private, public = short_dir / "private", short_dir / "public"
    for command in (["genrsa", "-out", private, "2048"],
                    ["rsa", "-in", private, "-pubout", "-out", public]):
        subprocess.run(["openssl", *command], check=True, capture_output=True)
    hub = start_hub(fcgi_sse, short_dir, "--token-key",
                    f"dialect=07,alg=RS256,file={public}")
    text = public.read_text()
    for secret in text, text.strip(), "".join(text.splitlines()[1:-1]):
        for alg in "HS256", "RS256":
            assert status(hub, sign({"alg": alg, "typ": "JWT"}, OLD,
                                    secret)) == "401"


def test_keys_with_one_name(fcgi_sse, short_dir):
    """A kid is a hint: of two keys that have it each may be the one."""
    other = "another secret that is long enough for HS256"
    keys = write_secret(short_dir, json.dumps({"keys": [
        {"kty": "oct", "alg": "HS256", "kid": "k",
         "k": encode(secret.encode())} for secret in (SECRET, other)]}))
    hub = start_hub(fcgi_sse, short_dir, "--token-key",
                    f"dialect=07,jwks={keys}")
    for secret in SECRET, other:
        assert status(hub, sign({**HS, "kid": "k"}, OLD, secret)) == "200"
        assert status(hub, sign({**HS, "kid": "l"}, OLD, secret)) == "401"


# Places of a token

@pytest.mark.parametrize("changes, expected", [
    ({"HTTP_AUTHORIZATION": f"Bearer {GOOD}, Bearer {GOOD}"}, "400"),
    ({"HTTP_AUTHORIZATION": f"Bearer {GOOD},Basic dTpw"}, "400"),
    ({"HTTP_AUTHORIZATION": f'Bearer "{GOOD}"'}, "401"),
    ({"HTTP_AUTHORIZATION": f"Bearer token={GOOD}"}, "401"),
    ({"HTTP_AUTHORIZATION": f"Bearer x {GOOD}"}, "400"),
    ({"HTTP_COOKIE": f"mercureAuthorization=x; mercureAuthorization={GOOD}"},
     "401"),
    ({"HTTP_COOKIE": f'mercureAuthorization="{GOOD}x"'}, "401")])
def test_places(hub, changes, expected):
    answer = hub.process.ask(PATH, "topic=t", method="HEAD", **changes)
    assert answer.status[:3] == expected


def test_a_form_is_no_place(hub):
    """Nor is the URL where the option query-token is off."""
    form = f"topic=t&data=x&authorization={GOOD}".encode()
    for query in "", f"authorization={GOOD}", f"access_token={GOOD}":
        answer = hub.process.ask(PATH, query, method="POST", body=form,
                                 CONTENT_TYPE=FORM)
        assert answer.status[:3] == "401"
    for name in "X_HTTP_METHOD_OVERRIDE", "X_HTTP_METHOD":
        answer = hub.process.ask(PATH, "topic=t", body=form, method="HEAD",
                                 **{f"HTTP_{name}": "POST"})
        assert answer.headers["Content-Type"] == "text/event-stream"


# What a right to publish covers

@pytest.mark.parametrize("topic", [
    "/b", "/a/", "/A", "/a?", "/a#", "/a ", " /a", "/%61", "//a", "/a/../b",
    "a", "https://hub.example/a", "/a\u200b", "/\u0430", "/u/1/2", "/u/",
    "/u", "/n/1x", "/n/", "/n/\u0661"])
def test_topics_beside_a_right(hub, topic):
    """Exact is to the byte; a template and a pattern as they are read."""
    grants = [bearer(old(publish=["/a", "/u/{id}x", "/u/y{/id}"])),
              bearer(new(["publish"], ["/a", ("/u/:id", "urlpattern"),
                                       ("/n/(\\d+)", "urlpattern")]))]
    for who in grants:
        answer = hub.post([("topic", topic), ("data", "x")], key=None,
                          path=PATH, **who)
        assert answer.status[:3] in ("400", "403"), answer.body
        both = hub.post([("topic", "/a"), ("topic", topic), ("data", "x")],
                        key=None, path=PATH, **who)
        assert both.status[:3] in ("400", "403"), both.body
    for who in grants:
        assert hub.post([("topic", "/a"), ("data", "x")], key=None, path=PATH,
                        **who).status[:3] == "200"


@pytest.mark.parametrize("topic", ["a\0b", "a\nid: x", "a\r\n\r\ndata: x",
                                   "a\x7f", "", "*", "x" * 4097])
def test_topics_that_are_none(hub, topic):
    body = urllib.parse.urlencode({"topic": topic, "data": "x"}).encode()
    for who in {}, bearer(GOOD), bearer(new(["publish"])):
        key = None if who else KEY
        assert hub.post(body, key=key, path=PATH,
                        **who).status[:3] == "400"


# Roads to a private update

STRANGERS = {
    "nobody": {},
    "publisher": bearer(old(publish=["*"])),
    "no rights": bearer(old(subscribe=[])),
    "neighbour": bearer(old(subscribe=["/secre", "/secret/", "/secret/{x}",
                                       "/Secret", "secret", "/{x}/{y}"])),
    "neighbour 08": bearer(new(["subscribe"], [
        "/secre", "/secret/", ("/secret/:x", "urlpattern"),
        ("https://other.example/*", "urlpattern"), "{+x}", "/:x"])),
    "publisher 08": bearer(new(["publish"])),
}
ROADS = [
    {"topic": "/secret"}, {"topic": "*"}, {"topic": "/{x}"},
    {"topic": "{+x}"}, {"topic": "/secre{x}"}, {"topic": "{/x}"},
    {"match": "/secret"}, {"match": "*"}, {"match_exact": "/secret"},
    {"match_urlpattern": "/secret"}, {"match_urlpattern": "*"},
    {"match_urlpattern": "/:x"}, {"match_urlpattern": "/(sec.*)"},
    {"match_urlpattern": "/*?*#*"}, {"topic[]": "/secret"},
]
CURSORS = [{"lastEventID": "earliest"}, {"last": "1000"}, {"last": "1"},
           {"last_event_id": OWN_ID}, {"Last-Event-ID": OWN_ID},
           {"lastEventID": "urn:uuid:0"}, {"last_event_id": ""}, {}]


@pytest.fixture(name="secret", scope="module")
def fixture_secret(hub):
    """The id that the hub made for one of two private updates."""
    hub.publish("/secret", DATA, private="on", id=OWN_ID)
    return hub.publish("/secret", DATA, private="on")


def read(hub, pairs, path, who, **changes):
    """All that a subscriber is sent up to an event for everybody."""
    end = f"/end/{next(ends)}"
    query = urllib.parse.urlencode([*pairs.items(), ("match", end)])
    if changes.get("method") == "QUERY":
        changes |= {"body": query.encode(), "CONTENT_TYPE": FORM}
        query = ""
    reader = Subscriber(hub.process, query, path, HTTP_ORIGIN=ORIGIN, **who,
                        **changes)
    assert reader.answer.status[:3] == "200", bytes(reader.answer.out)
    hub.publish(end, "over")
    reader.client.recv_until(reader.answer, lambda _: any(
        event.data == "over" for event in reader.events))
    reader.close()
    return bytes(reader.answer.out).decode()


def test_the_owner_is_given_it(hub, secret):
    """Or the roads below would lead nowhere."""
    for who in (bearer(old(subscribe=["/secret"])), bearer(new(
            ["subscribe"], [("/secret", "urlpattern")]))):
        for road in ROADS:
            for cursor in {"lastEventID": "earliest"}, {"last": "1000"}:
                text = read(hub, {**road, **cursor}, PATH, who)
                assert text.count(DATA) == 2, road
                assert OWN_ID in text and secret in text
            text = read(hub, {**road, "last_event_id": OWN_ID}, PATH, who)
            assert text.count(DATA) == 1, road


@pytest.mark.parametrize("who", STRANGERS)
@pytest.mark.parametrize("road", ROADS, ids=repr)
def test_roads_of_a_stranger(hub, secret, who, road):
    for cursor in CURSORS:
        for changes in {}, {"method": "QUERY"}:
            text = read(hub, {**road, **cursor}, PATH, STRANGERS[who],
                        **changes)
            assert DATA not in text and secret not in text
            assert OWN_ID not in text
    text = read(hub, road, "/events", STRANGERS[who],
                HTTP_LAST_EVENT_ID=OWN_ID)
    assert DATA not in text and OWN_ID not in text


@pytest.mark.parametrize("who", STRANGERS)
def test_the_path_of_the_topic(hub, secret, who):
    for path in "/events/t//secret", "/events/t/%2Fsecret":
        for cursor in CURSORS:
            answer = hub.process.ask(path, urllib.parse.urlencode(cursor),
                                     method="HEAD", **STRANGERS[who])
            text = answer.out.decode()
            assert DATA not in text and secret not in text
            assert OWN_ID not in text


@pytest.mark.parametrize("who", STRANGERS)
def test_what_else_answers(hub, secret, who):
    """Lists and numbers tell nothing of a private update."""
    for path, query in (("/events/count", "topic=/secret"),
                        ("/events/subscriptions", ""),
                        ("/events/subscriptions/%2Fsecret", ""),
                        (f"{PATH}/subscriptions/exact/%2Fsecret", ""),
                        ("/healthz", ""), ("/", ""), ("/nope", ""),
                        (f"/.well-known/oauth-protected-resource{PATH}", ""),
                        ("/status", ""), ("/metrics", "")):
        for method in "GET", "HEAD", "OPTIONS":
            answer = hub.process.ask(path, query, method=method,
                                     HTTP_ORIGIN=ORIGIN, **STRANGERS[who])
            text = bytes(answer.out).decode()
            assert DATA not in text and OWN_ID not in text
            assert secret not in text
            if method == "GET" and "subscriptions" in path:
                assert answer.status[:3] in ("400", "401", "403")
            if path in ("/status", "/metrics"):
                assert answer.status[:3] != "200" or method == "OPTIONS"
