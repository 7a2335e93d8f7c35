"""What an operator sees of the store: up, or down and why."""

import json
import os
import re
import signal

from hub import FORM, KEY, write_keys
from responder import Responder, wait_past_ms, wait_until

HERE = {"REMOTE_ADDR": "127.0.0.1"}


def start(directory, store):
    address = f"unix:{directory}/s"
    return Responder(["--listen", address, "--store", store,
                      "--publish-key-file", str(write_keys(directory))],
                     [address])


def publish(process):
    return process.ask("/events", method="POST", CONTENT_TYPE=FORM,
                       body=b"topic=t", HTTP_AUTHORIZATION=f"Bearer {KEY}")


def metric(process, name):
    text = process.ask("/metrics", **HERE).body.decode()
    return float(re.search(rf"(?m)^fcgi_sse_{re.escape(name)} (\S+)$", text)[1])


def test_a_store_that_is_up(short_dir):
    process = start(short_dir, f"sqlite:{short_dir}/log")
    assert process.ask("/healthz", **HERE).body == b"ok\n"
    assert publish(process).status == "200 OK"
    assert metric(process, 'store_up{engine="sqlite"}') == 1
    assert metric(process, "store_published_total") == 1
    assert metric(process, "store_updates") == 1
    assert metric(process, "store_append_seconds") > 0
    process.stop()


def test_a_process_that_is_behind_the_log_says_so(short_dir):
    (short_dir / "other").mkdir()
    store = f"sqlite:{short_dir}/log"
    process, other = start(short_dir, store), start(short_dir / "other", store)
    assert publish(other).status == "200 OK"
    wait_until(lambda: metric(process, "events_published_total") == 1,
               "it has the update")
    assert metric(process, "store_lag_seconds") < 20
    os.kill(process.pid, signal.SIGSTOP)
    assert publish(other).status == "200 OK"
    wait_past_ms(1200)
    os.kill(process.pid, signal.SIGCONT)
    wait_until(lambda: metric(process, "events_published_total") == 2,
               "it has the second one")
    assert metric(process, "store_lag_seconds") >= 1
    for one in process, other:
        one.stop()


def test_a_store_that_is_down(short_dir):
    """Nobody listens where the broker is to be."""
    process = start(short_dir, f"redis+unix:{short_dir}/none")
    wait_until(lambda: process.ask("/healthz", **HERE).status
               == "503 Service Unavailable", "the process knows it")
    assert re.fullmatch(rb"store: .+\n",
                        process.ask("/healthz", **HERE).body)
    answer = publish(process)
    assert answer.status == "503 Service Unavailable"
    assert int(answer.headers["Retry-After"]) > 0
    assert metric(process, 'store_up{engine="redis+unix"}') == 0
    assert metric(process, "store_failed_total") == 1
    process.stop()


def sample(process):
    """The first sample of the status page that comes."""
    with process.client() as client:
        answer = client.send_request("/status/events", **HERE)
        return json.loads(client.recv_events(answer, 1)[0].data)


def test_status_shows_the_store(short_dir):
    process = start(short_dir, f"sqlite:{short_dir}/log")
    publish(process)
    told = sample(process)
    assert (told["store"], told["store_up"], told["why"]) \
        == ("sqlite", True, "")
    assert told["append_ms"] > 0
    assert told["processes"] == 1
    process.stop()


def test_status_says_why_the_store_is_down(short_dir):
    process = start(short_dir, f"redis+unix:{short_dir}/none")
    wait_until(lambda: process.ask("/healthz", **HERE).status
               == "503 Service Unavailable", "the process knows it")
    told = sample(process)
    assert (told["store"], told["store_up"]) == ("redis+unix", False)
    assert told["why"] != ""
    process.stop()
