"""The route is found whatever the web server makes of the path."""

import itertools

import pytest

import fcgi_client
from checks import check_404

# As each web server gives /MOUNT/PATH: what it puts into the variables.
SERVERS = {
    "apache ProxyPass": ("{mount}{path}", None),
    "apache SetHandler": ("{mount}", "{path}"),
    "mod_fcgid": ("/x{mount}.fcgi", "{path}"),
    "mod_cgid": ("/x{mount}.cgi", "{path}"),
    "lighttpd mod_fastcgi": ("{mount}", "{path}"),
    "lighttpd mod_cgi": ("/cgi{mount}.cgi", "{path}"),
    "nginx": ("{mount}{path}", None),
    "nginx, empty PATH_INFO": ("{mount}{path}", ""),
    "haproxy": ("{mount}", "{path}"),
    "caddy": ("", "{mount}{path}"),
    "caddy with split": ("{mount}", "{path}"),
    "h2o": ("", "{mount}{path}"),
    "no SCRIPT_NAME": (None, "{mount}{path}"),
    "REQUEST_URI alone": (None, None),
}
PATHS = {
    "/clock": b"Content-Type: text/event-stream\r\n",
    "/server-sent-events": b"Content-Type: text/event-stream\r\n",
    "/stream": b"Content-Type: text/event-stream\r\n",
    "/counter": b"Content-Type: text/event-stream\r\n",
    "/": b"Content-Type: text/html; charset=utf-8\r\n",
    "/page.js": b"Content-Type: text/javascript; charset=utf-8\r\n",
    "/nope": b"Status: 404 Not Found\r\n",
}


def variables(server, mount, path, query=""):
    script_name, path_info = SERVERS[server]

    def fill(text):
        return text and text.format(mount=mount, path=path)

    return {"SCRIPT_NAME": fill(script_name), "PATH_INFO": fill(path_info),
            "REQUEST_URI": mount + path + ("?" + query if query else ""),
            "QUERY_STRING": query}


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("mount", ["/app", "/a/deep/mount", ""])
def test_the_route_behind_a_mount(shared, server, mount):
    for path, expected in PATHS.items():
        answer = shared.ask(method="HEAD",
                            **variables(server, mount, path))
        assert expected in answer.head, path
        assert answer.end == (0, 0)


@pytest.mark.parametrize("server", SERVERS)
def test_the_query_arrives(shared, server):
    changes = variables(server, "/app", "/counter",
                        "count=1&interval=100ms&format=text")
    answer = shared.ask(**changes)
    assert answer.body == b"1\n"


def test_a_query_is_taken_from_nowhere_but_query_string(shared):
    answer = shared.ask("/clock", method="HEAD", QUERY_STRING="",
                        REQUEST_URI="/app/clock?interval=nonsense")
    assert answer.status == "200 OK"


def test_the_mount_may_be_named_as_a_route_is(shared):
    answer = shared.ask("/counter", "count=1&format=text", mount="/clock")
    assert answer.body == b"1\n"
    check_404(shared.ask("/nope", mount="/clock"), "/clock/nope")


@pytest.mark.parametrize("path", ["/myclock", "/clock/", "/clockx", "/CLOCK",
                                  "/clock/x"])
def test_what_only_resembles_a_route_is_404(shared, path):
    check_404(shared.ask(path, mount="/app"), "/app" + path)
    answer = shared.ask(SCRIPT_NAME="/app" + path, PATH_INFO=None,
                        REQUEST_URI="/app" + path)
    if path != "/clock/":       # behind a mount this is the page
        assert answer.status == "404 Not Found"


@pytest.mark.parametrize("query", ["", "x=1"])
def test_a_script_named_without_a_slash_is_sent_to_its_slash(shared, query):
    answer = shared.ask(query=query, SCRIPT_NAME="/cgi-bin/sse.cgi",
                        PATH_INFO=None, REQUEST_URI="/cgi-bin/sse.cgi",
                        SCRIPT_FILENAME="/srv/cgi-bin/sse.cgi")
    assert answer.status == "308 Permanent Redirect"
    assert answer.headers["Location"] == "./sse.cgi/"


OPTIONAL = ["REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING",
            "REQUEST_URI", "REMOTE_ADDR", "SERVER_PROTOCOL",
            "GATEWAY_INTERFACE"]


@pytest.mark.parametrize("missing", [
    *((name,) for name in OPTIONAL),
    *itertools.combinations(OPTIONAL[:5], 2), tuple(OPTIONAL)],
    ids="-".join)
def test_any_variable_may_be_missing(shared, missing):
    values = fcgi_client.environ("/nope", "x=1",
                                 **{name: None for name in missing})
    with shared.client() as client:
        client.send(fcgi_client.request(values))
        answer = client.recv_end(fcgi_client.Answer())
    assert answer.end == (0, 0)
    assert answer.status[:3] in ("400", "404", "405", "200", "308")


@pytest.mark.parametrize("length", ["", "0", "-1", "x", "00", None,
                                    "99999999999999999999"])
def test_content_length_is_not_believed(shared, length):
    answer = shared.ask("/nope", CONTENT_LENGTH=length)
    assert answer.body == b"404 Not Found: /nope\n"
    answer = shared.ask("/nope", method="POST", body=b"12345",
                        CONTENT_LENGTH=length)
    assert answer.status in ("404 Not Found", "405 Method Not Allowed")
