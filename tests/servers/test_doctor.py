"""fcgi-sse doctor against each deployment: with all in place it finds nothing,
and with a directive taken out it names that one.

The sites run several at a time, since most of it is waiting.
"""

import concurrent.futures
import json
import socket
import subprocess

import pytest

from doctor_cases import BY_NAME, CASES, WATCH, Case
from place import Place
from responder import BINARY, SANITIZER_REPORT, clean_environ, free_port
from servers import Site
from test_hub import add_options
from test_proxy import ApacheHttpProxy, NginxProxy
from test_tokens import add_keys

AT_ONCE = 6


def fit(place, case):
    """Has the place's files changed as the case says."""
    plain_fitted = place.fitted
    done = set()

    def fitted(text):
        text = plain_fitted(text)
        for old, new in case.changes:
            if plain_fitted(old) in text:
                text = text.replace(plain_fitted(old), new)
                done.add(old)
        return text

    place.fitted = fitted
    place.set_environ(FCGI_SSE_HEARTBEAT=case.heartbeat)
    return done


def reframe(server, old, new):
    """Has the frame around the server's file changed."""
    plain_frame = server.frame

    def frame():
        text = plain_frame()
        assert old in text
        return text.replace(old, new)

    server.frame = frame


def doctor(*args, **env):
    return subprocess.run([BINARY, "doctor", *args], text=True, timeout=100,
                          capture_output=True, env=clean_environ(env))


def examine(case):
    """The doctor's exit status and what it said, about that case's site."""
    site = Site(case.front)
    add_options(site.place)
    if case.has_tokens:
        add_keys(site.place)
    done = fit(site.place, case)
    if case.frame:
        reframe(site.server, *case.frame)
    with site:
        assert done == {old for old, _ in case.changes}
        port = getattr(site.server, "tls_port", None)
        where = f"https://localhost:{port}" if port else \
            f"http://localhost:{site.server.port}"
        result = doctor("--json", "--insecure", *case.args,
                        where + case.front.prefix)
    return result


@pytest.fixture(scope="module")
def results(request):
    """Of each case that was chosen, when it has come to its end."""
    chosen = [item.callspec.params["case"] for item in request.session.items
              if item.function is test_deployment]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        yield {case: pool.submit(examine, case) for case in chosen}


# That mod_fcgid has stopped a process looks like an option's stream-lifetime,
# since nothing tells Apache's modules apart: the report only mentions it.
MENTIONED = "apache-fcgid-cut-FcgidBusyTimeout"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_deployment(results, case):
    result = results[case].result()
    assert not SANITIZER_REPORT.search(result.stderr), result.stderr
    assert result.stderr == ""
    report = json.loads(result.stdout)
    bad = {finding["check"]: finding for finding in report["findings"]
           if finding["level"] == "bad"}
    if case.name == MENTIONED:
        saw, = [finding["saw"] for finding in report["findings"]
                if finding["check"] == case.finds]
        assert case.directive in saw and not bad, result.stdout
        return
    expected = {case.finds, *case.also} if case.finds else set()
    assert set(bad) == expected, result.stdout
    assert report["bad"] == len(bad)
    assert result.returncode == (1 if bad else 0)
    if case.finds:
        assert case.directive in [advice["directive"] for advice
                                  in bad[case.finds]["advice"]], bad
        assert bad[case.finds]["see"] == f"web-servers.md#{case.finds}"


@pytest.fixture(name="site", scope="module")
def fixture_site():
    site = Site(BY_NAME["lighttpd-external"])
    add_options(site.place)
    with site:
        yield site


def test_report_for_people(site):
    url = f"http://localhost:{site.server.port}/sse/clock?interval=1s#x"
    result = doctor("--quick", "-v", url)
    assert result.returncode == 0, result.stdout
    first, *lines, last = result.stdout.splitlines()
    assert first == "The web server is lighttpd, as it behaves."
    assert {line.split()[0] for line in lines} <= {"ok", "unknown"}
    assert last == "Nothing is wrong."
    assert result.stderr.splitlines()[0] == \
        "measuring whether fcgi-sse answers"


def through(site, proxy_class, number, old, new, args=("--quick",)):
    """What the doctor says through a proxy whose file is changed so."""
    place = Place()
    proxy = proxy_class(place, number, site.server.port, True)
    fragment = place.dir / "fragment.conf"
    assert old in fragment.read_text()
    fragment.write_text(fragment.read_text().replace(old, new))
    try:
        proxy.start()
        result = doctor(*args, f"http://localhost:{proxy.port}/sse/")
    finally:
        proxy.stop()
    place.remove()
    return result


def test_proxy_in_front_is_named(site):
    result = through(site, ApacheHttpProxy, 1, "ProxyPass", "ProxyPass")
    assert result.returncode == 0
    assert result.stdout.startswith(
        "The web server is lighttpd, behind Apache mod_proxy_fcgi, ")


def test_proxy_that_collects(site):
    result = through(site, NginxProxy, 0, "proxy_buffering off;",
                     "proxy_ignore_headers X-Accel-Buffering;")
    assert result.returncode == 1
    assert "nginx: proxy_buffering off (" in result.stdout
    assert "see web-servers.md#late-events\n" in result.stdout


def test_proxy_that_takes_a_field(site):
    result = through(site, NginxProxy, 0, "proxy_buffering off;",
                     "proxy_buffering off;"
                     'proxy_set_header Last-Event-ID "";')
    assert result.returncode == 1
    assert "nginx: proxy_set_header Last-Event-ID (" in result.stdout
    assert "see web-servers.md#last-event-id\n" in result.stdout


@pytest.mark.parametrize("old, new, directive, check", [
    ("proxy_set_header Host $http_host;", "",
     "proxy_set_header Host $http_host", "host"),
    ("proxy_buffering off;",
     "proxy_buffering off; proxy_pass_request_body off;",
     "proxy_pass_request_body on", "posts"),
    ("proxy_buffering off;",
     'proxy_buffering off; proxy_set_header Authorization "";',
     "proxy_set_header Authorization", "authorization")])
def test_proxy_that_keeps_something_back(site, old, new, directive, check):
    result = through(site, NginxProxy, 0, old, new)
    assert result.returncode == 1
    assert f"nginx: {directive} (" in result.stdout
    assert f"see web-servers.md#{check}\n" in result.stdout
    assert "1 of" in result.stdout.splitlines()[-1]


def test_proxy_that_names_itself(site):
    result = through(site, ApacheHttpProxy, 1, "ProxyPreserveHost On", "")
    assert result.returncode == 1
    assert "Apache mod_proxy_fcgi: ProxyPreserveHost On (" in result.stdout
    assert "see web-servers.md#host\n" in result.stdout


def test_proxy_that_cuts():
    """Before a heartbeat comes, which is a minute here."""
    case = Case("lighttpd-external", heartbeat="1m")
    site = Site(case.front)
    add_options(site.place)
    fit(site.place, case)
    with site:
        result = through(site, NginxProxy, 0, "proxy_buffering off;",
                         "proxy_buffering off; proxy_read_timeout 2s;", WATCH)
    assert result.returncode == 1
    assert "nginx: proxy_read_timeout (" in result.stdout
    assert "see web-servers.md#idle\n" in result.stdout


@pytest.mark.parametrize("args, words", [
    ([], "URL is missing"),
    (["http://localhost/", "more"], "more is one argument too many"),
    (["localhost/sse/"], "localhost/sse/ has no scheme: it begins with"),
    (["ftp://localhost/"], "is neither an http nor an https URL"),
    (["http://me:secret@localhost/"], "holds a user"),
    (["http://localhost:99999/"], "is no URL: "),
    (["http://a b/"], "is no URL: "),
    (["--slow", "http://localhost/"], "--slow is not an option"),
    (["unix:/run/s"], "is neither an http nor an https URL"),
    (["--quick", "--watch", "5s", "http://localhost/"],
     "--quick and --watch exclude each other"),
    (["--quick=1", "http://localhost/"], "--quick=1 is not an option"),
    (["--watch", "7", "http://localhost/"], "--watch takes a duration"),
    (["--watch"], "--watch takes an argument")])
def test_wrong_command_line(args, words):
    result = doctor(*args)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("fcgi-sse doctor: ")
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1


def unreached(url, words, **env):
    result = doctor("--quick", url, **env)
    assert (result.returncode, result.stdout) == (3, "")
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_what_is_not_there(site):
    server = f"localhost:{site.server.port}"
    unreached(f"http://localhost:{free_port()}/sse/",
              "Connection refused; no web server listens there")
    unreached(f"https://{server}/sse/", "TLS: ")
    unreached(f"http://{server}/", "404: fcgi-sse is not mounted there")
    unreached(f"http://{server}/sse/nope/", "404 Not Found: /sse/nope/counter")
    unreached("http://no-such-host.invalid/sse/", "Could not resolve host")


def test_what_does_not_speak_http():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        with concurrent.futures.ThreadPoolExecutor() as pool:
            running = pool.submit(
                unreached, f"http://127.0.0.1:{listening.getsockname()[1]}/",
                "does not speak HTTP")
            conn, _ = listening.accept()
            conn.recv(4096)
            conn.sendall(b"220 mail.example.org ESMTP\x1b[2J\r\n")
            conn.close()
            running.result()


def test_what_is_behind_is_not_running():
    site = Site(BY_NAME["nginx"])
    try:
        site.server.start()         # and not fcgi-sse
        unreached(f"http://localhost:{site.server.port}/sse/",
                  "502: the web server cannot reach fcgi-sse")
    finally:
        site.server.stop()
    site.place.remove()


def test_certificate_that_is_not_trusted():
    with Site(BY_NAME["nginx-tls"]) as site:
        unreached(f"https://localhost:{site.server.tls_port}/sse/",
                  "--insecure accepts it")


def test_full_disk(site):
    with open("/dev/full", "w") as full:
        result = subprocess.run(
            [BINARY, "doctor", "--quick",
             f"http://localhost:{site.server.port}/sse/"], stdout=full,
            stderr=subprocess.PIPE, text=True, env=clean_environ())
    assert result.returncode == 3
    assert "standard output: No space left on device" in result.stderr
