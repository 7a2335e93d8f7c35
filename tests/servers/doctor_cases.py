"""Deployments, well and broken, and what fcgi-sse doctor finds in each."""

import pathlib
import shutil

from deployed import Varnish
from servers import FRONTS, Front, UNIX
from test_http2 import LIGHTTPD_TLS, TlsApache, TlsLighttpd, TlsNginx
from web_servers import APACHE_MODULES, ApacheCgi, ApacheProxy

BY_NAME = {front.name: front for front in FRONTS}


class ApacheCgiDeflate(ApacheCgi):
    modules = ApacheCgi.modules + ("deflate",)


BY_NAME["apache-cgi-deflate"] = Front(
    "apache-cgi", ApacheCgiDeflate, "apache/cgi.htaccess", prefix="/sse.cgi",
    is_cgi=True)


class ApacheMore(ApacheProxy):
    """With modules that stand in the way of streams."""

    modules = ApacheProxy.modules + (
        "allowmethods", "cache", "cache_disk", "deflate", "filter", "headers",
        "ratelimit", "rewrite")


class ApacheSecurity(ApacheProxy):
    modules = ApacheProxy.modules + ("unique_id", "security2")


class ApacheEvasive(ApacheProxy):
    modules = ApacheProxy.modules + ("evasive20",)


class ApacheQos(ApacheProxy):
    modules = ApacheProxy.modules + ("qos",)

    def frame(self):
        # Debian 12 has it without the library that it needs.
        return super().frame().replace(
            "LoadModule qos", f"LoadFile {PCRE}\nLoadModule qos")


PCRE = "/usr/lib/x86_64-linux-gnu/libpcre.so.3"


def has(*files):
    return all(pathlib.Path(APACHE_MODULES, file).exists() for file in files)


BY_NAME["apache-more"] = Front(
    "apache2", ApacheMore, "apache/proxy-fcgi-unix.conf", UNIX)
if has("mod_evasive20.so"):
    BY_NAME["apache-evasive"] = Front(
        "apache2", ApacheEvasive, "apache/proxy-fcgi-unix.conf", UNIX)
if has("mod_qos.so", PCRE):
    BY_NAME["apache-qos"] = Front(
        "apache2", ApacheQos, "apache/proxy-fcgi-unix.conf", UNIX)
if has("mod_security2.so"):
    BY_NAME["apache-security"] = Front(
        "apache2", ApacheSecurity, "apache/proxy-fcgi-unix.conf", UNIX)
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
    Case("haproxy", [("option abortonclose", ""), ("no option keep-conn", "")],
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
                         "option http-no-delay\n timeout server 4s")],
            # A busy machine may need two seconds for the head.
            "timeout server", args=("--watch", "9s")),
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


def nginx(lines, *args, **kwargs):
    """nginx with these in its location."""
    return Case("nginx", [("fastcgi_buffering off;",
                           f"fastcgi_buffering off; {lines}")],
                *args, **kwargs)


def apache(lines, *args, front="apache-more", **kwargs):
    """Apache with these in its <Location>."""
    return Case(front, [("CGIPassAuth On", f"CGIPassAuth On\n{lines}")],
                *args, **kwargs)


def lighttpd(lines, *args, **kwargs):
    return Case("lighttpd-external",
                [("server.modules +=", f"{lines}\nserver.modules +=")],
                *args, **kwargs)


def haproxy(lines, *args, **kwargs):
    """HAProxy with these in its backend."""
    return Case("haproxy", [("use-fcgi-app", f"{lines}\n use-fcgi-app")],
                *args, **kwargs)


def caddy(lines, *args, **kwargs):
    return Case("caddy", [("reverse_proxy /sse/*",
                           f"{lines}\nreverse_proxy /sse/*")],
                *args, **kwargs)


KEPT = [
    Case("nginx",
         [("fastcgi_buffering off;",
           "fastcgi_ignore_headers Cache-Control Expires X-Accel-Buffering; "
           "fastcgi_cache c; fastcgi_cache_key $request_uri; "
           "fastcgi_cache_valid any 1m;")],
         "cache", "fastcgi_cache off", also=("late-events",),
         frame=("access_log off;", "access_log off; "
                "fastcgi_cache_path cache keys_zone=c:1m;")),
    apache("CacheEnable disk\nHeader always unset Cache-Control\n"
           'Header set Cache-Control "max-age=60"',
           "cache", 'CacheDisable "/sse/"',
           frame=("ErrorLog", "CacheQuickHandler Off\nErrorLog")),
    apache('Header set Cache-Control "public, max-age=3600"',
           "cache", "Header set Cache-Control"),
    nginx('add_header Cache-Control "public";',
          "cache", "add_header Cache-Control"),
    haproxy("http-response del-header cache-control",
            "cache", "http-response del-header Cache-Control"),
    caddy("header -Cache-Control", "cache", "header Cache-Control"),
    apache("SecRuleEngine On\nSecResponseBodyAccess On\n"
           "SecResponseBodyMimeType text/plain text/event-stream",
           "late-events", "SecResponseBodyAccess Off",
           front="apache-security"),
    Case("varnish", [("beresp.do_gzip = false", "beresp.do_gzip = true")],
         "late-events", "set beresp.do_gzip = false"),
]

SLOW = [
    apache("SetOutputFilter RATE_LIMIT\nSetEnv rate-limit 1",
           "rate", "SetEnv rate-limit"),
    lighttpd("connection.kbytes-per-second = 1",
             "rate", "connection.kbytes-per-second"),
    lighttpd("server.kbytes-per-second = 1",
             "rate", "server.kbytes-per-second"),
    Case("caddy", (), "cut", "write", ("--watch", "9s"), also=("idle",),
         frame=("auto_https off", "auto_https off\nservers {\ntimeouts {\n"
                "write 3s\n}\n}")),
    watched("lighttpd-external",
            [("server.modules +=",
              "server.max-write-idle = 2\nserver.modules +=")],
            "server.max-write-idle", args=("--watch", "9s")),
    watched("varnish", [(".between_bytes_timeout = 60s",
                         ".between_bytes_timeout = 2s")],
            ".between_bytes_timeout"),
]

BARRED = [
    apache("SecRuleEngine On\nSecRequestBodyAccess On\n"
           "SecRequestBodyLimit 131072\nSecRequestBodyNoFilesLimit 65536",
           "post-limit", "SecRequestBodyNoFilesLimit",
           front="apache-security"),
    apache("RequestHeader unset Authorization",
           "authorization", "RequestHeader"),
    apache("RewriteEngine On\nRewriteCond %{HTTP:Last-Event-ID} .\n"
           "RewriteRule .* - [F]", "last-event-id", "RewriteRule"),
    apache("<LimitExcept GET>\nRequire all denied\n</LimitExcept>",
           "posts", "<LimitExcept"),
    Case("apache-proxy-unix", (), "header-limit", "LimitRequestFieldSize",
         frame=("ErrorLog", "LimitRequestFieldSize 300\nErrorLog")),
    Case("apache-proxy-unix",
         [(" flushpackets=on", " flushpackets=on max=2 acquire=2000")],
         "connections", "max="),
    nginx("", "header-limit", "large_client_header_buffers",
          frame=("access_log off;", "access_log off; "
                 "large_client_header_buffers 4 1k;")),
    nginx("limit_req zone=c burst=50;", "connections", "limit_req",
          frame=("access_log off;", "access_log off; limit_req_zone "
                 "$binary_remote_addr zone=c:1m rate=2r/s;")),
    nginx('fastcgi_param HTTP_LAST_EVENT_ID "";',
          "last-event-id", "fastcgi_param HTTP_LAST_EVENT_ID"),
    nginx("add_header Content-Type text/html;",
          "content-type", "add_header Content-Type"),
    Case("nginx", [("include fastcgi_params;",
                    'fastcgi_param QUERY_STRING ""; include fastcgi_params;')],
         "query", "fastcgi_param QUERY_STRING $query_string"),
    lighttpd("server.max-connections = 10",
             "connections", "server.max-connections"),
    haproxy("http-request set-query x", "query", "http-request set-query"),
    haproxy("http-request set-header Host www.example.org",
            "host", "http-request set-header Host"),
    Case("haproxy", (), "connections", "maxconn",
         frame=("frontend test", "frontend test\n    maxconn 8")),
    Case("varnish", [("return (pass);",
                      'set req.url = regsub(req.url, "\\?.*$", ""); '
                      "return (pass);")], "query", "set req.url"),
    Case("varnish", [("return (pass);", "return (hash);")],
         "posts", "return (pass)"),
]



def whole(front, lines, *args, **kwargs):
    """Apache with these outside of any path, and more in its <Location>."""
    changes = [("CGIPassAuth On", f"CGIPassAuth On\n{kwargs.pop('inside')}")
               ] if "inside" in kwargs else ()
    return Case(front, changes, *args,
                frame=("ErrorLog", f"{lines}\nErrorLog"), **kwargs)


SLOW_CLIENTS = "QS_SrvMinDataRate 150 300 1"

COUNTED = [
    whole("apache-evasive", "", "connections", "DOSPageCount"),
    whole("apache-evasive", "DOSPageCount 1000\nDOSSiteCount 20",
          "connections", "DOSPageCount"),
    whole("apache-evasive", "DOSPageCount 50\nDOSSiteCount 100"),
    whole("apache-qos", "QS_SrvMaxConnPerIP 8", "connections",
          "QS_SrvMaxConnPerIP"),
    whole("apache-qos", "QS_LocRequestLimit /sse 8", "connections",
          "QS_SrvMaxConnPerIP"),
    whole("apache-qos", SLOW_CLIENTS, "cut", "QS_SrvMinDataRateOffEvent",
          ("--watch", "15s"), "15s", also=("idle",)),
    whole("apache-qos", SLOW_CLIENTS, args=("--watch", "15s"),
          heartbeat="15s",
          inside="SetEnv sse 1\nQS_SrvMinDataRateOffEvent +sse"),
    whole("apache-qos", "QS_RequestHeaderFilter on", "authorization",
          "QS_RequestHeaderFilterRule", also=("last-event-id",)),
    whole("apache-qos", "QS_RequestHeaderFilter on\n"
          "QS_RequestHeaderFilterRule Last-Event-ID drop .* 1024\n"
          "QS_RequestHeaderFilterRule Authorization drop .* 8000"),
    whole("apache-qos", "QS_LimitRequestBody 65536", "post-limit",
          "QS_LimitRequestBody"),
    whole("apache-qos", "QS_LocKBytesPerSecLimit /sse 1", "rate",
          "QS_LocKBytesPerSecLimit"),
    whole("apache-cgi", "LimitRequestBody 100000", "post-limit",
          "LimitRequestBody"),
    # mod_proxy_fcgi does not look at it.
    whole("apache-proxy-unix", "LimitRequestBody 100000"),
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

WELL = [Case(name) for name in BY_NAME
        if name not in ("apache-cgi-deflate", "apache-security",
                        "apache-evasive")]
# The header of fcgi-sse is enough for nginx.
WELL += [Case("nginx", [("fastcgi_buffering off;", "")]),
         Case("lighttpd-external", args=("--watch", "2s")),
         apache("SetOutputFilter DEFLATE")]

CASES = [case for case in LATE + REQUESTS + TURNED_AWAY + CUT + KEPT + SLOW
         + BARRED + COUNTED + TOKENS + WELL
         if case.front]
