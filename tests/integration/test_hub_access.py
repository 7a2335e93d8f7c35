"""Who may publish: keys, public topics and their rate, other origins, and the
processes that cannot serve topics at all.
"""

import os
import signal
import time

import pytest

import responder
from checks import check_form, check_short
from hub import (
    FORM, KEY, OWN_ID, Hub, start_hub, write_keys)
from responder import wait_until


UPDATE = [("topic", "t"), ("data", "x")]
ORIGIN = "https://example.org"
OTHER = "https://other.example"
NO_KEY = ('401 Unauthorized: publishing takes one of the keys as '
          '"Authorization: Bearer KEY"\n')


INVALID = 'Bearer error="invalid_token"'


def check_no_key(answer, challenge=None):
    """Without a challenge: whether a key had come does not matter here."""
    if challenge is None:
        challenge = answer.headers["WWW-Authenticate"]
        assert challenge in ("Bearer", INVALID)
    check_short(answer, "401 Unauthorized", NO_KEY, WWW_Authenticate=challenge)


# Keys

@pytest.mark.parametrize("field", [
    None, "", "Bearer", "Bearer ", f"Basic {KEY}", KEY, f"Bearer{KEY}",
    f"Bearer {KEY}x", f"Bearer {KEY[:-1]}", f"Bearer {KEY} ",
    f"Bearer x{KEY}", f"Bearer {KEY.upper()}", "Bearer \n",
    f"Bearer {KEY}\n", f"Bearer {KEY}\nsecond"])
def test_without_a_key_there_is_no_publishing(hub, field):
    answer = hub.post(UPDATE, key=None, HTTP_AUTHORIZATION=field)
    check_no_key(answer)
    assert hub.metric("history_events") == 0


@pytest.mark.parametrize("field, challenge", [
    (None, "Bearer"), ("", "Bearer"), ("Bearer wrong", INVALID),
    ("Basic eDp5", INVALID), (" ", INVALID)])
def test_a_401_says_whether_a_key_had_come(hub, field, challenge):
    fields = {} if field is None else {"HTTP_AUTHORIZATION": field}
    check_no_key(hub.post(UPDATE, key=None, **fields), challenge)


def test_nothing_else_than_the_field_is_trusted(hub):
    """No cookie, no parameter, no other variable."""
    check_no_key(hub.post(UPDATE, key=None, HTTP_COOKIE=f"mercureAuthorization"
                          f"={KEY}; key={KEY}; Authorization=Bearer {KEY}"))
    check_no_key(hub.post(
        [*UPDATE, ("key", KEY), ("authorization", KEY)], key=None))
    check_no_key(hub.post(UPDATE, key=None, REMOTE_USER="root",
                          AUTH_TYPE="Bearer", HTTP_X_AUTHORIZATION=KEY))
    answer = hub.process.ask(
        "/events", f"authorization={KEY}&access_token={KEY}", method="POST",
        body=b"topic=t", CONTENT_TYPE=FORM)
    check_no_key(answer)


@pytest.mark.parametrize("text, keys", [
    (KEY, [KEY]), (f"{KEY}\r\n", [KEY]), (f"\n\n  {KEY}\t\n\n", [KEY]),
    ("one\ntwo\nthree", ["one", "two", "three"]), ("k" * 60000, ["k" * 60000]),
    (f"# key of the shop\n{KEY}\n  # and\n2\n", [KEY, "2"])])
def test_key_files(fcgi_sse, short_dir, text, keys):
    path = write_keys(short_dir, text)
    hub = Hub(fcgi_sse("--publish-key-file", str(path)))
    for key in keys:
        for scheme in "Bearer", "bearer", "BEARER":
            assert hub.post(UPDATE, key=None, HTTP_AUTHORIZATION=(
                f"{scheme} {key}".encode())).status == "200 OK"
        check_no_key(hub.post(UPDATE, key=key[:-1]))
    check_no_key(hub.post(UPDATE, key="".join(keys) + "."))
    check_no_key(hub.post(UPDATE, key=""))


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640, 0o440, 0o700])
def test_modes_that_keep_the_keys(fcgi_sse, short_dir, mode):
    path = write_keys(short_dir, mode=mode)
    hub = Hub(fcgi_sse("--publish-key-file", str(path)))
    assert hub.post(UPDATE).status == "200 OK"


def check_no_start(path, why):
    done = responder.run("--listen", f"unix:{path}.sock",
                         "--publish-key-file", str(path))
    assert done.returncode == 1
    assert done.stderr == f"fcgi-sse: publish-key-file {path}: {why}\n"
    assert not os.path.exists(f"{path}.sock")


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o660, 0o620, 0o602, 0o601])
def test_modes_that_do_not(short_dir, mode):
    check_no_start(write_keys(short_dir, mode=mode),
                   "others may read or write it; make its mode 0600 or 0640")


@pytest.mark.parametrize("text", ["", "\n", " \t\r\n \n", "# only\n"])
def test_files_without_a_key(short_dir, text):
    check_no_start(write_keys(short_dir, text), "holds no key")


def test_comments_are_no_keys(fcgi_sse, short_dir):
    path = write_keys(short_dir, f"#{KEY}\n# shop\nother\n")
    hub = Hub(fcgi_sse("--publish-key-file", str(path)))
    for key in f"#{KEY}", KEY, "# shop", "#":
        check_no_key(hub.post(UPDATE, key=key))


@pytest.mark.parametrize("data, line", [
    (f"\ufeff{KEY}\n".encode(), 1), (f"{KEY}\n".encode("utf-16"), 1),
    (f"{KEY}\n".encode("utf-16-le"), 1), (f"{KEY}\nn\u00e9\n".encode(), 2),
    (b"# key\n\na b\n", 3), (f"{KEY}\n{KEY}\0\n".encode(), 2),
    (b"\x7f", 1), (f"Bearer {KEY}\n".encode(), 1)],
    ids=["BOM", "UTF-16", "UTF-16 without BOM", "UTF-8", "blank", "NUL",
         "DEL", "header"])
def test_lines_that_are_no_key(short_dir, data, line):
    path = write_keys(short_dir, "")
    path.write_bytes(data)
    done = responder.run("--listen", f"unix:{path}.sock",
                         "--publish-key-file", str(path))
    assert done.returncode == 1
    assert done.stderr.startswith(
        f"fcgi-sse: publish-key-file {path}:{line}: the line holds ")
    assert done.stderr.count("\n") == 1


def test_files_that_are_none(short_dir):
    check_no_start(short_dir / "nope", "No such file or directory")
    check_no_start(short_dir, "is not a file")
    os.mkfifo(short_dir / "fifo", 0o600)
    check_no_start(short_dir / "fifo", "is not a file")
    check_no_start(write_keys(short_dir, "k" * 65537),
                   "is too long for a file of keys")


def test_without_a_key_file_publishing_is_off(fcgi_sse):
    hub = Hub(fcgi_sse())
    for key in None, KEY, "":
        check_short(hub.post(UPDATE, key=key), "403 Forbidden",
                    "403 Forbidden: publishing is off; the option "
                    "publish-key-file turns it on\n")


# SIGHUP

def hang_up(hub, log):
    """Has the log opened anew; returns where the old one is now."""
    old = log.rename(f"{log}.{time.monotonic_ns()}")
    hub.process.process.send_signal(signal.SIGHUP)
    wait_until(lambda: log.exists() and " reload " in log.read_text(),
               "the log is opened anew")
    return old


@pytest.fixture(name="logged")
def fixture_logged(short_dir, fcgi_sse):
    log = short_dir / "log"
    write_keys(short_dir)
    process = fcgi_sse(
        "--publish-key-file", str(short_dir / "keys"), "--log", str(log),
        "--log-level", "debug", await_ready=False)
    process.wait_up()
    return Hub(process), log


def test_keys_are_read_again(logged, short_dir):
    hub, log = logged
    write_keys(short_dir, "another\n")
    check_no_key(hub.post(UPDATE, key="another"))
    hang_up(hub, log)
    assert " info reload" in log.read_text()
    assert hub.post(UPDATE, key="another").status == "200 OK"
    check_no_key(hub.post(UPDATE))
    assert hub.metric("history_events") == 1


@pytest.mark.parametrize("spoil, why", [
    (lambda path: path.chmod(0o644), "others may read"),
    (lambda path: path.unlink(), "No such file"),
    (lambda path: path.write_text("\n"), "holds no key"),
    (lambda path: path.write_text("k" * 70000), "is too long")])
def test_keys_stay_when_the_file_is_bad(logged, short_dir, spoil, why):
    hub, log = logged
    spoil(short_dir / "keys")
    hang_up(hub, log)
    line, = [line for line in log.read_text().split("\n")
             if " reload " in line]
    assert " error reload " in line and why in line
    assert str(short_dir / "keys") in line
    assert hub.post(UPDATE).status == "200 OK"
    check_no_key(hub.post(UPDATE, key="\n"))


def test_no_key_is_ever_logged(logged, short_dir):
    hub, log = logged
    secrets = [KEY, "wr0ng-key", "c00kie", "an0ther-key"]
    hub.post(UPDATE)
    hub.post([("topic", "t"), ("id", "#")])
    hub.post(UPDATE, key="wr0ng-key")
    hub.post(UPDATE, key=None, HTTP_AUTHORIZATION="Basic wr0ng-key")
    hub.post(UPDATE, HTTP_COOKIE="a=c00kie", CONTENT_TYPE="text/plain")
    hub.post(UPDATE, HTTP_ORIGIN=OTHER)
    hub.post(b"%", HTTP_COOKIE="a=c00kie")
    hub.process.ask("/nope", method="POST",
                    HTTP_AUTHORIZATION=f"Bearer {KEY}")
    reader = hub.subscribe("t", HTTP_AUTHORIZATION=f"Bearer {KEY}")
    hub.publish("t", "x")
    reader.take(1)
    logs = [log.read_text()]
    write_keys(short_dir, f"an0ther-key\n{KEY}\n")
    logs.append(hang_up(hub, log).read_text())
    (short_dir / "keys").chmod(0o644)
    logs.append(hang_up(hub, log).read_text())
    hub.process.send_stop()
    hub.process.wait_end()
    logs += [log.read_text(), *hub.process.lines]
    assert " debug publish " in logs[0] and "refuse-publish" in logs[0]
    assert not [secret for secret in secrets for text in logs
                if secret in text]


# Public topics

def test_public_topics(fcgi_sse):
    hub = Hub(fcgi_sse("--public-topic", "chat", "--public-topic", "b"))
    reader = hub.subscribe("chat")
    for topics in ["chat"], ["b"], ["b", "chat"], ["chat", "chat"]:
        answer = hub.post([("topic", topic) for topic in topics], key=None)
        assert answer.status == "200 OK"
    for topics in ["Chat"], ["chat", "c"], ["c", "chat"], ["chat/"]:
        answer = hub.post([("topic", topic) for topic in topics], key=None)
        assert answer.status == "403 Forbidden"
    reader.take(3)


@pytest.mark.parametrize("fields", [
    {"retry": "999999999"}, {"retry": "0"}, {"retry": "x"},
    {"id": "first"}, {"id": "mine"}, {"id": "#"}, {"id": "x" * 2000}],
    ids=str)
def test_without_a_key_the_server_makes_id_and_retry(fcgi_sse, short_dir,
                                                     fields):
    """Neither are readers kept away, nor does their position go back."""
    hub = start_hub(fcgi_sse, short_dir, "--public-topic", "t")
    hub.publish("t", "one", id="first", retry=500)
    reader = hub.subscribe("t", last="earliest")
    answer = hub.post([*UPDATE, *fields.items()], key=None)
    assert answer.status == "200 OK"
    assert OWN_ID.fullmatch(answer.body.decode())
    events = reader.take(2)
    assert events[1].id == answer.body.decode()
    assert reader.parser.retry_ms == 500
    back = hub.subscribe("t", last=events[1].id)
    hub.publish("t", "last")
    assert [event.data for event in back.take(1)] == ["last"]


@pytest.mark.parametrize("name", ["open", "error", "refused",
                                  "token-expired"])
def test_events_of_the_connection_take_a_key(fcgi_sse, short_dir, name):
    hub = start_hub(fcgi_sse, short_dir, "--public-topic", "t")
    reader = hub.subscribe("t")
    answer = hub.post([*UPDATE, ("type", name)], key=None)
    check_short(answer, "401 Unauthorized",
                "401 Unauthorized: an event of the type open, error, "
                "refused or token-expired takes one of the keys as \"Authorization: Bearer "
                "KEY\"\n", WWW_Authenticate="Bearer")
    for other in name.upper(), name + "s", "message", "":
        answer = hub.post([*UPDATE, ("type", other)], key=None)
        assert answer.status == "200 OK"
    assert hub.post([*UPDATE, ("type", name)]).status == "200 OK"
    assert reader.take(5)[-1].type == name


def test_rate_of_public_updates(fcgi_sse, short_dir):
    """Ten at once, then one in half a second, for each address."""
    hub = start_hub(fcgi_sse, short_dir, "--public-topic", "t")
    began, count = time.monotonic(), 0
    while (answer := hub.post(UPDATE, key=None)).status == "200 OK":
        count += 1
    check_short(answer, "429 Too Many Requests", "429 Too Many Requests: "
                "this address has published too often\n", Retry_After="1")
    assert 10 <= count <= 10 + 2 * (time.monotonic() - began)
    for client in "192.0.2.8", "2001:db8::1", "":
        answer = hub.post(UPDATE, key=None, REMOTE_ADDR=client)
        assert answer.status == "200 OK"
    for _ in range(30):
        assert hub.post(UPDATE).status == "200 OK"      # with the key
    check_no_key(hub.post([("topic", "u")], key=None))
    wait_until(lambda: hub.post(UPDATE, key=None).status == "200 OK",
               "one more is allowed", 2)
    # What is refused uses nothing up, and is not delivered.
    assert hub.metric("history_events") == count + 3 + 30 + 1


# Other origins

@pytest.mark.parametrize("said", [
    {}, {"HTTP_HOST": "example.org"},
    {"HTTP_ORIGIN": ORIGIN, "HTTP_HOST": "example.org"},
    {"HTTP_ORIGIN": "http://example.org", "HTTP_HOST": "EXAMPLE.org"},
    {"HTTP_ORIGIN": "http://[::1]:8080", "HTTP_HOST": "[::1]:8080"},
    {"HTTP_ORIGIN": ORIGIN},        # SERVER_NAME says it
    {"HTTP_ORIGIN": "http://example.org:8081", "HTTP_HOST": "example.org",
     "SERVER_PORT": "8081"},
    {"HTTP_ORIGIN": "http://example.org:8081", "SERVER_PORT": "8081"},
    {"HTTP_ORIGIN": OTHER, "HTTP_HOST": "127.0.0.1:9",
     "HTTP_SEC_FETCH_SITE": "same-origin"}], ids=repr)
def test_pages_of_ours_may_publish(fcgi_sse, short_dir, said):
    hub = start_hub(fcgi_sse, short_dir, "--public-topic", "t")
    for key in KEY, None:
        assert hub.post(UPDATE, key=key, **said).status == "200 OK"


def compared(origin, *variables):
    return (f"its origin {origin} is not the host and port that the web "
            "server passes, " + ", ".join(variables))


@pytest.mark.parametrize("said, why", [
    ({"HTTP_ORIGIN": OTHER, "HTTP_HOST": "example.org"},
     compared(OTHER, "HTTP_HOST example.org", "SERVER_PORT missing")),
    ({"HTTP_ORIGIN": OTHER},
     compared(OTHER, "HTTP_HOST missing", "SERVER_NAME example.org",
              "SERVER_PORT missing")),
    ({"HTTP_ORIGIN": ORIGIN, "HTTP_HOST": "example.org.evil.example"},
     compared(ORIGIN, "HTTP_HOST example.org.evil.example",
              "SERVER_PORT missing")),
    ({"HTTP_ORIGIN": ORIGIN, "HTTP_HOST": "example.org",
      "SERVER_PORT": "8081"},
     compared(ORIGIN, "HTTP_HOST example.org", "SERVER_PORT 8081")),
    ({"HTTP_ORIGIN": f"{ORIGIN}:1", "HTTP_HOST": "example.org"},
     compared(f"{ORIGIN}:1", "HTTP_HOST example.org",
              "SERVER_PORT missing")),
    ({"HTTP_ORIGIN": "null", "HTTP_HOST": "null"},
     compared("null", "HTTP_HOST null", "SERVER_PORT missing")),
    ({"HTTP_ORIGIN": "", "HTTP_HOST": "example.org"},
     compared("", "HTTP_HOST example.org", "SERVER_PORT missing")),
    ({"HTTP_ORIGIN": ORIGIN, "HTTP_HOST": "example.org",
      "HTTP_SEC_FETCH_SITE": "cross-site"},
     "its browser says Sec-Fetch-Site: cross-site"),
    ({"HTTP_SEC_FETCH_SITE": "same-site"},
     "its browser says Sec-Fetch-Site: same-site")], ids=str)
def test_pages_of_others_may_not(fcgi_sse, short_dir, said, why):
    hub = start_hub(fcgi_sse, short_dir, "--public-topic", "t")
    for key in KEY, None:
        answer = hub.post(UPDATE, key=key, HTTP_COOKIE="session=1", **said)
        check_short(answer, "403 Forbidden",
                    f"403 Forbidden: this page may not publish: {why}. The "
                    "option allow-origin names pages that may; a proxy has "
                    "to pass on Host\n")
    assert hub.metric("history_events") == 0


@pytest.mark.parametrize("allowed, origin, site", [
    (ORIGIN, ORIGIN, None), ("*", OTHER, None), (ORIGIN, ORIGIN, "cross-site")])
def test_allowed_origins_may_publish(fcgi_sse, short_dir, allowed, origin,
                                     site):
    hub = start_hub(fcgi_sse, short_dir, "--allow-origin", allowed)
    answer = hub.post(UPDATE, HTTP_ORIGIN=origin, HTTP_HOST="hub.example",
                      HTTP_SEC_FETCH_SITE=site)
    assert answer.status == "200 OK"
    assert answer.headers["Access-Control-Allow-Origin"] == allowed
    assert answer.headers["Vary"] == "Origin"
    # And read why not.
    answer = hub.post(UPDATE, key=None, HTTP_ORIGIN=origin)
    assert answer.status == "401 Unauthorized"
    assert answer.headers["Access-Control-Allow-Origin"] == allowed


CREDENTIALS = "Access-Control-Allow-Credentials"


@pytest.mark.parametrize("path", ["/events", "/clock", "/", "/nope"])
def test_credentials_of_listed_origins_alone(fcgi_sse, path):
    process = fcgi_sse("--allow-origin", "*", "--allow-origin", ORIGIN)
    for method in "GET", "HEAD", "OPTIONS", "PUT":
        for origin, allowed in (ORIGIN, ORIGIN), (OTHER, "*"), (None, "*"):
            with process.client() as client:
                answer = client.send_request(
                    path, "topic=t", method=method, HTTP_ORIGIN=origin)
                client.recv_until(answer, lambda a: a.head)
            headers = answer.headers
            assert headers["Access-Control-Allow-Origin"] == allowed
            assert headers.get(CREDENTIALS) == (
                "true" if allowed == ORIGIN else None)
            assert headers["Vary"] == "Origin"


USUAL = "Last-Event-ID, Cache-Control, Authorization, Content-Type"


@pytest.mark.parametrize("path", ["/events", "/.well-known/mercure", "/clock",
                                  "/counter", "/stream"])
@pytest.mark.parametrize("asked, given", [
    ("authorization,content-type", "authorization,content-type"),
    ("authorization", "authorization"),
    ("traceparent, baggage, X-Requested-With",
     "traceparent, baggage, X-Requested-With"),
    (None, USUAL), ("", USUAL), ("a\r\nX-Evil: 1", USUAL), ("a b:", USUAL),
    ("x" * 1025, USUAL)])
def test_preflight(fcgi_sse, path, asked, given):
    process = fcgi_sse("--allow-origin", ORIGIN)
    methods = ("GET, HEAD, POST, QUERY, OPTIONS"
               if path in ("/events", "/.well-known/mercure")
               else "GET, HEAD, OPTIONS")
    for origin, is_allowed in (ORIGIN, True), (OTHER, False):
        answer = process.ask(
            path, method="OPTIONS", HTTP_ORIGIN=origin,
            HTTP_ACCESS_CONTROL_REQUEST_METHOD="POST",
            HTTP_ACCESS_CONTROL_REQUEST_HEADERS=asked)
        check_form(answer)
        assert answer.headers == {
            "Status": "204 No Content", "Vary": "Origin", "Allow": methods,
        } | ({
            "Access-Control-Allow-Origin": ORIGIN,
            CREDENTIALS: "true",
            "Access-Control-Allow-Methods": methods,
            "Access-Control-Allow-Headers": given,
            "Access-Control-Max-Age": "86400",
        } if is_allowed else {})
        assert answer.body == b""
