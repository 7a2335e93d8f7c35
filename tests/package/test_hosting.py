"""One file and a .htaccess on a host that runs programs as their owner.

Apache is the host's, with Debian's suexec. What the customer can do is to copy
files into a folder; the host has none of fcgi-sse's libraries.
"""

import re
import subprocess

import pytest

from responder import BINARY, ROOT, STOP_S, wait_until

DEPLOY = ROOT / "deploy" / "apache"
SITE = "/var/www/customer"
LIBRARIES = ("libuv", "libfcgi", "libhiredis", "libsqlite3")

# What the host's administrator has; the customer cannot change it.
HOST = """
LoadModule cgid_module /usr/lib/apache2/modules/mod_cgid.so
LoadModule suexec_module /usr/lib/apache2/modules/mod_suexec.so
<IfModule !mod_fcgid.c>
    LoadModule fcgid_module /usr/lib/apache2/modules/mod_fcgid.so
</IfModule>
{directives}
<VirtualHost *:80>
    DocumentRoot /var/www/customer
    SuexecUserGroup customer customer
    <Directory /var/www/customer>
        AllowOverride FileInfo Options=ExecCGI
        Require all granted
    </Directory>
</VirtualHost>
"""


@pytest.fixture(scope="module")
def host(machine):
    """The machine as the host, without libraries and with a customer."""
    machine.check("useradd --uid 4242 --user-group customer; "
                  f"mkdir {SITE}; rm -f /etc/apache2/sites-enabled/*; "
                  "rm " + " ".join(f"/usr/lib/*/{name}.so.*"
                                   for name in LIBRARIES))
    yield machine
    machine.sh("systemctl stop apache2")


def start_apache(host, directives=""):
    host.write("/etc/apache2/sites-enabled/host.conf",
               HOST.format(directives=directives))
    host.check("systemctl stop apache2; systemctl start apache2")


def upload(host, files):
    """By FTP, as the customer: content and mode by name."""
    host.check(f"rm -rf {SITE}/*; rm -f {SITE}/.htaccess")
    for name, (content, mode) in files.items():
        host.write(f"{SITE}/{name}", content, mode)
    host.check(f"chown -R customer:customer {SITE}; chmod 0711 {SITE}")


def program():
    with open(BINARY, "rb") as file:
        return file.read()


def htaccess(name, *lines):
    return "\n".join([(DEPLOY / name).read_text(), *lines])


def wrapper(name):
    """The two lines that a .htaccess has in its comments."""
    lines = re.findall(r"^#   (.*)$", (DEPLOY / name).read_text(), re.M)
    assert lines[0] == "#!/bin/sh" and len(lines) == 2
    return "\n".join(lines) + "\n"


def curl(host, arguments):
    return host.check(f"curl -sS --max-time 60 http://localhost/{arguments}")


def owners(host, name):
    """Whom the processes that run the program belong to."""
    return set(host.sh(f"ps -C {name} -o uid=").stdout.split())


class Ticks:
    """A clock's stream, and how many ticks of it have come."""

    def __init__(self, host, path):
        self.host = host
        host.check(": >/tmp/ticks")
        self.process = host.popen(
            f"exec curl -sSN http://localhost/{path} >/tmp/ticks")

    def count(self):
        return self.host.check("cat /tmp/ticks").count("data: ")

    def stop(self):
        self.process.terminate()
        self.process.wait(STOP_S)


def test_program_needs_only_the_c_library():
    text = subprocess.run(["readelf", "--dynamic", BINARY], check=True,
                          text=True, stdout=subprocess.PIPE).stdout
    needed = set(re.findall(r"NEEDED.*\[(.+)\]", text))
    assert "libc.so.6" in needed
    assert needed <= {"libc.so.6", "libm.so.6", "libpthread.so.0",
                      "libdl.so.2", "librt.so.1", "ld-linux-x86-64.so.2",
                      "ld-linux-aarch64.so.1"}


@pytest.mark.parametrize("name", ["cgi", "fcgid"])
def test_one_file_and_htaccess(host, name):
    """It ticks, as the customer, and gets what the client sends."""
    extension = "cgi" if name == "cgi" else "fcgi"
    upload(host, {f"sse.{extension}": (program(), "0700"),
                  ".htaccess": (htaccess(f"{name}.htaccess"), "0644")})
    start_apache(host, "FcgidOutputBufferSize 0")
    path = f"sse.{extension}"
    assert "<title>" in curl(host, f"{path}/")
    resumed = curl(host, f"{path}/counter?count=2 -H 'Last-Event-ID: 1'")
    assert re.findall(r"^id: (.*)$", resumed, re.M) == ["2"]
    ticks = Ticks(host, f"{path}/clock?interval=100ms")
    wait_until(lambda: ticks.count() > 3, "it ticks")
    assert owners(host, path) == {"4242"}
    ticks.stop()


def test_authorization_arrives(host):
    """Said by what the handler of another program gets, from the same file."""
    upload(host, {"sse.cgi": ("#!/bin/sh\necho Content-Type: text/plain\n"
                              "echo; echo \"$HTTP_AUTHORIZATION\"\n", "0700"),
                  ".htaccess": (htaccess("cgi.htaccess"), "0644")})
    start_apache(host)
    assert curl(host, "sse.cgi -H 'Authorization: Bearer key.x.1'") \
        == "Bearer key.x.1\n"


def test_options_need_a_wrapper_under_suexec(host):
    """SetEnv does not get through; the two lines do."""
    upload(host, {
        "fcgi-sse": (program(), "0700"),
        "fcgi-sse.ini": ("padding = 2K\n", "0600"),
        "direct.cgi": (program(), "0700"),
        "sse.cgi": (wrapper("cgi.htaccess").replace("/home/me", SITE), "0700"),
        ".htaccess": (htaccess("cgi.htaccess", "SetEnv FCGI_SSE_CONFIG "
                               f"{SITE}/fcgi-sse.ini"), "0644")})
    start_apache(host)
    query = "counter?count=2"
    assert "\n" + 2049 * ":" + "\n" in curl(host, f"sse.cgi/{query}")
    assert 2049 * ":" not in curl(host, f"direct.cgi/{query}")


@pytest.mark.parametrize("name", ["cgi", "fcgid"])
def test_events_and_history(host, name):
    """Each request has a process of its own; all share what is published."""
    extension = "cgi" if name == "cgi" else "fcgi"
    upload(host, {
        "fcgi-sse": (program(), "0700"),
        "fcgi-sse.ini": ("public-topic = chat\n", "0600"),
        f"sse.{extension}": (
            wrapper(f"{name}.htaccess").replace("/home/me", SITE)
            .replace(" --stream-lifetime 4s", ""), "0700"),
        ".htaccess": (htaccess(f"{name}.htaccess"), "0644")})
    start_apache(host, "FcgidOutputBufferSize 0\nFcgidSpawnScoreUpLimit 99")
    hub = f"sse.{extension}/events"
    listening = Ticks(host, f"{hub}?topic=chat")
    wait_until(lambda: host.check("cat /tmp/ticks"), "the stream is open")
    ids = [curl(host, f"{hub} -H Expect: -d topic=chat -d data={data}")
           for data in ("one", "two")]
    assert all(one.startswith("urn:uuid:") for one in ids), ids
    wait_until(lambda: listening.count() == 2, "both have come")
    listening.stop()
    back = Ticks(host, f"{hub}?topic=chat\\&lastEventID={ids[0].strip()}")
    wait_until(lambda: back.count() == 1, "what was missed has come")
    assert "data: two\n" in host.check("cat /tmp/ticks")
    back.stop()


def test_short_streams_where_fcgid_collects(host):
    """With its own buffer events come late, as their stream ends."""
    upload(host, {
        "fcgi-sse": (program(), "0700"),
        "sse.fcgi": (wrapper("fcgid.htaccess").replace(
            "--config /home/me/fcgi-sse.ini ", ""), "0700"),
        ".htaccess": (htaccess("fcgid.htaccess"), "0644")})
    start_apache(host)
    ticks = Ticks(host, "sse.fcgi/clock?interval=100ms")
    assert not ticks.count()
    wait_until(lambda: ticks.count() > 20, "the stream has ended")
    assert ticks.process.wait(STOP_S) == 0
