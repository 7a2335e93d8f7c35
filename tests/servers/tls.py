"""TLS and HTTP/2 for a web server of the tests."""

import subprocess

from responder import free_port


class Tls:
    """A server that listens on a second port, with TLS and HTTP/2."""

    def make_certificate(self):
        """A key, its certificate, and both in one file."""
        names = [self.place.dir / name for name in ("key", "cert", "both")]
        key, cert, both = names
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost",
             "-days", "2", "-keyout", key, "-out", cert],
            check=True, capture_output=True)
        both.write_text(key.read_text() + cert.read_text())
        for path in names:
            path.chmod(0o644)
        return names

    def frame(self):
        self.tls_port = free_port()
        return self.with_tls(super().frame(), *self.make_certificate())

    def with_tls(self, text, key, cert, both):
        raise NotImplementedError
