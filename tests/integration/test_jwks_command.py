"""fcgi-sse jwks: a set of keys comes whole, from where it is safe, or the file
stays as it was.
"""

import contextlib
import http.server
import json
import os
import pathlib
import ssl
import subprocess
import threading

import pytest

from responder import run

KEY = {"kty": "OKP", "crv": "Ed25519", "kid": "1",
       "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
SET = json.dumps({"keys": [KEY]}).encode()


@contextlib.contextmanager
def issuer(body=SET, status=200, headers=(), certificate=None):
    """A server that answers each request so; gives its port."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(name="file")
def fixture_file(tmp_path):
    path = tmp_path / "keys.json"
    path.write_text("old")
    return path


def fetch(port, file, *options, scheme="http", host="127.0.0.1"):
    return run("jwks", *options, f"{scheme}://{host}:{port}/keys", str(file))


def test_replaces_the_file_once(file):
    with issuer() as port:
        done = fetch(port, file)
        assert (done.returncode, done.stdout) == (0, f"{file}: 1 keys\n")
        assert file.read_bytes() == SET
        assert file.stat().st_mode & 0o777 == 0o644
        again = fetch(port, file, host="localhost")
        assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert os.listdir(file.parent) == ["keys.json"]


def test_replaces_what_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "keys.json")
    with issuer() as port:
        done = fetch(port, tmp_path / "keys.json")
    assert done.returncode == 0
    assert (tmp_path / "keys.json").read_bytes() == SET


def test_makes_the_file(tmp_path):
    with issuer() as port:
        assert fetch(port, tmp_path / "new").returncode == 0
    assert (tmp_path / "new").read_bytes() == SET


@pytest.mark.parametrize("options, why", [
    ({"status": 404}, "404"), ({"status": 500}, "500"),
    ({"status": 302, "headers": [("Location", "/other")]}, "leads to"),
    ({"body": b"<html>"}, "no JWK Set"), ({"body": b""}, "no JWK Set"),
    ({"body": b'{"keys":[]}'}, "no JWK Set"),
    ({"body": b'{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}'}, "no JWK Set"),
    ({"body": json.dumps({"keys": [{**KEY, "d": "x"}]}).encode()},
     "no JWK Set"),
    ({"body": SET[:-2]}, "no JWK Set"),
    ({"body": b" " * 300000}, "256 KiB"),
    ({"headers": [("Content-Length", "300000")]}, "256 KiB"),
    ({"headers": [("Content-Length", "1000")]}, "keys")],
    ids=["404", "500", "302", "HTML", "empty", "no key", "secret", "private",
         "cut", "long", "long by its head", "shorter than its head"])
def test_what_is_not_taken(file, options, why):
    with issuer(**options) as port:
        done = fetch(port, file)
    assert done.returncode == 1
    assert done.stdout == "" and why in done.stderr
    assert done.stderr.startswith("fcgi-sse jwks: ")
    assert file.read_text() == "old"
    assert os.listdir(file.parent) == ["keys.json"]


@pytest.mark.parametrize("url", [
    "http://issuer.example/keys", "http://127.0.0.1.issuer.example/keys",
    "http://localhost@issuer.example/keys", "file:///etc/passwd",
    "http://localhost:80@issuer.example/", "ftp://localhost/keys", "keys"])
def test_unsafe_urls(file, url):
    done = run("jwks", url, str(file))
    assert done.returncode == 2 and url in done.stderr
    assert file.read_text() == "old"


@pytest.mark.parametrize("args", [[], ["https://e"], ["a", "b", "c"],
                                  ["--timeout", "x", "https://e", "f"],
                                  ["--nothing"]])
def test_usage(args):
    assert run("jwks", *args).returncode == 2


def test_help():
    done = run("jwks", "--help")
    assert done.returncode == 0 and "--ca FILE" in done.stdout


def test_folder_that_cannot_be_written(tmp_path):
    with issuer() as port:
        done = fetch(port, tmp_path / "missing" / "keys.json")
    assert done.returncode == 1 and "missing" in done.stderr


def test_https_with_its_certificate(file, tmp_path):
    certificate = tmp_path / "tls.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:P-256", "-nodes", "-keyout", tmp_path / "key",
         "-out", tmp_path / "cert", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost"],
        check=True, capture_output=True)
    certificate.write_text((tmp_path / "key").read_text()
                           + (tmp_path / "cert").read_text())
    with issuer(certificate=certificate) as port:
        refused = fetch(port, file, scheme="https", host="localhost")
        assert refused.returncode == 1 and file.read_text() == "old"
        done = fetch(port, file, "--ca", str(tmp_path / "cert"),
                     scheme="https", host="localhost")
        assert done.returncode == 0, done.stderr
        # The name counts as well.
        other = fetch(port, pathlib.Path(tmp_path / "x"), "--ca",
                      str(tmp_path / "cert"), scheme="https")
        assert other.returncode == 1
    assert file.read_bytes() == SET


@pytest.mark.parametrize("args, words", [
    ([], "URL and FILE are the two arguments"),
    (["https://x/"], "URL and FILE are the two arguments"),
    (["--nope", "https://x/", "f"], "--nope is not an option"),
    (["--timeout"], "--timeout takes an argument"),
    (["--timeout", "5", "https://x/", "f"], "--timeout takes a duration")])
def test_usage(args, words):
    done = run("jwks", *args)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (f"fcgi-sse jwks: {words}"
                           + done.stderr.split(words, 1)[1])
    assert done.stderr.endswith("; see fcgi-sse jwks --help\n")
    assert done.stderr.count("\n") == 1
