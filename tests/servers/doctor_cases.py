"""Deployments, well and broken, and what fcgi-sse doctor finds in each."""

import shutil

from deployed import Varnish
from servers import FRONTS, Front, UNIX
from test_http2 import LIGHTTPD_TLS, TlsApache, TlsLighttpd, TlsNginx
from web_servers import ApacheCgi

BY_NAME = {front.name: front for front in FRONTS}


class ApacheCgiDeflate(ApacheCgi):
    modules = ApacheCgi.modules + ("deflate",)


BY_NAME["apache-cgi-deflate"] = Front(
    "apache-cgi", ApacheCgiDeflate, "apache/cgi.htaccess", prefix="/sse.cgi",
    is_cgi=True)
if shutil.which("varnishd", path="/usr/sbin:/usr/bin"):
    BY_NAME["varnish"] = Front("varnishd", Varnish, "varnish/fcgi-sse.vcl",
                               UNIX)
BY_NAME["nginx-tls"] = Front("nginx", TlsNginx, "nginx/fcgi-sse.conf", UNIX)
BY_NAME["apache-tls"] = Front(
    "apache2", TlsApache, "apache/proxy-fcgi-unix.conf", UNIX)
if LIGHTTPD_TLS.exists():
    BY_NAME["lighttpd-tls"] = Front(
        "lighttpd", TlsLighttpd, "lighttpd/external.conf", UNIX)


class Case:
    """A deployment, what is changed in its file, and what is found then."""

    def __init__(self, front, changes=(), finds=None, directive=None,
                 args=("--quick",), heartbeat="1s", also=(), tokens=False,
                 frame=None):
        self.front = BY_NAME.get(front)     # None: is not installed
        self.changes = changes
        self.finds = finds                  # the check that is bad
        self.also = also                    # what else is, by the same cause
        self.directive = directive
        self.frame = frame                  # what is changed around it
        self.args = args
        self.heartbeat = heartbeat
        self.has_tokens = tokens            # keys for them, and cookies
        self.name = f"{front}-{finds or 'well'}"
        if tokens:
            self.name += "-tokens"
        if finds:
            self.name += f"-{directive.split()[0]}"


WATCH = ("--watch", "3500ms")


def watched(front, changes, directive, finds="idle", args=WATCH):
    """One that cuts streams after two seconds, before a heartbeat."""
    return Case(front, changes, finds, directive, args, "1m")


LATE = [
    Case("lighttpd-external",
         [("server.stream-response-body = 2", "")],
         "late-events", "server.stream-response-body = 2"),
    Case("lighttpd-cgi",
         [("server.stream-response-body = 2",
           'server.stream-response-body = 0\nserver.tag = "nginx"')],
         "late-events", "server.stream-response-body = 2"),
    Case("apache-proxy-unix", [(" flushpackets=on", "")],
         "late-events", "flushpackets=on"),
    Case("apache-proxy-tcp",
         [(" flushpackets=on", " flushpackets=auto flushwait=300")],
         "late-events", "flushpackets=on"),
    Case("nginx",
         [("fastcgi_buffering off;",
           "fastcgi_ignore_headers X-Accel-Buffering;")],
         "late-events", "fastcgi_buffering off"),
    Case("apache-fcgid", [("FcgidOutputBufferSize 0", "")],
         "late-events", "FcgidOutputBufferSize 0"),
    Case("haproxy", [("option http-no-delay", "")],
         "late-events", "option http-no-delay"),
    Case("varnish", [("beresp.do_stream = true", "beresp.do_stream = false")],
         "late-events", "set beresp.do_stream = true"),
    Case("apache-cgi-deflate",
         [("SetEnv no-gzip 1", "SetOutputFilter DEFLATE")],
         "compression", "SetEnv no-gzip 1", also=("first-event",)),
    Case("apache-cgi-deflate",
         [("SetEnv no-gzip 1", "SetEnv no-gzip 1\nSetOutputFilter DEFLATE")],
         "first-event", "RemoveOutputFilter"),
]

REQUESTS = [
    Case("apache-proxy-unix", [("CGIPassAuth On", "")],
         "authorization", "CGIPassAuth On"),
    Case("haproxy", [("set-param HTTP_AUTHORIZATION "
                      "%[req.hdr(authorization)]", "")],
         "authorization",
         "set-param HTTP_AUTHORIZATION %[req.hdr(authorization)]"),
    Case("nginx", [("fastcgi_buffering off;",
                    "fastcgi_buffering off; client_max_body_size 100k;")],
         "post-limit", "client_max_body_size"),
    Case("lighttpd-external",
         [("server.modules +=",
           "server.max-request-size = 100\nserver.modules +=")],
         "post-limit", "server.max-request-size"),
    Case("nginx", [("fastcgi_buffering off;",
                    "fastcgi_buffering off; fastcgi_intercept_errors on; "
                    "error_page 401 403 413 /missing.html;")],
         "refused-publish", "fastcgi_intercept_errors off"),
    Case("apache-proxy-unix", [("CGIPassAuth On",
                                "CGIPassAuth On\nProxyErrorOverride On")],
         "refused-publish", "ProxyErrorOverride Off"),
    Case("haproxy", [("option abortonclose", "")],
         "lost-client", "option abortonclose"),
    Case("nginx-tls",
         [("location = /sse",
           "http2_max_concurrent_streams 4;\nlocation = /sse")],
         "streams-at-once", "http2_max_concurrent_streams 128"),
    Case("apache-tls",
         [("<Location", "Protocols http/1.1\n<Location")],
         "http-version", "Protocols h2 http/1.1"),
]

TURNED_AWAY = [
    Case("nginx", [("fastcgi_buffering off;",
                    "fastcgi_buffering off; limit_conn c 9;")],
         "connections", "limit_conn",
         frame=("access_log off;", "access_log off; limit_conn_zone "
                "$binary_remote_addr zone=c:1m;")),
    Case("nginx", (), "connections", "worker_connections",
         frame=("worker_connections 1024;", "worker_connections 30;")),
    Case("apache-proxy-unix", (), "connections", "MaxRequestWorkers",
         frame=("ThreadsPerChild 64\n            MaxRequestWorkers 512",
                "ThreadsPerChild 16\n            MaxRequestWorkers 16")),
    Case("nginx", [("fastcgi_buffering off;", "fastcgi_buffering off; "
                    "limit_except GET { deny all; }")],
         "posts", "limit_except"),
    Case("nginx", [("fastcgi_buffering off;", "fastcgi_buffering off; "
                    "fastcgi_pass_request_body off;")],
         "posts", "fastcgi_pass_request_body on"),
    Case("lighttpd-external",
         [("server.modules +=", 'server.modules += ( "mod_setenv" )\n'
           'setenv.set-response-header = ( "Content-Type" => "text/html" )\n'
           "server.modules +=")],
         "content-type", "setenv.set-response-header"),
    Case("nginx", [("fastcgi_buffering off;", "fastcgi_buffering off; "
                    "fastcgi_hide_header Cache-Control; expires 1h;")],
         "cache", "expires off"),
    Case("varnish", [("return (pass);", 'if (req.method == "POST") '
                      "{ return (pass); } return (hash);"),
                     ("set beresp.do_stream = true;",
                      "set beresp.ttl = 60s; "
                      "unset beresp.http.Cache-Control;")],
         "cache", "return (pass)"),
]

CUT = [
    watched("nginx", [("fastcgi_buffering off;",
                       "fastcgi_buffering off; fastcgi_read_timeout 2s;")],
            "fastcgi_read_timeout"),
    watched("lighttpd-external",
            [('"check-local" => "disable"',
              '"check-local" => "disable", "read-timeout" => 1')],
            '"read-timeout"'),
    watched("apache-proxy-unix",
            [("flushpackets=on", "flushpackets=on timeout=2")],
            # The client is told of the end five seconds later.
            "ProxyTimeout", args=("--watch", "9s")),
    watched("apache-fcgid", [("FcgidOutputBufferSize 0",
                              "FcgidOutputBufferSize 0\nFcgidIOTimeout 2")],
            "FcgidIOTimeout"),
    watched("haproxy", [("option http-no-delay",
                         "option http-no-delay\n timeout server 2s")],
            "timeout server"),
    # However lively a stream is.
    watched("apache-fcgid",
            [("FcgidOutputBufferSize 0",
              "FcgidOutputBufferSize 0\nFcgidBusyTimeout 2\n"
              "FcgidBusyScanInterval 1")],
            "FcgidBusyTimeout", "cut", ("--watch", "9s")),
    Case("caddy", [("split /sse", "split /sse\nread_timeout 4s")],
         "cut", "read_timeout", ("--watch", "9s"), also=("idle",)),
    watched("h2o", [("fastcgi.connect:",
                     "fastcgi.timeout.io: 2000\n    fastcgi.connect:")],
            "fastcgi.timeout.io"),
]

TOKENS = [
    Case("nginx", [("fastcgi_buffering off;",
                    'fastcgi_buffering off; fastcgi_param HTTP_COOKIE "";')],
         "cookies", "fastcgi_param HTTP_COOKIE $http_cookie", tokens=True),
    Case("nginx", [("fastcgi_buffering off;", "fastcgi_buffering off; "
                    'fastcgi_param HTTP_AUTHORIZATION "";')],
         "authorization", "fastcgi_param HTTP_AUTHORIZATION "
         "$http_authorization", tokens=True),
    Case("apache-proxy-unix", [("CGIPassAuth On", "")],
         "authorization", "CGIPassAuth On", tokens=True),
    Case("haproxy", [("use-fcgi-app", "http-request del-header Cookie\n"
                      " use-fcgi-app")],
         "cookies", "http-request del-header", tokens=True),
    Case("varnish", [("return (pass);",
                      "unset req.http.Cookie; return (pass);")],
         "cookies", "unset req.http.Cookie", tokens=True),
    Case("varnish", [("return (pass);",
                      "unset req.http.Authorization; return (pass);")],
         "authorization", "unset req.http.Authorization", tokens=True),
    Case("nginx", tokens=True), Case("lighttpd-external", tokens=True),
    Case("apache-proxy-unix", tokens=True),
]

WELL = [Case(name) for name in BY_NAME if name != "apache-cgi-deflate"]
# The header of fcgi-sse is enough for nginx.
WELL += [Case("nginx", [("fastcgi_buffering off;", "")]),
         Case("lighttpd-external", args=("--watch", "2s"))]

CASES = [case for case in LATE + REQUESTS + TURNED_AWAY + CUT + TOKENS
         + WELL
         if case.front]
