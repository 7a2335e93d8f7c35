"""Real web servers with one worker, on loopback, before a responder."""

import contextlib
import os
import shutil

from procs import Broken, free_port

# Where they mount the responder.
PREFIX = "/sse"

LIGHTTPD = """
server.modules = ("mod_fastcgi")
server.document-root = "{root}"
server.bind = "127.0.0.1"
server.port = {port}
server.errorlog = "{root}/error.log"
server.max-fds = 20000
server.max-connections = 9000
server.listen-backlog = 4096
server.max-write-idle = 3600
server.stream-response-body = 2
fastcgi.server = ("/sse" => ((
	"socket" => "{socket}", "check-local" => "disable")))
"""

# The beginning of any nginx here, as an ordinary user may run it.
NGINX_HEAD = """
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid {root}/pid;
error_log {root}/error.log;
events {{ worker_connections 18000; }}
http {{
	access_log off;
	client_body_temp_path {root}/body;
	fastcgi_temp_path {root}/fastcgi;
	proxy_temp_path {root}/proxy;
	scgi_temp_path {root}/scgi;
	uwsgi_temp_path {root}/uwsgi;
"""
NGINX = "{user}" + NGINX_HEAD + """
	server {{
		listen 127.0.0.1:{port} backlog=4096;
		location /sse/ {{
			include /etc/nginx/fastcgi_params;
			fastcgi_split_path_info ^(/sse)(/.*)$;
			fastcgi_param PATH_INFO $fastcgi_path_info;
			fastcgi_pass unix:{socket};
			fastcgi_read_timeout 1h;
		}}
	}}
}}
"""


def program(name):
    """Where it is; daemons may be outside of a user's PATH."""
    return shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin")


@contextlib.contextmanager
def running(bench, name, socket_address):
    """The web server `name` before the responder's unix socket."""
    root = bench.path(name)
    os.mkdir(root)
    port = free_port()
    config = os.path.join(root, "conf")
    template = {"lighttpd": LIGHTTPD, "nginx": NGINX}[name]
    with open(config, "w", encoding="utf-8") as file:
        file.write(
            template.format(
                root=root,
                port=port,
                socket=socket_address.removeprefix("unix:"),
                user="user root;" if os.geteuid() == 0 else "",
            )
        )
    argv = {
        "lighttpd": [program(name), "-D", "-f", config],
        "nginx": [program(name), "-c", config, "-p", root],
    }[name]
    if argv[0] is None:
        raise Broken(f"{name} is not installed")
    with bench.running(argv, f"127.0.0.1:{port}") as server:
        yield server
