"""Cookies with tokens at a hub of another site, over TLS, in three engines:
which of them come to the hub is what doc/access.md says.

Each way to set a cookie has a hub of its own name. Names below "localhost" are
sites of their own, and lead to this machine in every engine.
"""

import hashlib
import json
import pathlib
import re
import shutil
import ssl
import urllib.parse

import pytest

import engines
from responder import ROOT, free_port
from secure import make_certificate
from sites import Site
from tokens import key_args, old

PAGES = pathlib.Path(__file__).resolve().parent / "pages"
NONE = "Path=/sse/; HttpOnly; Secure; SameSite=None"

# How the hub of that name sets its cookie: while it is visited itself, or when
# the page of the other site asks it to.
VISITED = {"visited": NONE, "lax": NONE.replace("None", "Lax")}
ASKED = {"asked": NONE, "partitioned": f"{NONE}; Partitioned"}
NAMES = [*VISITED, *ASKED, "without"]

# The rows of the document's table: engine, arguments, files in the profile.
ALLOWED = json.dumps({"profile": {"cookie_controls_mode": 0}})
ROWS = {
    "Chromium": ("chromium", [], {}),
    "Chromium that allows cookies of other sites":
        ("chromium", [], {"Default/Preferences": ALLOWED}),
    "Firefox ESR": ("firefox", [], {}),
    "WebKitGTK": ("webkit", [], {}),
    "WebKitGTK with tracking prevention, as Safari":
        ("webkit", ["--enable-itp"], {}),
}
COLUMNS = ["visited", "asked", "partitioned"]


class Hubs(Site):
    def __init__(self):
        super().__init__()
        self.tls_port = free_port()
        self.page_origin = self.origin("app")
        self.certificate = make_certificate(self.dir / "both.pem",
                                            self.dir)
        self.args = [*key_args(self.dir, dialects="07"), "--public-topic",
                     "found", "--allow-origin", self.page_origin]
        for name in "visit.html", "cross.html":
            shutil.copy(PAGES / name, self.dir)
        (self.dir / "set.html").write_text("set")

    def host(self, name):
        return f"{name}.localhost:{self.tls_port}"

    def origin(self, name):
        return f"https://{self.host(name)}"

    def first_url(self):
        """Each hub that is to be visited, one after the other, then the page.
        """
        visits = [f"{self.origin(name)}/visit.html" for name in VISITED]
        query = [("hub", self.host(name)) for name in NAMES] \
            + [("set", name) for name in ASKED] \
            + [("next", url) for url in
               [*visits[1:], f"{self.page_origin}/cross.html"]]
        return f"{visits[0]}?{urllib.parse.urlencode(query)}"

    def set_cookie(self, name, page, attributes):
        token = old(publish=[], subscribe=["/topic"])
        return f"""
            $HTTP["host"] == "{self.host(name)}" {{
                $HTTP["url"] =~ "^/{page}" {{
                    setenv.add-response-header = (
                        "Set-Cookie" =>
                            "mercureAuthorization={token}; {attributes}",
                        "Access-Control-Allow-Origin" => "{self.page_origin}",
                        "Access-Control-Allow-Credentials" => "true" )
                }}
            }}
            """

    def conf(self):
        return super().conf() + f"""
            server.modules += ( "mod_openssl", "mod_setenv" )
            $SERVER["socket"] == "127.0.0.1:{self.tls_port}" {{
                ssl.engine = "enable"
                ssl.pemfile = "{self.dir}/both.pem"
            }}
            """ + "".join(
                [self.set_cookie(name, "visit.html", attributes)
                 for name, attributes in VISITED.items()]
                + [self.set_cookie(name, "set.html", attributes)
                   for name, attributes in ASKED.items()])

    def overrides(self):
        """What lets Firefox trust the certificate."""
        der = ssl.PEM_cert_to_DER_cert(self.certificate)
        digest = hashlib.sha256(der).hexdigest().upper()
        print_of = ":".join(digest[i:i + 2] for i in range(0, 64, 2))
        return "".join(
            f"{self.host(name)}:\tOID.2.16.840.1.101.3.4.2.1\t{print_of}\t\n"
            for name in [*NAMES, "app"])


@pytest.fixture(name="site", scope="module")
def fixture_site():
    site = Hubs()
    try:
        site.start_responder()
        site.start_lighttpd()
        yield site
    finally:
        site.stop()


def found_by(site, engine, arguments, files):
    """What the page in that engine publishes when it is done."""
    trust = {"chromium": ["--ignore-certificate-errors"],
             "webkit": ["--ignore-tls-errors"]}.get(engine, [])
    return engines.found(site, lambda: engines.Engine(
        engine, site.first_url(), *trust, *arguments,
        files={"cert_override.txt": site.overrides(), **files}))


def documented():
    """By the name of the browser, in the order of COLUMNS: yes or no."""
    text = (ROOT / "doc" / "access.md").read_text()
    section = text.split("## A hub of another site\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| ([A-Z].*?) \| [\d.]+"
                      + r" \| (yes|no)" * len(COLUMNS) + r" \|$",
                      section, re.M)
    return {name: cells for name, *cells in rows}


def test_document_has_each_row():
    assert list(documented()) == list(ROWS)


@pytest.mark.parametrize("row", ROWS)
def test_as_documented(site, row):
    engine, arguments, files = ROWS[row]
    if not engines.is_there(engine):
        pytest.skip(f"{engine} is not installed")
    found = found_by(site, engine, arguments, files)
    assert [{"open": "yes", "refused": "no"}.get(found.pop(name, found))
            for name in COLUMNS] == documented()[row]
    assert found == {"lax": "refused", "without": "refused"}
