"""What the README has a newcomer do, step by step: options, key, web server,
and the first event."""

import os
import re
import shutil
import subprocess

import pytest

from place import DEPLOY, is_root
from responder import BINARY, ROOT, clean_environ, wait_until
from servers import FRONTS, Site

README = (ROOT / "README.md").read_text()
NAMES = ("lighttpd-spawned", "lighttpd-external", "apache-proxy-unix", "nginx")


def commands(heading):
    """The blocks of commands in a section of the README, each as one text."""
    section = README.split(f"\n## {heading}\n")[1] if f"\n## {heading}\n" \
        in README else README.split(f"\n### {heading}\n")[1]
    section = re.split(r"\n##+ ", section)[0]
    return [re.sub(r"^    ", "", block, flags=re.M) for block in
            re.findall(r"(?:^    .*\n|^\n(?=    ))+", section, re.M)]


def sh(place, text, **options):
    """Runs commands of the README, with this place's paths in them."""
    text = place.fitted(text)
    text = re.sub(r"^fcgi-sse ", f"{BINARY} ", text, flags=re.M)
    if not is_root():
        text = text.replace("-g www-data ", "")
    return subprocess.run(["/bin/sh", "-euc", text], cwd=ROOT, text=True,
                          env=clean_environ(), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=20, **options)


def check_sh(place, text):
    done = sh(place, text)
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_first_event(name):
    """One command after the installation, for each web server."""
    build, options = commands("From source")
    assert "make install" in build
    publish, = commands("The first event")
    site = Site(next(front for front in FRONTS if front.name == name))
    site.place.dir.chmod(0o755)
    check_sh(site.place, options)
    ini = site.place.dir / "fcgi-sse.ini"
    ini.write_text(site.place.fitted(ini.read_text()))
    with site:
        with site.open("/events?topic=news") as stream:
            printed = check_sh(site.place, publish.replace(
                "http://localhost/",
                f"http://127.0.0.1:{site.server.port}/"))
            event = stream.read_event()
        assert (event.data, event.id) == ("The doors are open.",
                                          printed.strip())


def test_every_file_takes_its_options_from_one_place():
    for path in DEPLOY.rglob("*"):
        if path.is_dir() or path.name in ("demo", "fcgi-sse.socket") \
                or path.parent.name in ("container", "npm"):
            continue
        text = path.read_text()
        assert "fcgi-sse.ini" in text, path
        if path.name == "fcgi-sse.ini":
            continue
        assert not re.search(r"FCGI_SSE_(?!CONFIG|STREAM_LIFETIME)", text), \
            path


@pytest.mark.skipif(not is_root(), reason="spawn-fcgi -u needs root")
def test_spawn_fcgi_started_twice():
    """The second start fails, and the first is still found by its pid."""
    site = Site(next(front for front in FRONTS if front.name == "nginx"))
    place = site.place
    script = place.copy("spawn-fcgi/fcgi-sse.sh", "start.sh")
    pid_file = place.dir / "fcgi-sse.pid"

    def start():
        with open(place.dir / "out", "wb") as out:
            return subprocess.run([script], env=clean_environ(), stdout=out,
                                  stderr=out, timeout=60).returncode

    try:
        assert start() == 0
        pid = int(pid_file.read_text())
        wait_until(lambda: site.processes() == [pid], "it runs")
        assert start() != 0
        assert int(pid_file.read_text()) == pid
        assert site.processes() == [pid]
        assert not list(place.dir.glob("*.new"))
    finally:
        for pid in site.processes():
            os.kill(pid, 15)
    wait_until(lambda: not site.processes(), "it ends")
    assert start() == 0
    pid = int(pid_file.read_text())
    os.kill(pid, 15)
    wait_until(lambda: not site.processes(), "it ends")
    place.remove()


@pytest.mark.skipif(not shutil.which("logrotate", path="/usr/sbin:/usr/bin"),
                    reason="no logrotate")
@pytest.mark.skipif(not is_root(), reason="create needs root")
def test_logrotate():
    """The old file is kept, the new one is used, and streams stay."""
    site = Site(next(front for front in FRONTS if front.name == "nginx"))
    place = site.place
    text = place.fitted((DEPLOY / "logrotate" / "fcgi-sse").read_text())
    log = place.dir / "log"
    assert f"{log} {{" in text
    try:
        site.start()
        shutil.chown(place.dir, "root", "root")
        place.dir.chmod(0o755)
        with site.open("/clock") as stream:
            assert stream.read_event().data
            conf = place.dir / "rotate"
            conf.write_text(text.replace(
                "pkill -HUP -x fcgi-sse",
                f"kill -HUP {site.responder.process.pid}"))
            conf.chmod(0o644)
            subprocess.run(
                ["/usr/sbin/logrotate", "-f", "-s", place.dir / "state", conf],
                check=True, timeout=60)
            wait_until(lambda: " reload " in log.read_text(), "the new file")
            assert " ready " in (place.dir / "log.1").read_text()
            assert log.stat().st_mode & 0o777 == 0o640
            assert stream.read_event().data
    finally:
        site.stop()
    place.remove()
