"""The route is found whatever the web server makes of the path."""

import itertools

import pytest

import fcgi_client
from checks import check_404, check_short

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
# Which of them say what of the path is the mount point.
TOLD = {"apache SetHandler", "mod_fcgid", "mod_cgid", "lighttpd mod_fastcgi",
        "lighttpd mod_cgi", "haproxy", "caddy with split"}
PATHS = {
    "/clock": b"Content-Type: text/event-stream\r\n",
    "/server-sent-events": b"Content-Type: text/event-stream\r\n",
    "/stream": b"Content-Type: text/event-stream\r\n",
    "/counter": b"Content-Type: text/event-stream\r\n",
    "/": b"Content-Type: text/html; charset=utf-8\r\n",
    "/page.js": b"Content-Type: text/javascript; charset=utf-8\r\n",
    "/nope": b"Status: 404 Not Found\r\n",
}
# They end like a route, or look like one, and are none.
NO_PATHS = ["/x/metrics", "/x/y/events", "/a//metrics", "//metrics", "/nope/",
            "/clock/", "/clockx", "/xclock", "/CLOCK", "/clock/x", "/x/"]


def variables(server, mount, path, query=""):
    script_name, path_info = SERVERS[server]

    def fill(text):
        return text and text.format(mount=mount, path=path)

    return {"SCRIPT_NAME": fill(script_name), "PATH_INFO": fill(path_info),
            "REQUEST_URI": mount + path + ("?" + query if query else ""),
            "QUERY_STRING": query}


def check_paths(process, server, mount):
    for path, expected in PATHS.items():
        answer = process.ask(method="HEAD", **variables(server, mount, path))
        assert expected in answer.head, path
        assert answer.end == (0, 0)
    for path in NO_PATHS:
        for method in "GET", "HEAD", "POST", "OPTIONS":
            answer = process.ask(method=method, REMOTE_ADDR="127.0.0.1",
                                 **variables(server, mount, path))
            assert answer.status == "404 Not Found", path


@pytest.mark.parametrize("server", SERVERS)
def test_the_route_without_a_mount(shared, server):
    mount = "/app" if server in TOLD else ""
    check_paths(shared, server, mount)


@pytest.mark.parametrize("mount", ["/app", "/a/deep/mount"])
def test_the_route_behind_the_mount_of_the_option(fcgi_sse, mount):
    process = fcgi_sse("--mount", "/other/", "--mount", mount)
    for server in SERVERS:
        if "{mount}." not in (SERVERS[server][0] or ""):
            check_paths(process, server, mount)
    for server in SERVERS:
        for wrong in "/wrong", "/x" + mount, mount + "x", mount + mount, "":
            answer = process.ask(method="HEAD",
                                 **variables(server, wrong, "/clock"))
            assert answer.status == "404 Not Found", (server, wrong)


@pytest.mark.parametrize("mount", [[], ["--mount", "/app"]])
def test_what_apache_makes_of_a_url(fcgi_sse, mount):
    """SetHandler parts it behind the first folder that is none; Action names
    a program that acts for all of it."""
    process = fcgi_sse(*mount, "--mount", "/live/sse")
    for script, info, uri in (
            ("/live", "/sse/clock", "/live/sse/clock"),
            ("/cgi-bin/sse.fcgi", "/live/sse/clock", "/live/sse/clock?x=1")):
        answer = process.ask(method="HEAD", SCRIPT_NAME=script, PATH_INFO=info,
                             REQUEST_URI=uri)
        assert answer.status == "200 OK"
    answer = process.ask(SCRIPT_NAME="/cgi-bin/sse.fcgi", PATH_INFO="/clock",
                         REQUEST_URI="/cgi-bin/sse.fcgi/clock")
    check_404(answer, "/cgi-bin/sse.fcgi/clock")


@pytest.mark.parametrize("server", sorted(set(SERVERS) - TOLD))
@pytest.mark.parametrize("mount, path", [
    ("/app", "/clock"), ("/app", "/"), ("/app", "/status/events"),
    ("/a/b", "/events")])
def test_the_404_below_an_unknown_mount_says_what_to_set(
        shared, server, mount, path):
    answer = shared.ask(**variables(server, mount, path))
    check_short(answer, "404 Not Found",
                f"404 Not Found: {mount}{path}. If this is mounted at "
                f"{mount}, have the web server say so by PATH_INFO, or the "
                "option mount\n")
    check_404(shared.ask(**variables(server, mount, "/nope")),
              mount + "/nope")


def test_mercure_is_at_the_root_as_well(fcgi_sse):
    process = fcgi_sse("--mount", "/app")
    for script_name, path_info in (
            ("/.well-known/mercure", None), ("", "/.well-known/mercure"),
            ("/.well-known", "/mercure"), ("/app/.well-known/mercure", None)):
        answer = process.ask(
            method="HEAD", query="topic=t", SCRIPT_NAME=script_name,
            PATH_INFO=path_info)
        assert answer.status == "200 OK"


@pytest.mark.parametrize("server", SERVERS)
def test_the_query_arrives(fcgi_sse, server):
    mount = [] if server in TOLD else ["--mount", "/app"]
    changes = variables(server, "/app", "/counter",
                        "count=1&interval=100ms&format=text")
    answer = fcgi_sse(*mount).ask(**changes)
    assert answer.body == b"1\n"


def test_a_query_is_taken_from_nowhere_but_query_string(shared):
    answer = shared.ask("/clock", method="HEAD", QUERY_STRING="",
                        REQUEST_URI="/app/clock?interval=nonsense")
    assert answer.status == "200 OK"


def test_the_mount_may_be_named_as_a_route_is(shared):
    answer = shared.ask("/counter", "count=1&format=text", mount="/clock")
    assert answer.body == b"1\n"
    check_404(shared.ask("/nope", mount="/clock"), "/clock/nope")


@pytest.mark.parametrize("query", ["", "x=1"])
def test_a_script_named_without_a_slash_is_sent_to_its_slash(shared, query):
    answer = shared.ask(query=query, SCRIPT_NAME="/cgi-bin/sse.cgi",
                        PATH_INFO=None, REQUEST_URI="/cgi-bin/sse.cgi",
                        SCRIPT_FILENAME="/srv/cgi-bin/sse.cgi")
    assert answer.status == "308 Permanent Redirect"
    assert answer.headers["Location"] == "./sse.cgi/"


def test_a_mount_named_without_a_slash_is_sent_to_its_slash(fcgi_sse):
    process = fcgi_sse("--mount", "/live/sse")
    for script, info in (("/live/sse", None), ("", "/live/sse"),
                         ("/live", "/sse")):
        answer = process.ask(SCRIPT_NAME=script, PATH_INFO=info)
        assert answer.status == "308 Permanent Redirect"
        assert answer.headers["Location"] == "./sse/"


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
