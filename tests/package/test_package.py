"""The Debian package, from its installation to its end.

The tests go on from each other: each finds the machine as the last left it.
"""

import configparser
import json
import pathlib
import re
import shlex
import subprocess

import pytest

from responder import ROOT, STOP_S, wait_until

README = (ROOT / "README.md").read_text()
TICKS = (ROOT / "debian" / "tests" / "ticks").read_text()
STREAM_COUNT = 1000
SERVERS = {"lighttpd": "lighttpd", "Apache": "apache2", "nginx": "nginx"}
EXPECTED = """
/etc/apache2/conf-available/fcgi-sse.conf
/etc/fcgi-sse.ini
/etc/fcgi-sse.key
/etc/lighttpd/conf-available/50-fcgi-sse.conf
/etc/logrotate.d/fcgi-sse
/etc/nginx/snippets/fcgi-sse.conf
/usr/lib/systemd/system/fcgi-sse.service
/usr/lib/systemd/system/fcgi-sse.socket
/usr/bin/fcgi-sse
/usr/libexec/fcgi-sse/fcgi-sse-publish
/usr/share/doc/fcgi-sse/README.Debian
/usr/share/man/man1/fcgi-sse-publish.1.gz
/usr/share/man/man7/fcgi-sse.7.gz
/usr/share/man/man8/fcgi-sse.8.gz
""".split()
# What others keep for themselves: dpkg, apt, the index of manual pages, who
# adds users, and the web servers.
KEPT = re.compile(r"/(var/(lib/(dpkg|apt|systemd|apache2|lighttpd|nginx)|"
                  r"cache|log)/|etc/[a-z]+-$|etc/\.pwd\.lock$|run/|tmp/)")


def commands(server):
    """The commands of the README that lead to a clock behind the server."""
    section = README.split("\n### From a Debian package\n")[1]
    section = section.split("\n### ")[0]
    block, = re.findall(rf"^{server}:\n\n((?:    .*\n)+)", section, re.M)
    return [line.strip() for line in block.splitlines()]


class Service:
    """What systemd would do with the units that are installed."""

    def __init__(self, machine):
        def unit(kind):
            parser = configparser.RawConfigParser(strict=False)
            parser.optionxform = str
            parser.read_string(machine.check(
                f"cat /lib/systemd/system/fcgi-sse.{kind}"))
            return parser
        socket = unit("socket")["Socket"]
        service = unit("service")["Service"]
        path = socket["ListenStream"]
        machine.check(f"mkdir -p {pathlib.Path(path).parent}")
        self.machine = machine
        self.process = machine.popen(
            f"exec systemd-socket-activate -l {path} setpriv "
            f"--reuid {service['User']} --regid {service['User']} "
            f"--groups {service['SupplementaryGroups']} "
            f"--no-new-privs {service['ExecStart']} --log /tmp/service.log",
            stderr=subprocess.DEVNULL)
        machine.check("install -m 0666 /dev/null /tmp/service.log")
        wait_until(lambda: machine.sh(f"test -S {path}").returncode == 0,
                   "the socket is there")
        machine.check(
            f"chown {socket['SocketUser']}:{socket['SocketGroup']} {path}; "
            f"chmod {socket['SocketMode']} {path}")

    def stop(self):
        # systemd-socket-activate itself, or what it has become.
        self.machine.check(
            "pkill -x systemd-socket- || pkill -u _fcgi-sse -x fcgi-sse")
        self.process.wait(STOP_S)


@pytest.fixture(scope="module")
def before(machine):
    """The machine's files and users before the package was there."""
    return machine.files(), machine.check("cat /etc/passwd /etc/group")


def test_lintian(package):
    done = subprocess.run(
        ["lintian", "--fail-on", "error,warning", "--allow-root", package],
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert (done.returncode, done.stdout) == (0, "")


def test_installs(machine, before):
    # The servers are there; there is no network to fetch them from.
    machine.check(commands("lighttpd")[0])
    paths = machine.files() - before[0]
    assert set(EXPECTED) <= paths
    assert "0640 root:www-data" == machine.check(
        "stat -c '0%a %U:%G' /etc/fcgi-sse.key").strip()
    assert "/usr/local" not in machine.check(
        "cat $(dpkg -L fcgi-sse | grep -E '^/(etc|lib|usr/share/fcgi-sse)/.'"
        " | while read -r path; do test -d $path || echo $path; done)")
    # Nothing was enabled in a web server.
    assert not [path for path in paths if re.search("^/etc/.*-enabled", path)]


def test_program_and_command(machine):
    assert machine.check("fcgi-sse --version").startswith("fcgi-sse ")
    assert "--topic" in machine.check("fcgi-sse publish --help")
    machine.check("fcgi-sse --config /etc/fcgi-sse.ini --print-config")


@pytest.mark.parametrize("name", SERVERS)
def test_ticks_after_three_commands(machine, name):
    """The README's commands; then what is tested where packages are."""
    lines = commands(name)
    assert len(lines) <= 3
    assert shlex.split(lines[0])[:2] == ["apt-get", "install"]
    service = None if name == "lighttpd" else Service(machine)
    try:
        machine.check(lines[0])
        # As a package is that was installed where systemd runs.
        machine.check(f"systemctl start {SERVERS[name]}")
        for line in lines[1:]:
            machine.check(line)
        # A web server that reloads answers as before for a moment.
        wait_until(lambda: machine.sh(
            "timeout 10 curl -sSN http://localhost/sse/clock | "
            "grep -m 2 '^data: '").returncode == 0, "it ticks", 60)
        machine.write("/tmp/ticks", TICKS, "0755")
        machine.check(f"/tmp/ticks {SERVERS[name]}")
    finally:
        if service:
            service.stop()      # first: Apache waits for its streams
        machine.check(f"systemctl stop {SERVERS[name]}")


def test_upgrade_keeps_what_was_configured(machine, package):
    key = machine.check("cat /etc/fcgi-sse.key")
    machine.check("echo 'public-topic = chat' >>/etc/fcgi-sse.ini")
    machine.check(f"dpkg --force-confold -i ./{package.name}")
    assert machine.check("cat /etc/fcgi-sse.key") == key
    assert "public-topic" in machine.check("cat /etc/fcgi-sse.ini")
    assert "enabled" in machine.check(
        "test -L /etc/lighttpd/conf-enabled/50-fcgi-sse.conf && echo enabled")


def test_upgrade_under_a_thousand_streams(machine, package):
    """The old program goes on; when lighttpd starts the new one, everybody
    comes back, and nobody loses an event or gets one twice."""
    for name in ("servers/followers.py", "package/under_streams.py"):
        machine.write(f"/tmp/{pathlib.Path(name).name}",
                      (ROOT / "tests" / name).read_text())
    machine.check("systemctl start lighttpd")
    upgrade = f"dpkg --force-confold -i ./{package.name}"
    try:
        said = machine.check(
            f"python3 /tmp/under_streams.py {STREAM_COUNT} '{upgrade}' "
            "'systemctl restart lighttpd'")
    finally:
        machine.check("systemctl stop lighttpd")
    found = json.loads(said.splitlines()[-1])
    assert found["faults"] == []
    assert found["came_back"][0] == 0
    assert found["came_back"][1] >= STREAM_COUNT


def test_web_servers_start_when_it_is_removed(machine):
    machine.check("apt-get remove fcgi-sse")
    for server in SERVERS.values():
        machine.check(f"systemctl restart {server}")
        machine.check("curl -sS -o /dev/null http://localhost/")
        machine.check(f"systemctl stop {server}")
    assert machine.check("test -e /etc/fcgi-sse.key && echo kept")
    # What was published as well: lighttpd's processes keep it in a file.
    assert machine.check("ls /var/lib/fcgi-sse/www-data")


def test_purge_leaves_no_trace(machine, before):
    files, users = before
    machine.check("touch /var/log/fcgi-sse.log /var/log/fcgi-sse.log.1.gz")
    machine.check("apt-get purge fcgi-sse")
    # The one line that nginx needs is the administrator's.
    machine.check("systemctl start nginx; systemctl stop nginx")
    left = machine.files() - files
    assert not [path for path in left if "fcgi-sse" in path]
    assert not [path for path in left if not KEPT.match(path)]
    assert machine.check("cat /etc/passwd /etc/group") == users
