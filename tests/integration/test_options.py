"""Options from the command line, the environment and a file."""

import os

import pytest

import responder
from responder import run

SOME = {"heartbeat": "3s", "socket-mode": "0600", "log-level": "debug",
        "log-format": "json", "request-timeout": "2s", "max-body": "64K"}


def printed(*args, env=None):
    done = run("--print-config", *args, env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout


def values(text):
    """Name to the list of values of a printed configuration."""
    found = {}
    for line in text.splitlines():
        if line and line[0] not in "[;#":
            name, value = line.split(" = ", 1)
            found.setdefault(name, []).append(value)
    return found


def as_arguments(options):
    return [word for name, value in options.items()
            for word in ("--" + name, value)]


def as_environ(options):
    return {"FCGI_SSE_" + name.upper().replace("-", "_"): value
            for name, value in options.items()}


def as_file(path, options):
    path.write_text("".join(f"{name} = {value}\n"
                            for name, value in options.items()))
    return ["--config", str(path)]


def test_defaults():
    found = values(printed())
    for name, value in {
            "socket-mode": "0660", "request-timeout": "10s",
            "max-body": "1M", "heartbeat": "15s", "log": "stderr",
            "log-format": "text", "log-level": "info"}.items():
        assert found[name] == [value]


def test_the_three_ways_set_the_same(short_dir):
    ways = [values(printed(*as_arguments(SOME))),
            values(printed(env=as_environ(SOME))),
            values(printed(*as_file(short_dir / "c.ini", SOME)))]
    for found in ways:
        assert found == ways[0]
        for name, value in SOME.items():
            assert found[name] == [value]


def test_command_line_wins_over_environment_wins_over_file(short_dir):
    config = as_file(short_dir / "c.ini", {"heartbeat": "3s",
                                           "log-level": "warn",
                                           "log-format": "json"})
    found = values(printed(*config, "--heartbeat", "1s",
                           env={"FCGI_SSE_HEARTBEAT": "2s",
                                "FCGI_SSE_LOG_LEVEL": "error"}))
    assert found["heartbeat"] == ["1s"]
    assert found["log-level"] == ["error"]
    assert found["log-format"] == ["json"]


def test_lists(short_dir):
    origins = ["https://a.example", "https://b.example"]
    path = short_dir / "c.ini"
    path.write_text("".join(f"allow-origin = {origin}\n"
                            for origin in origins))
    for found in (printed("--config", str(path)),
                  printed(env={"FCGI_SSE_ALLOW_ORIGIN": " ".join(origins)}),
                  printed("--allow-origin", origins[0],
                          "--allow-origin=" + origins[1])):
        assert values(found)["allow-origin"] == origins


def test_what_is_printed_can_be_read_back(short_dir):
    first = printed(*as_arguments(SOME), "--listen", "127.0.0.1:9000",
                    "--listen", "unix:/run/x y.sock",
                    "--allow-origin", "https://a.example")
    path = short_dir / "c.ini"
    path.write_text(first)
    assert values(printed("--config", str(path))) == values(first)


def test_config_named_by_the_environment(short_dir):
    as_file(short_dir / "c.ini", {"heartbeat": "7s"})
    found = printed(env={"FCGI_SSE_CONFIG": str(short_dir / "c.ini")})
    assert values(found)["heartbeat"] == ["7s"]


@pytest.mark.parametrize("line", [
    "nope = 1", "heartbeat = 15", "heartbeat =", "heartbeat", "listen = x",
    "socket-mode = 999", "log-level = loud", "config = other.ini",
    "allow-origin = example.org", "[other]\nheartbeat = 1s",
    "help = yes", "= 1"])
def test_error_in_a_file_names_the_file_and_the_line(short_dir, line):
    path = short_dir / "c.ini"
    path.write_text("; a comment\n\nlog-format = json\n" + line + "\n")
    number = 4 + line.count("\n")
    done = run("--print-config", "--config", str(path))
    assert done.returncode == 2
    assert f"{path}:{number}:" in done.stderr
    assert done.stdout == "" and len(done.stderr.splitlines()) == 1


def test_file_that_is_not_there(short_dir):
    done = run("--config", f"{short_dir}/none.ini")
    assert done.returncode == 2
    assert f"{short_dir}/none.ini" in done.stderr


def test_file_that_is_none(short_dir):
    os.mkfifo(short_dir / "c.ini")
    for path in short_dir / "c.ini", short_dir, "/dev/zero":
        done = run("--config", str(path))
        assert done.returncode == 2
        assert done.stderr == f"fcgi-sse: config {path}: is not a file\n"


@pytest.mark.parametrize("name, value", [
    ("FCGI_SSE_HEARTBEAT", "15"), ("FCGI_SSE_LISTEN", "nowhere"),
    ("FCGI_SSE_LOG_LEVEL", "loud")])
def test_error_in_the_environment_names_the_variable(name, value):
    done = run("--print-config", env={name: value})
    assert done.returncode == 2
    assert name in done.stderr


def test_options_work_whichever_way_they_come(short_dir):
    address = f"unix:{short_dir}/s.sock"
    for env, args in (({"FCGI_SSE_LISTEN": address}, []),
                      ({}, as_file(short_dir / "c.ini",
                                   {"listen": address,
                                    "allow-origin": "*"}))):
        process = responder.Responder(args, [address], env=env)
        answer = process.ask("/clock", method="HEAD")
        assert answer.headers.get("Access-Control-Allow-Origin") == (
            "*" if args else None)
        process.stop()


@pytest.mark.parametrize("url, shown", [
    ("redis://:w0rd@host/1", "redis://:***@host/1"),
    ("redis://me:w0rd@host", "redis://me:***@host"),
    ("redis+unix:/s?password=w0rd&db=1", "redis+unix:/s?password=***&db=1"),
    ("redis://host:1/?key=a:b@c", "redis://host:1/?key=a:b@c")])
def test_a_password_is_not_shown(url, shown):
    text = run("--store", url, "--print-config").stdout
    assert f"\nstore = {shown}\n" in text
    assert "w0rd" not in text
