"""Tokens of publishers: what they allow, and whose pages may use a cookie's.
"""

import itertools

import pytest

from hub import KEY, running_hub, start_hub
from tokens import (
    AUDIENCE, ISSUER, OTHER_SECRET, SECRET, bearer, cookie, key_args, new, old,
    write_secret)

pytestmark = pytest.mark.each_store

PATH = "/.well-known/mercure"
OWN = "https://example.org"         # the host of the requests
FRIEND = "https://app.friend.example"
numbers = itertools.count(1)
ALL = old(publish=["*"])


@pytest.fixture(name="hub", scope="module")
def fixture_hub():
    """One for all tests that only ask it."""
    with running_hub("--public-topic", "chat", "--allow-origin",
                     "https://reader.e", "--publish-origin",
                     "https://*.friend.example", make_args=key_args) as hub:
        yield hub


def post(hub, topics=("t",), key=None, more=(), **changes):
    topics = [topics] if isinstance(topics, str) else topics
    pairs = [("topic", topic) for topic in topics] + [("data", "x"), *more]
    return hub.post(pairs, key=key, path=PATH, **changes)


def check_scope(answer):
    assert answer.status == "403 Forbidden"
    assert answer.headers["WWW-Authenticate"].startswith(
        'Bearer error="insufficient_scope"')


@pytest.mark.parametrize("make", [
    lambda *topics: old(publish=list(topics)),
    lambda *topics: new(["publish"], topics)], ids=["07", "08"])
def test_every_topic_has_to_be_granted(hub, make):
    token = make("/a", "/b")
    assert post(hub, "/a", **bearer(token)).status == "200 OK"
    assert post(hub, ("/a", "/b"), **bearer(token)).status == "200 OK"
    check_scope(post(hub, ("/a", "/c"), **bearer(token)))
    check_scope(post(hub, "/", **bearer(token)))
    assert post(hub, "/c", **bearer(make("*"))).status == "200 OK"


def test_patterns_of_each_dialect(hub):
    template = old(publish=["/u/{id}"])
    assert post(hub, "/u/1", **bearer(template)).status == "200 OK"
    check_scope(post(hub, "/u/1/2", **bearer(template)))
    pattern = new(["publish"], [("/u/:id", "urlpattern")])
    assert post(hub, "/u/1", **bearer(pattern)).status == "200 OK"
    check_scope(post(hub, "/u/1/2", **bearer(pattern)))
    exact = new(["publish"], ["/u/:id", "/u/{id}"])
    check_scope(post(hub, "/u/1", **bearer(exact)))


@pytest.mark.parametrize("token", [
    old(), old(publish=[]), old(subscribe=["*"]), new(["subscribe"])],
    ids=["none", "empty", "subscribe", "subscribe 08"])
def test_tokens_without_the_right(hub, token):
    check_scope(post(hub, **bearer(token)))


def test_bad_tokens_are_refused(hub):
    bad = old(publish=["*"], secret=OTHER_SECRET)
    for answer in post(hub, **bearer(bad)), post(hub, "chat", **bearer(bad)), \
            post(hub, HTTP_ORIGIN=OWN, **cookie(bad)):
        assert answer.status == "401 Unauthorized"
        assert answer.headers["WWW-Authenticate"].startswith(
            'Bearer error="invalid_token", resource_metadata="')
    assert post(hub).headers["WWW-Authenticate"].startswith(
        "Bearer resource_metadata=")
    assert post(hub, HTTP_AUTHORIZATION=f"Bearer {ALL}, Bearer {ALL}").status \
        == "400 Bad Request"


def test_keys_and_public_topics_stay(hub):
    assert post(hub, key=KEY).status == "200 OK"
    assert post(hub, "chat").status == "200 OK"
    # What a browser adds by itself does not close a public topic to a page.
    for token in (old(subscribe=["*"]), "x",
                  old(publish=["*"], secret=OTHER_SECRET)):
        assert post(hub, "chat", HTTP_ORIGIN=OWN,
                    **cookie(token)).status == "200 OK"
    check_scope(post(hub, ("chat", "t"), HTTP_ORIGIN=OWN,
                     **cookie(old(subscribe=["*"]))))


# Whose pages may use a cookie's token

@pytest.mark.parametrize("changes, is_allowed", [
    ({"HTTP_ORIGIN": OWN}, True),
    ({"HTTP_REFERER": f"{OWN}/page?x#y"}, True),
    ({"HTTP_SEC_FETCH_SITE": "same-origin"}, True),
    ({"HTTP_ORIGIN": FRIEND, "HTTP_SEC_FETCH_SITE": "cross-site"}, True),
    ({"HTTP_REFERER": f"{FRIEND}/"}, True),
    ({}, False),
    ({"HTTP_ORIGIN": "null"}, False),
    ({"HTTP_SEC_FETCH_SITE": "none"}, False),
    ({"HTTP_SEC_FETCH_SITE": "same-site"}, False),
    ({"HTTP_ORIGIN": "https://friend.example"}, False),
    ({"HTTP_ORIGIN": "https://evil.example/.friend.example"}, False),
    ({"HTTP_ORIGIN": "https://.friend.example"}, False),
    ({"HTTP_ORIGIN": "http://app.friend.example"}, False),
    ({"HTTP_ORIGIN": "https://app.friend.example.evil.example"}, False),
    ({"HTTP_REFERER": "https://app.friend.example@evil.example/"}, False),
    ({"HTTP_REFERER": "https://example.org.evil.example/"}, False),
    # To read the answers is not to publish.
    ({"HTTP_ORIGIN": "https://reader.e"}, False)], ids=repr)
def test_cookies_of_pages(hub, changes, is_allowed):
    address = f"2001:db8:{next(numbers):x}::1"
    answer = post(hub, REMOTE_ADDR=address, **cookie(ALL), **changes)
    assert answer.status == ("200 OK" if is_allowed else "403 Forbidden")
    if not is_allowed:
        line = hub.process.wait_log("refuse-token", client=address)
        assert (line["reason"], line["from"]) == ("origin", "cookie")


def test_fields_need_no_origin(hub):
    for changes in {}, {"HTTP_ORIGIN": "https://evil.example"}, \
            {"HTTP_SEC_FETCH_SITE": "cross-site"}:
        assert post(hub, **bearer(ALL), **changes).status == "200 OK"


# What an update may be

@pytest.mark.parametrize("topic", [
    "*", PATH, f"{PATH}/", f"{PATH}/subscriptions", f"{PATH}?x", f"{PATH}#x",
    f"https://anywhere.example{PATH}", "/.well-known/./mercure/x",
    "/x/../.well-known/mercure", "/.well-known/%6Dercure", "mercure/x",
    "//e/.well-known/mercure", "\\.well-known\\mercure"])
def test_reserved_topics(hub, topic):
    for who in bearer(ALL), bearer(new(["publish"])), {"key": KEY}:
        assert post(hub, topic, **who).status == "400 Bad Request"


@pytest.mark.parametrize("topic", ["mercure", "?x", "#general", "#"])
def test_topics_that_draft_08_alone_reserves(hub, topic):
    """They are relative to the hub's URL there, and mere names in draft 07."""
    assert post(hub, topic, **bearer(ALL)).status == "200 OK"
    assert post(hub, topic, **bearer(new(["publish"]))).status \
        == "400 Bad Request"


@pytest.mark.parametrize("topic", [
    "/.well-known/mercurex", "https://e/?u=/.well-known/mercure", "general",
    "http://[bad/.well-known/mercure", "urn:x:/.well-known/mercure"])
def test_topics_that_are_not_reserved(hub, topic):
    assert post(hub, topic, **bearer(ALL)).status == "200 OK"


def test_format_characters_by_dialect(hub):
    """An emoji may hold a character that nobody can see."""
    family = "\U0001f468\u200d\U0001f467"
    for more in ([("topic", family)], [("id", family)], [("type", family)]):
        for dialect, status in (ALL, "200 OK"), (
                new(["publish"]), "400 Bad Request"):
            assert post(hub, more=more, **bearer(dialect)).status == status
    assert post(hub, more=[("data", family)],
                **bearer(new(["publish"]))).status == "200 OK"


def test_type_of_the_hub(hub):
    for who in bearer(ALL), {"key": KEY}:
        assert post(hub, more=[("type", "mercure")], **who).status \
            == "400 Bad Request"


def test_fields_of_a_trusted_publisher(hub):
    """As with a key: the id and the time to come back are the publisher's."""
    answer = post(hub, more=[("id", "urn:x:1"), ("type", "open"),
                             ("retry", "5")], **bearer(ALL))
    assert (answer.status, answer.body) == ("200 OK", b"urn:x:1")


# Keys for one role

def test_role_of_a_key(fcgi_sse, short_dir):
    path = write_secret(short_dir)
    other = write_secret(short_dir, OTHER_SECRET, "other")
    hub = start_hub(
        fcgi_sse, short_dir, "--token-audience", AUDIENCE, "--token-key",
        f"dialect=07,role=subscriber,alg=HS256,file={path}", "--token-key",
        f"dialect=08,role=publisher,issuer={ISSUER},alg=HS256,file={other}")
    assert post(hub, **bearer(ALL)).status == "401 Unauthorized"
    assert hub.process.wait_log("refuse-token")["reason"] == "key"
    token = new(["publish"], secret=OTHER_SECRET)
    assert post(hub, **bearer(token)).status == "200 OK"
    assert hub.process.ask(PATH, "topic=t", method="HEAD", **bearer(token)) \
        .status == "401 Unauthorized"


def test_keys_of_the_environment(fcgi_sse, short_dir):
    hub = start_hub(fcgi_sse, short_dir, env={
        "MERCURE_PUBLISHER_JWT_KEY": SECRET})
    assert post(hub, **bearer(ALL)).status == "200 OK"
    assert hub.process.ask(PATH, "topic=t", method="HEAD").status \
        == "401 Unauthorized"


def test_a_sender_is_known_by_its_token_alone(hub):
    """Not by what comes with it: other cookies, or a log-in that many share.
    """
    key = f"once-{next(numbers)}"

    def send(token, cookies, **changes):
        answer = post(hub, "/once", HTTP_IDEMPOTENCY_KEY=key, HTTP_ORIGIN=OWN,
                      HTTP_COOKIE=f"{cookies}; mercureAuthorization={token}",
                      HTTP_AUTHORIZATION="Basic Z3Vlc3Q6Z3Vlc3Q=", **changes)
        assert answer.status == "200 OK", answer.body
        return answer.body

    first = send(ALL, "seen=1")
    assert send(ALL, "seen=2") == first
    other = send(old(publish=["*"], jti="other"), "seen=1")
    assert other != first
    assert send(ALL, "seen=3") == first
