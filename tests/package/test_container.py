"""The container file: what its last stage does, done to a machine.

No container is built or run here. The machine stands for the image that the
stage begins with; there is no network, so packages are those that it has.
"""

import json
import re
import shlex
import subprocess

import pytest

from responder import ROOT, wait_until

FILE = ROOT / "deploy" / "container" / "Containerfile"
KNOWN = {"FROM", "WORKDIR", "COPY", "RUN", "USER", "EXPOSE", "STOPSIGNAL",
         "CMD"}


def instructions():
    """The stages: each a list of instructions with their arguments."""
    text = re.sub(r"^#.*\n", "", FILE.read_text(), flags=re.M)
    text = re.sub(r"\\\n", "", text)
    stages = []
    for line in filter(None, text.split("\n")):
        word, _, arguments = line.partition(" ")
        assert word in KNOWN, line
        if word == "FROM":
            stages.append([])
        stages[-1].append((word, arguments))
    return stages


def test_stages():
    build, last = instructions()
    assert build[0][1].endswith(" AS build")
    assert [word for word, _ in last].count("CMD") == 1
    assert ("USER", "www-data") in last
    for _, arguments in [*build, *last]:
        for path in re.findall(r"deploy/container/\S+", arguments):
            assert (ROOT / path).exists(), path


@pytest.mark.parametrize("command", [
    arguments for stage in instructions() for word, arguments in stage
    if word == "RUN"])
def test_commands_have_no_fault(command):
    done = subprocess.run(["shellcheck", "-s", "sh", "-"], text=True,
                          input=f"{command}\n", stdout=subprocess.PIPE)
    assert (done.returncode, done.stdout) == (0, "")


def copy(machine, package, arguments):
    options = dict(re.findall(r"--(\w+)=(\S+) ", arguments))
    source, target = shlex.split(arguments)[-2:]
    if options.get("from") == "build":
        assert re.fullmatch(source.replace("*", ".*"), f"/{package.name}")
        machine.check(f"cp /root/{package.name} {target}")
    else:
        machine.write(target, (ROOT / source).read_bytes(),
                      options.get("chmod", "0644"))


@pytest.fixture(name="image", scope="module")
def fixture_image(machine, package):
    """The machine after the last stage."""
    for word, arguments in instructions()[1]:
        if word == "COPY":
            copy(machine, package, arguments)
        elif word == "RUN":
            assert arguments.startswith("apt-get update && ")
            machine.check(arguments.removeprefix("apt-get update && "))
    return machine


@pytest.fixture(name="container")
def fixture_container(image):
    """What the image starts, as the user that it names."""
    last = dict(instructions()[1])
    command = " ".join(map(shlex.quote, json.loads(last["CMD"])))
    image.check(": >/tmp/log; chmod 666 /tmp/log")
    process = image.popen(
        f"exec setpriv --reuid {last['USER']} --regid {last['USER']} "
        f"--clear-groups {command} 2>>/tmp/log")
    wait_until(lambda: image.sh("curl -sf http://localhost:8080/sse/healthz")
               .returncode == 0, "it is up", 20)
    yield process
    if process.poll() is None:
        image.check("pkill -TERM run-fcgi-sse")
        process.wait(20)


def test_it_ticks_and_stops_properly(image, container):
    ticks = image.popen("exec curl -sSN http://localhost:8080/sse/clock",
                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    for _ in range(3):
        assert ticks.stdout.readline()
    image.check("pkill -TERM run-fcgi-sse")
    assert container.wait(20) == 0
    # The response's end came, not only that of the connection.
    assert ticks.wait(10) == 0, ticks.stdout.read()
    ticks.stdout.close()
    log = image.check("cat /tmp/log")
    assert "info ready" in log
    # lighttpd passed on what it still had, however late.
    assert "graceful shutdown started" in log
    assert image.sh("pgrep -x 'fcgi-sse|lighttpd'").returncode == 1


@pytest.mark.parametrize("name", ["fcgi-sse", "lighttpd"])
def test_it_ends_when_either_does(image, container, name):
    image.check(f"pkill -KILL -x {name}")
    assert container.wait(20) == 1
    assert image.sh("pgrep -x 'fcgi-sse|lighttpd'").returncode == 1


def test_image_has_no_key(image):
    assert image.sh("test -e /etc/fcgi-sse.key").returncode == 1
