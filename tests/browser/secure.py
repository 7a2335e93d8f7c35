"""A site with TLS under several names, and a Chromium that knows these."""

import pathlib
import subprocess
import tempfile

from responder import free_port
from sites import Relay, Site
from tokens import key_args

HUB = "hub.test"                # its sister www.hub.test is of the same site
ALLOWED = ["www.hub.test", "app.test"]
CHROMIUM_ARGUMENTS = ["--host-resolver-rules=MAP *.test 127.0.0.1",
                      "--ignore-certificate-errors"]
# Cookies of another site are sent, which without a window is not the default.
CHROMIUM_PREFERENCES = {"profile__cookie_controls_mode": 0}


def make_certificate(pem, directory):
    """Writes a key and its certificate to a file; gives the certificate."""
    with tempfile.TemporaryDirectory(dir=directory) as work:
        key, cert = pathlib.Path(work, "key"), pathlib.Path(work, "cert")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={HUB}",
             "-days", "2", "-keyout", str(key), "-out", str(cert)],
            check=True, capture_output=True)
        pem.write_text(key.read_text() + cert.read_text())
        return cert.read_text()


class SecureSite(Site):
    """Its pages and its hub, by HTTPS, at every name that ends in .test."""

    def __init__(self, *args):
        super().__init__()
        self.tls_port = free_port()
        self.relay = Relay(self.tls_port)
        self.pem = self.dir / "both.pem"
        make_certificate(self.pem, self.dir)
        self.args = [*key_args(self.dir), *args]
        for host in ALLOWED:
            self.args += ["--allow-origin", self.origin(host),
                          "--publish-origin", self.origin(host)]
        (self.dir / "index.html").write_text(
            "<!DOCTYPE html><title>A page</title><link rel=icon href=data:,>")

    def origin(self, host):
        return f"https://{host}:{self.relay.port}"

    def hub_url(self, query=""):
        return f"{self.origin(HUB)}{self.mount}.well-known/mercure{query}"

    def conf(self):
        return super().conf() + f"""
            server.modules += ( "mod_openssl" )
            $SERVER["socket"] == "127.0.0.1:{self.tls_port}" {{
                ssl.engine = "enable"
                ssl.pemfile = "{self.pem}"
            }}
            """
