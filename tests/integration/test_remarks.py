"""Options that have no effect beside the others: a warning names the cure."""

import signal

import pytest

from cgi_program import Program, ask
from hub import FORM, write_keys
from responder import BINARY, Line, Responder, run
from test_start import listening
from tokens import key_args, write_secret

FULL = ("--turns", "9", "--max-streams-per-client", "3", "--heartbeat", "2s",
        "--stream-lifetime", "1h", "--turn-min", "300ms", "--turn-max", "4s",
        "--public-topic", "chat", "--socket-mode", "0600",
        "--max-body", "2M", "--history-age", "2h")


def remarks(lines):
    """The option of each remark, and what it says."""
    return {line["option"]: line for line in lines
            if line["event"] == "option"}


def key_spec(directory, dialect="07", role="both"):
    issuer = ",issuer=https://issuer.example" if dialect == "08" else ""
    return (f"dialect={dialect},role={role}{issuer},alg=HS256,"
            f"file={write_secret(directory)}")


@pytest.mark.parametrize("args, option, words", [
    ("--turns 9 --turn-max 0", "turns", "leave one of the two out"),
    ("--turns 9 --max-streams 9", "turns", "leave max-streams out"),
    ("--turn-min 1s", "turn-min", "set turns"),
    ("--turn-max 9s", "turn-max", "set turns"),
    ("--max-streams 5 --max-streams-per-client 5", "max-streams-per-client",
     "less than max-streams"),
    ("--stream-lifetime 5s --heartbeat 5s", "heartbeat", "stream-lifetime"),
    ("--history-bytes 1M --max-body 1025K", "history-bytes",
     "several times max-body"),
    ("--history-age 4s", "history-age", "drain-spread"),
    ("--turns 9 --turn-max 10s --history-age 119s", "history-age",
     "12 times turn-max"),
    ("--public-topic /.well-known/mercure/chat", "public-topic",
     "another name"),
    ("--publish-origin https://a.example", "publish-origin", "token-key"),
    ("--allow-weak-keys", "allow-weak-keys", "token-key"),
    ("--cookie-name a", "cookie-name", "access-token-cookie"),
    ("--access-token-cookie a", "access-token-cookie", "cookie-name"),
    ("--query-token", "query-token", "add one"),
    ("--token-audience https://hub.example/", "token-audience", "add one"),
    ("--anonymous no", "anonymous", "anonymous = yes"),
    ("--subscriptions both", "subscriptions", "role=subscriber"),
    ("--subscriptions-lease 9s", "subscriptions-lease", "set subscriptions"),
])
def test_what_has_no_effect(fcgi_sse, args, option, words):
    process = fcgi_sse(*args.split())
    found = remarks(process.log)
    assert list(found) == [option]
    assert found[option]["level"] == "warn"
    assert words in found[option]["cure"]


@pytest.mark.parametrize("option", ["turns", "max-streams"])
def test_more_than_open_files_allow(short_dir, option):
    address = f"unix:{short_dir}/s"
    process = Responder(["--listen", address, f"--{option}", "300"], [address],
                        command=("prlimit", "--nofile=200:200", BINARY))
    found = remarks(process.log)
    process.stop()
    assert list(found) == [option]
    assert "LimitNOFILE" in found[option]["cure"]


@pytest.mark.parametrize("key, args, options", [
    ("07 both", "--query-token --cookie-name a", []),
    ("07 both", "--access-token-cookie a", ["access-token-cookie"]),
    ("08 both", "--query-token --token-audience a", ["query-token"]),
    ("07 publisher", "", ["anonymous"]),
    ("07 publisher", "--anonymous yes", []),
    ("07 publisher", "--anonymous yes --subscriptions 0.x",
     ["subscriptions"]),
    ("07 subscriber", "--subscriptions 0.x --publish-origin https://a.example",
     [])])
def test_what_tokens_are_for(fcgi_sse, short_dir, key, args, options):
    process = fcgi_sse("--token-key", key_spec(short_dir, *key.split()),
                       *args.split())
    assert list(remarks(process.log)) == options


def test_nothing_is_said_of_what_has_an_effect(fcgi_sse, short_dir):
    assert not remarks(fcgi_sse().log)
    process = fcgi_sse(
        *FULL, "--publish-key-file", str(write_keys(short_dir)),
        *key_args(short_dir), "--subscriptions", "both", "--count",
        "--subscriptions-lease", "5s", "--store", f"sqlite:{short_dir}/log")
    assert not remarks(process.log)


def test_mode_of_a_socket_that_another_makes(short_dir):
    with listening(short_dir / "s") as sock:
        process = Responder(["--socket-mode", "0666"], stdin=sock)
        process.wait_log("ready")
        found = remarks(process.log)
        process.stop()
    assert list(found) == ["socket-mode"]
    assert "SocketMode=" in found["socket-mode"]["cure"]


def test_events_that_several_processes_do_not_share(short_dir):
    with listening(short_dir / "s") as sock:
        process = Responder(["--store", "memory"], stdin=sock)
        process.wait_log("ready")
        found = remarks(process.log)
        process.stop()
    assert list(found) == ["store"]
    assert "sqlite:FILE" in found["store"]["cure"]


def test_a_reload_says_it_again(fcgi_sse, short_dir):
    config = short_dir / "c.ini"
    config.write_text("")
    process = fcgi_sse("--config", str(config))
    assert not remarks(process.log)
    config.write_text("turn-min = 1s\n")
    process.process.send_signal(signal.SIGHUP)
    line = process.wait_log("option")
    assert (line["option"], line["cure"]) == ("turn-min", "set turns")

    # What contradicts is refused, and all stays as it was.
    config.write_text("turn-min = 9s\n")
    process.process.send_signal(signal.SIGHUP)
    assert process.wait_log("reload", level="error")["error"].startswith(
        f"{config}: turn-min is 9s, and turn-max is 5s (the default): ")
    process.check_good()


def of_cgi(short_dir, *args):
    """The options that a CGI program names before it answers."""
    with Program("/clock", args=args,
                 env={"XDG_STATE_HOME": str(short_dir)}) as program:
        program.read_until(lambda answer: answer.head)
        program.process.terminate()
        program.wait_end()
    return list(remarks(map(Line, program.errors.decode().splitlines())))


@pytest.mark.parametrize("args, options", [
    ("", []), ("--turns 9", ["turns"]),
    ("--turn-min 1s --turn-max 9s --max-streams-per-client 3", []),
    ("--max-streams-per-client 3 --turn-max 0", ["max-streams-per-client"]),
    ("--history-events 5", ["history-events"]), ("--count", ["count"])])
def test_by_cgi(short_dir, args, options):
    assert of_cgi(short_dir, *args.split()) == options


def test_memory_of_one_request():
    """What is published there reaches nobody: it is refused, and says so."""
    args = {"args": ("--store", "memory", "--public-topic", "a")}
    answer = ask("/events", body=b"topic=a&data=b", method="POST",
                 CONTENT_TYPE=FORM, CONTENT_LENGTH="14", **args)
    assert answer.status == "503 Service Unavailable"
    assert b"the option store is memory" in answer.body
    assert ask("/counter", "count=1&interval=100ms",
               **args).status == "200 OK"


def test_cgi_program_that_listens(short_dir):
    address = f"unix:{short_dir}/s"
    process = Responder(["--listen", address], [address],
                        env={"GATEWAY_INTERFACE": "CGI/1.1",
                             "REQUEST_METHOD": "GET"})
    found = remarks(process.log)
    process.stop()
    assert list(found) == ["listen"]


def test_memory_has_nothing_behind_it():
    done = run("--listen", "127.0.0.1:1", "--store", "memory:/var/lib/x")
    assert done.returncode == 1
    assert "memory has nothing behind it; give memory alone" in done.stderr
