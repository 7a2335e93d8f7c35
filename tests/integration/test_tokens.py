"""Tokens of subscribers: where they come from, which are good, and how long a
stream with one lasts.
"""

import itertools
import json
import re
import signal

import pytest

import responder
from checks import check_short
from hub import Subscriber, running_hub, start_hub
from tokens import (
    ISSUER, OTHER_SECRET, bearer, cookie, key_args, new, old, soon,
    write_secret)

NEW_COOKIE = "__Secure-mercure_access_token"
PATH = "/.well-known/mercure"
METADATA = ('resource_metadata="https://hub.example/.well-known/'
            'oauth-protected-resource/.well-known/mercure"')
numbers = itertools.count(1)


@pytest.fixture(name="hub", scope="module")
def fixture_hub():
    """One for all tests that only ask it."""
    with running_hub(make_args=key_args) as hub:
        yield hub


def ask(hub, query="topic=t", path=PATH, **changes):
    """Asks for a stream's head alone."""
    return hub.process.ask(path, query, method="HEAD", **changes)


def status(hub, query="topic=t", **changes):
    return ask(hub, query, **changes).status


def reason(hub, **changes):
    """What the log says of a token that is refused with 401."""
    address = f"2001:db8:{next(numbers):x}::1"
    assert status(hub, REMOTE_ADDR=address, **changes) == "401 Unauthorized"
    return hub.process.wait_log("refuse-token", client=address)["reason"]


GOOD = old(subscribe=["*"])
GOOD_NEW = new(["subscribe"])


# Where a token comes from

@pytest.mark.parametrize("changes", [
    bearer(GOOD), bearer(GOOD_NEW), {"HTTP_AUTHORIZATION": f"bearer {GOOD}"},
    {"HTTP_AUTHORIZATION": f"BEARER   {GOOD_NEW}  "}, cookie(GOOD),
    cookie(GOOD_NEW, NEW_COOKIE), cookie(GOOD_NEW), cookie(GOOD, NEW_COOKIE),
    {"HTTP_COOKIE": f"mercureAuthorization={GOOD}"},
    {"HTTP_COOKIE": f"x=1;mercureAuthorization={GOOD};y=2"},
    {"HTTP_AUTHORIZATION": "Basic dTpw", **cookie(GOOD)},
    {"HTTP_AUTHORIZATION": "Digest username=\"u\"", **cookie(GOOD)},
    {"HTTP_AUTHORIZATION": "", **cookie(GOOD)}])
@pytest.mark.parametrize("path", [PATH, "/events"])
def test_places_of_a_good_token(hub, changes, path):
    assert ask(hub, path=path, **changes).status == "200 OK"


def test_first_place_counts_alone(hub):
    """A bad token is not passed over for a good one in the next place."""
    bad = old(subscribe=["*"], secret=OTHER_SECRET)
    assert reason(hub, **bearer(bad), **cookie(GOOD)) == "signature"
    both = f"mercureAuthorization={GOOD}; {NEW_COOKIE}={bad}"
    assert reason(hub, HTTP_COOKIE=both) == "signature"
    both = f"mercureAuthorization={bad}; {NEW_COOKIE}={GOOD_NEW}"
    assert status(hub, HTTP_COOKIE=both) == "200 OK"


@pytest.mark.parametrize("field", [
    "Bearer", "Bearer ", f"Bearer {GOOD}, Bearer {GOOD}", f"Bearer {GOOD} x",
    f"Bearer {GOOD},", "Bearer , x"])
def test_malformed_field(hub, field):
    answer = ask(hub, HTTP_AUTHORIZATION=field)
    assert answer.status == "400 Bad Request"
    assert answer.headers["WWW-Authenticate"].startswith(
        'Bearer error="invalid_request"')


@pytest.mark.parametrize("changes", [
    {}, {"HTTP_AUTHORIZATION": "Basic dTpw"}, {"HTTP_COOKIE": "a=b"},
    {"HTTP_COOKIE": f"xmercureAuthorization={GOOD}"},
    {"HTTP_COOKIE": "mercureAuthorization="},
    {"HTTP_AUTHORIZATION": f"Bearerish {GOOD}"}, {"HTTP_AUTHORIZATION": GOOD}])
def test_no_token(hub, changes):
    assert reason(hub, **changes) == "none"
    check_short(hub.process.ask(PATH, "topic=t", **changes),
                "401 Unauthorized", "401 Unauthorized: no token came with "
                "this, as \"Authorization: Bearer TOKEN\" or in a cookie\n",
                WWW_Authenticate=f"Bearer {METADATA}")


def test_query_token(fcgi_sse, short_dir):
    off = start_hub(fcgi_sse, short_dir, *key_args(short_dir))
    query = f"topic=t&authorization={GOOD}"
    assert reason(off, query=query) == "none"
    on = start_hub(fcgi_sse, short_dir, "--query-token", *key_args(short_dir))
    assert status(on, query) == "200 OK"
    # The new dialect has no token in a URL.
    assert reason(on, query=f"topic=t&authorization={GOOD_NEW}") == "type"
    bad = old(subscribe=["*"], secret=OTHER_SECRET)
    assert reason(on, query=f"topic=t&authorization={bad}",
                  **cookie(GOOD)) == "signature"


def test_names_of_cookies(fcgi_sse, short_dir):
    hub = start_hub(fcgi_sse, short_dir, "--cookie-name", "one",
                    "--access-token-cookie", "two", *key_args(short_dir))
    assert status(hub, **cookie(GOOD, "one")) == "200 OK"
    assert status(hub, **cookie(GOOD_NEW, "two")) == "200 OK"
    assert reason(hub, **cookie(GOOD)) == "none"


# Which tokens are good

@pytest.mark.parametrize("token, word", [
    ("x", "malformed"), ("a.b.c", "malformed"), (GOOD[:-5] + "AAAAA", "signature"),
    (old(subscribe=["*"], exp=1), "expired"),
    (old(subscribe=["*"], exp=1.5), "expired"),
    (old(subscribe=["*"], exp="1"), "expired"),
    (old(subscribe=["*"], exp="soon"), "malformed"),
    (old(subscribe=["*"], nbf=4102444800), "not-yet"),
    (new(["subscribe"], exp=None), "claim"),
    (new(["subscribe"], aud="https://other.example"), "audience"),
    (new(["subscribe"], iss="https://other.example"), "issuer"),
    (new(["subscribe"], [("(", "urlpattern")]), "claim"),
    (old(subscribe="*"), "claim")])
def test_bad_tokens(hub, token, word):
    """The log says why, the client learns no more than that it is bad."""
    assert reason(hub, **bearer(token)) == word
    assert reason(hub, **cookie(token)) == word
    check_short(hub.process.ask(PATH, "topic=t", **bearer(token)),
                "401 Unauthorized", "401 Unauthorized: the token is not "
                "valid; the hub's log says why\n", WWW_Authenticate=f'Bearer error="invalid_token", '
                                 f'{METADATA}')


def test_refusals_are_counted(fcgi_sse, short_dir):
    hub = start_hub(fcgi_sse, short_dir, *key_args(short_dir))
    for token in old(subscribe=["*"], exp=1), "x", "x", GOOD, GOOD:
        ask(hub, **bearer(token))
    ask(hub)
    for name, count in (("token_refusals_total{reason=\"expired\"}", 1),
                        ("token_refusals_total{reason=\"malformed\"}", 2),
                        ("token_refusals_total{reason=\"none\"}", 1),
                        ("token_refusals_total{reason=\"scope\"}", 0),
                        ("token_signatures_total", 1),
                        ("token_hits_total", 1), ("tokens_known", 1)):
        assert hub.metric(re.escape(name)) == count, name


def test_anonymous(fcgi_sse, short_dir):
    closed = start_hub(fcgi_sse, short_dir, "--anonymous", "no")
    assert status(closed) == "401 Unauthorized"
    opened = start_hub(fcgi_sse, short_dir, "--anonymous", "yes",
                       *key_args(short_dir))
    assert status(opened) == "200 OK"
    # A bad token does not make its client anonymous.
    assert reason(opened, **cookie(old(subscribe=["*"], exp=1))) == "expired"
    # Without keys a token is somebody else's.
    keyless = start_hub(fcgi_sse, short_dir)
    assert status(keyless, **bearer("x")) == "200 OK"


# What a client can find out

def test_metadata(hub):
    document = "/.well-known/oauth-protected-resource"
    answer = hub.process.ask(f"{document}{PATH}")
    assert answer.headers["Content-Type"] == "application/json"
    # So lighttpd parts it.
    assert hub.process.ask(PATH, mount=document).body == answer.body
    assert json.loads(answer.body) == {
        "resource": "https://hub.example/.well-known/mercure",
        "bearer_methods_supported": ["header"],
        "authorization_details_types_supported": [
            "https://mercure.rocks/authorization-detail"],
        "mercure_cookie": NEW_COOKIE}
    assert ask(hub).headers["WWW-Authenticate"] == f"Bearer {METADATA}"


@pytest.mark.parametrize("audience, path", [
    ("https://e.example", ""), ("https://e.example/", ""),
    ("https://e.example:8443/sse/hub?x", "/sse/hub"), ("urn:hub", PATH),
    ('https://e.example/"', PATH)])
def test_path_of_metadata(fcgi_sse, short_dir, audience, path):
    """As RFC 9728 makes it from the resource identifier."""
    hub = start_hub(fcgi_sse, short_dir, *key_args(short_dir)[:-1], audience)
    document = f"/.well-known/oauth-protected-resource{path}"
    answer = hub.process.ask(document, mount="", SCRIPT_NAME="")
    assert json.loads(answer.body)["resource"] == audience
    challenge = ask(hub).headers["WWW-Authenticate"]
    if audience.startswith("https") and '"' not in audience:
        site = re.match(r"https://[^/]+", audience)[0]
        assert challenge == f'Bearer resource_metadata="{site}{document}"'
    else:
        assert challenge == "Bearer"


def test_no_metadata_without_keys_of_draft_08(fcgi_sse, short_dir):
    """Its absence tells a client that the hub speaks the old draft."""
    hub = start_hub(fcgi_sse, short_dir,
                    *key_args(short_dir, dialects="07"))
    answer = hub.process.ask(f"/.well-known/oauth-protected-resource{PATH}")
    assert answer.status == "404 Not Found"
    assert ask(hub).headers["WWW-Authenticate"] == "Bearer"


def test_link(fcgi_sse, short_dir):
    url = "https://example.org/sse/.well-known/mercure"
    hub = start_hub(fcgi_sse, short_dir, "--public-url", url)
    assert ask(hub).headers["Link"] == f'<{url}>; rel="mercure"'


# How long a stream lasts

@pytest.mark.parametrize("make", [old, new], ids=["07", "08"])
def test_stream_ends_with_its_token(hub, make):
    until = soon(2)
    token = (old(subscribe=["*"], exp=until) if make is old
             else new(["subscribe"], exp=until))
    reader = hub.subscribe("t", path=PATH, **bearer(token))
    hub.publish("t", "before")
    reader.client.recv_until(reader.answer, lambda answer: answer.end)
    assert [event[:2] for event in reader.events] == [
        ("message", "before"),
        ("token-expired", '{"reason":"token-expired"}')]
    assert reader.answer.end == (0, 0)
    assert reader.parser.is_whole and reader.parser.retry_ms >= 1000
    line = hub.process.wait_log("disconnect", reason="token-expired")
    assert float(line["seconds"]) < 30
    # It does not open another stream.
    assert reason(hub, **bearer(token)) == "expired"


def test_first_end_is_not_the_first_come(hub):
    """Ends are in the order of the tokens' times; one lasts for ever."""
    ends = [60, 2.9, 2.4, 2.6]
    readers = [hub.subscribe("t", path=PATH,
                             **bearer(old(subscribe=["*"], exp=soon(end))))
               for end in ends]
    last = hub.subscribe("t", path=PATH, **bearer(GOOD))
    for number in 2, 3, 1:
        reader = readers[number]
        reader.client.recv_until(reader.answer, lambda answer: answer.end)
    hub.publish("t", "x")
    assert readers[0].take(1)[0].data == "x"
    assert last.take(1)[0].data == "x"


# Keys

def test_removed_key_ends_its_streams(fcgi_sse, short_dir):
    config = short_dir / "ini"
    first = write_secret(short_dir)
    second = write_secret(short_dir, OTHER_SECRET, "second")
    line = "token-key = dialect=07,alg=HS256,file={}\n"
    config.write_text(line.format(first) + line.format(second))
    hub = start_hub(fcgi_sse, short_dir, "--config", str(config))
    stays = hub.subscribe("t", path=PATH, **bearer(GOOD))
    other = old(subscribe=["*"], secret=OTHER_SECRET)
    leaves = hub.subscribe("t", path=PATH, **bearer(other))
    config.write_text(line.format(first))
    hub.process.process.send_signal(signal.SIGHUP)
    leaves.client.recv_until(leaves.answer, lambda answer: answer.end)
    assert [event[:2] for event in leaves.events] == [
        ("token-expired", '{"reason":"key-removed"}')]
    hub.process.wait_log("disconnect", reason="key-removed")
    assert reason(hub, **bearer(other)) == "signature"
    hub.publish("t", "x")
    assert stays.take(1)[0].data == "x"
    # What cannot be read leaves all as it is.
    first.write_text("short")
    hub.process.process.send_signal(signal.SIGHUP)
    error = hub.process.wait_log("reload", level="error")["error"]
    assert str(first) in error
    assert status(hub, **bearer(GOOD)) == "200 OK"


@pytest.mark.parametrize("before, after", [
    ("anonymous = yes\n{key}", "anonymous = no\n{key}"),
    ("", "{key}"), ("anonymous = yes\n", "anonymous = no\n")])
def test_who_needs_a_token_now_is_sent_away(fcgi_sse, short_dir, before,
                                            after):
    """The streams of the hub alone; a clock is everybody's."""
    config = short_dir / "ini"
    key = f"token-key = dialect=07,alg=HS256,file={write_secret(short_dir)}\n"
    config.write_text(before.format(key=key))
    hub = start_hub(fcgi_sse, short_dir, "--config", str(config))
    leaves = [hub.subscribe("t", path=path) for path in (PATH, "/events") * 9]
    leaves.append(hub.subscribe(path="/events/t/t"))
    clock = Subscriber(hub.process, "interval=100ms", "/clock")
    stays = hub.subscribe("t", path=PATH, **bearer(GOOD)) \
        if "key" in before else None
    config.write_text(after.format(key=key))
    hub.process.process.send_signal(signal.SIGHUP)
    for reader in leaves:
        reader.client.recv_until(reader.answer, lambda answer: answer.end)
        assert [event[:2] for event in reader.events] == [
            ("token-expired", '{"reason":"token-needed"}')]
    hub.process.wait_log("disconnect", len(leaves), reason="token-needed")
    assert status(hub) == "401 Unauthorized"
    count = len(clock.events)
    clock.client.recv_until(clock.answer,
                            lambda _: len(clock.events) > count + 2)
    if stays:
        hub.publish("t", "x")
        assert stays.take(1)[0].data == "x"


def test_keys_of_the_environment(fcgi_sse, short_dir):
    """As a 0.x hub has them; a role's key is not that of the other."""
    hub = start_hub(fcgi_sse, short_dir, env={
        "MERCURE_PUBLISHER_JWT_KEY": OTHER_SECRET,
        "MERCURE_SUBSCRIBER_JWT_KEY": "a secret of more than 32 bytes for "
                                      "tests",
        "MERCURE_SUBSCRIBER_JWT_ALG": "HS256"})
    assert status(hub, **bearer(GOOD)) == "200 OK"
    assert reason(hub, **bearer(old(subscribe=["*"],
                                    secret=OTHER_SECRET))) == "signature"
    assert reason(hub, **bearer(GOOD_NEW)) == "type"


@pytest.mark.parametrize("args, why", [
    (["--token-key", "dialect=07,alg=HS256,file={dir}/none"], "none: "),
    (["--token-key", "dialect=07,alg=HS256,file={dir}/weak"],
     "allow-weak-keys"),
    (["--token-key", "dialect=09,file={dir}/weak"], "dialect"),
    (["--token-key", f"dialect=08,issuer={ISSUER},alg=HS256,"
                     "file={dir}/jwt"], "token-audience"),
    (["--public-url", "x"], "public-url"),
    (["--public-url", "https://e/?q"], "public-url"),
    (["--public-url", "//e/hub"], "public-url"),
    (["--cookie-name", "a b"], "cookie-name"),
    (["--publish-origin", "https://*.*.e"], "publish-origin"),
    (["--anonymous", "maybe"], "anonymous")])
def test_what_is_wrong_at_the_start(short_dir, args, why):
    write_secret(short_dir)
    write_secret(short_dir, "!ChangeMe!", "weak")
    done = responder.run("--listen", f"unix:{short_dir}/s", *[
        arg.format(dir=short_dir) for arg in args])
    assert done.returncode in (1, 2)
    assert done.stderr.count("\n") == 1 and why in done.stderr, done.stderr


def test_weak_keys_by_leave(fcgi_sse, short_dir):
    secret = "!ChangeThisMercureHubJWTSecretKey!"
    hub = start_hub(fcgi_sse, short_dir, "--allow-weak-keys",
                    *key_args(short_dir, secret, dialects="07"))
    assert status(hub, **bearer(old(subscribe=["*"],
                                    secret=secret))) == "200 OK"


