"""The answers that are over at once: every row of the table, to the byte."""

import pathlib
import re

import pytest

import responder
from checks import check_404, check_form, check_short

PAGE = pathlib.Path(responder.ROOT / "src" / "page")
PAGE_FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/subscribers.js": ("subscribers.js", "text/javascript; charset=utf-8"),
}
ENDPOINTS = ["/", "/clock", "/server-sent-events", "/stream", "/counter"]
INTERVAL_ERROR = ("interval takes a duration from 100ms to 1h, "
                  "such as 500ms, 2s or 1m")
FORMAT_ERROR = "format takes js, iso, http or unix"
COUNT_ERROR = "count takes a number from 1 to 1000000"


# Errors

def test_another_path_is_named(shared):
    check_404(shared.ask("/nope"), "/nope")


@pytest.mark.parametrize("path, named", [
    ("/a b", "/a%20b"),
    ("/<script>alert('x')</script>",
     "/%3Cscript%3Ealert(%27x%27)%3C/script%3E"),
    ('/"&%', "/%22%26%25"),
    ("/\x1b[31m\r\nSet-Cookie: x", "/%1B[31m%0D%0ASet-Cookie%3A%20x"),
    (b"/\xc3\xa9\xff", "/%C3%A9%FF"),
    ("/\x7f", "/%7F"),
])
def test_404_names_a_hostile_path_safely(shared, path, named):
    answer = shared.ask(PATH_INFO=path, REQUEST_URI="/x")
    check_404(answer, named)


@pytest.mark.parametrize("path", ["/" + "n" * 5000, "/" + "\xe9" * 5000],
                         ids=["ASCII", "escaped"])
def test_404_cuts_a_long_path(shared, path):
    answer = shared.ask(path)
    body = answer.body.decode("ascii")
    check_short(answer, "404 Not Found", body)
    assert body.startswith("404 Not Found: /") and body.endswith("\n")
    named = re.fullmatch(r"404 Not Found: ((?:[!-$(-;=-~]|%[0-9A-F]{2})+)"
                         r"\.\.\.\n", body).group(1)
    assert len(re.sub("%..", "x", named)) <= 200


@pytest.mark.parametrize("path", ENDPOINTS)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "get",
                                    "TRACE", "BREW"])
def test_another_method_is_405_with_allow(shared, path, method):
    check_short(shared.ask(path, method=method), "405 Method Not Allowed",
                f"405 Method Not Allowed: {method}; there are GET, HEAD, "
                "OPTIONS\n",
                Allow="GET, HEAD, OPTIONS")


def test_a_body_that_comes_along_changes_nothing(shared):
    answer = shared.ask("/clock", method="POST", body=b"x" * 100000)
    check_short(answer, "405 Method Not Allowed",
                "405 Method Not Allowed: POST; there are GET, HEAD, OPTIONS\n",
                Allow="GET, HEAD, OPTIONS")
    answer = shared.ask("/nope", method="GET", body=b"y" * 100000)
    check_404(answer, "/nope")


@pytest.mark.parametrize("path", ["/clock", "/server-sent-events",
                                  "/counter"])
@pytest.mark.parametrize("value", [
    "99ms", "0", "0s", "3601s", "3600001ms", "61m", "2h", "1d", "1", "1000",
    "", "-1s", "%2B1s", "1.5s", "1e3ms", "1S", "1s+", "+1s", "1s%00", "s",
    "99999999999999999999ms", "18446744073709552ms", "1s;2s"])
def test_a_bad_interval_is_400(shared, path, value):
    check_short(shared.ask(path, "interval=" + value), "400 Bad Request",
                f"400 Bad Request: {INTERVAL_ERROR}\n")


@pytest.mark.parametrize("value", ["", "JS", "json", "js%20", "iso%00",
                                   "%C3%A9"])
def test_a_bad_format_is_400(shared, value):
    for path in ("/clock", "/server-sent-events"):
        check_short(shared.ask(path, "format=" + value), "400 Bad Request",
                    f"400 Bad Request: {FORMAT_ERROR}\n")


@pytest.mark.parametrize("value", ["", "0", "1000001", "-1", "%2B5", "ten",
                                   "1.0", "5%00", "99999999999999999999"])
def test_a_bad_count_is_400(shared, value):
    check_short(shared.ask("/counter", "count=" + value), "400 Bad Request",
                f"400 Bad Request: {COUNT_ERROR}\n")


@pytest.mark.parametrize("value", ["", "js", "iso", "SSE", "texts"])
def test_a_bad_counter_format_is_400(shared, value):
    check_short(shared.ask("/counter", "format=" + value), "400 Bad Request",
                "400 Bad Request: format takes sse or text\n")


@pytest.mark.parametrize("query", [
    "interval=1s&interval=1s", "format=js&x=1&format=js", "interval=1%",
    "interval=%zzs", "interval=1s&format=%4", "format=%"])
def test_a_spoilt_query_is_400(shared, query):
    answer = shared.ask("/clock", query)
    check_short(answer, "400 Bad Request", answer.body.decode())
    assert re.fullmatch(rb"400 Bad Request: [ -~]+\n", answer.body)


@pytest.mark.parametrize("path", ENDPOINTS)
def test_unknown_parameters_are_ignored(shared, path):
    answer = shared.ask(path, "_=1&utm=%C3%A9&interval=1s", method="HEAD")
    assert answer.status == "200 OK"


# HEAD

@pytest.mark.parametrize("path, query", [
    ("/nope", ""), ("/clock", "interval=1"), ("/counter", "count=x")])
def test_head_of_an_error_is_its_head_alone(shared, path, query):
    got, head = shared.ask(path, query), shared.ask(path, query,
                                                    method="HEAD")
    check_form(head)
    assert head.headers == got.headers
    assert head.body == b""


@pytest.mark.parametrize("path", PAGE_FILES)
def test_head_of_a_page_file_is_its_head_alone(shared, path):
    got, head = shared.ask(path), shared.ask(path, method="HEAD")
    check_form(head)
    assert head.head == got.head
    assert head.body == b""


# The page

@pytest.mark.parametrize("path", PAGE_FILES)
def test_a_page_file_arrives_as_it_was_built(shared, path):
    name, content_type = PAGE_FILES[path]
    content = (PAGE / name).read_bytes()
    answer = shared.ask(path)
    check_form(answer)
    assert answer.headers["Content-Type"] == content_type
    assert answer.headers["Content-Length"] == str(len(content))
    assert "Status" not in answer.headers
    assert answer.body == content


def test_the_page_may_load_what_we_serve_and_nothing_else(shared):
    policy = shared.ask("/").headers["Content-Security-Policy"]
    assert policy.split(";")[0] == "default-src 'self'"
    text = (PAGE / "index.html").read_text()
    assert not re.search(r"""(?:src|href)=["']?(?:/|https?://[^"']*\.js)""",
                         text)


@pytest.mark.parametrize("path", PAGE_FILES)
def test_a_page_file_that_is_known_is_304(shared, path):
    tag = shared.ask(path).headers["ETag"]
    assert re.fullmatch(r'"[\x21\x23-\x7e]+"', tag)
    for known in (tag, "*", "W/" + tag, f'"other", {tag}', f'"a",{tag} , "b"'):
        for method in ("GET", "HEAD"):
            answer = shared.ask(path, method=method,
                                HTTP_IF_NONE_MATCH=known)
            check_form(answer)
            assert answer.status == "304 Not Modified", known
            assert answer.headers["ETag"] == tag
            assert answer.body == b""


@pytest.mark.parametrize("path", PAGE_FILES)
def test_a_page_file_that_changed_is_sent(shared, path):
    tag = shared.ask(path).headers["ETag"]
    for known in ('"other"', 'W/"other"', "", tag[:-1], tag.strip('"'),
                  f'"x{tag[1:]}', "x" * 5000):
        answer = shared.ask(path, HTTP_IF_NONE_MATCH=known)
        assert answer.status == "200 OK", known
        assert answer.body


# Cross-origin requests

ORIGINS = ["https://a.example", "https://b.example:8443"]
CORS_CASES = [
    ([], "https://a.example", None, None),
    ([], None, None, None),
    (ORIGINS, "https://a.example", "https://a.example", "Origin"),
    (ORIGINS, "https://b.example:8443", "https://b.example:8443", "Origin"),
    (ORIGINS, "https://b.example", None, "Origin"),
    (ORIGINS, "http://a.example", None, "Origin"),
    (ORIGINS, "https://a.example.evil", None, "Origin"),
    (ORIGINS, "null", None, "Origin"),
    (ORIGINS, "", None, "Origin"),
    (ORIGINS, None, None, "Origin"),
    (["*"], "https://c.example", "*", "Origin"),
    (["*"], None, "*", "Origin"),
]


@pytest.mark.parametrize("allowed, origin, expected, vary", CORS_CASES)
def test_the_allowed_origins_may_read(fcgi_sse, allowed, origin, expected,
                                      vary):
    process = fcgi_sse(*(word for item in allowed
                         for word in ("--allow-origin", item)))
    for path in ("/clock", "/stream", "/counter"):
        answer = process.ask(path, method="HEAD", HTTP_ORIGIN=origin)
        check_form(answer)
        assert answer.headers.get("Access-Control-Allow-Origin") == expected
        assert answer.headers.get("Vary") == vary


@pytest.mark.parametrize("allowed, origin, expected, _", CORS_CASES)
def test_preflight(fcgi_sse, allowed, origin, expected, _):
    process = fcgi_sse(*(word for item in allowed
                         for word in ("--allow-origin", item)))
    for path in ENDPOINTS:
        answer = process.ask(
            path, method="OPTIONS", HTTP_ORIGIN=origin,
            HTTP_ACCESS_CONTROL_REQUEST_METHOD="GET",
            HTTP_ACCESS_CONTROL_REQUEST_HEADERS="last-event-id")
        check_form(answer)
        headers = answer.headers
        assert answer.status == "204 No Content"
        assert answer.body == b""
        assert headers.get("Allow") == "GET, HEAD, OPTIONS"
        assert headers.get("Access-Control-Allow-Origin") == expected
        assert headers["Vary"] == "Origin"
        if expected:
            assert headers["Access-Control-Allow-Methods"] == \
                "GET, HEAD, OPTIONS"
            assert headers["Access-Control-Allow-Headers"] == \
                "last-event-id"
