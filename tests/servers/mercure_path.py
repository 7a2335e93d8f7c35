"""The hub at /.well-known/mercure behind web servers that are configured as
doc/web-servers.md says, and takes tokens of both dialects."""

import sys

from place import documented
from responder import ROOT
from servers import UNIX, Front
from web_servers import ApacheProxy, Lighttpd, Nginx

sys.path.append(str(ROOT / "tests" / "integration"))

import tokens       # noqa: E402  (found by the line above)


def block(server, number):
    """The server with one of the section's blocks after its own file."""
    class AtRoot(server):
        def frame(self):
            text = self.place.fitted(documented("Mercure's path")[number])
            if server is not Nginx:
                return super().frame() + text
            own = f"include {self.place.dir}/fragment.conf;"
            assert own in super().frame()
            return super().frame().replace(own, own + text)

    return AtRoot


FRONTS = {
    "lighttpd": Front("lighttpd", block(Lighttpd, 0),
                      "lighttpd/external.conf", UNIX),
    "Apache": Front("apache2", block(ApacheProxy, 1),
                    "apache/proxy-fcgi-unix.conf", UNIX),
    "nginx": Front("nginx", block(Nginx, 2), "nginx/fcgi-sse.conf", UNIX),
}


def add_keys(place, secret=tokens.SECRET, issuer=tokens.ISSUER,
             audience=tokens.AUDIENCE):
    """Has the program at this place take tokens of both dialects."""
    path = tokens.write_secret(place.dir, secret)
    place.own(path)
    place.set_environ(
        FCGI_SSE_TOKEN_AUDIENCE=audience,
        FCGI_SSE_TOKEN_KEY=f"dialect=07,alg=HS256,file={path} "
        f"dialect=08,issuer={issuer},alg=HS256,file={path}")
