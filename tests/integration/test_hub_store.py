"""The store that the process has by --store, as its clients see it."""

import pytest

import responder
from hub import start_hub, write_keys
from test_hub_subscribe import fill, numbers


def start(fcgi_sse, directory, url):
    if responder.run("--store", url, "--listen", "nope").stderr.count(
            "without it"):
        pytest.skip(f"built without {url.split(':')[0]}")
    return start_hub(fcgi_sse, directory, "--store", url)


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_what_is_published_is_delivered_and_replayed(fcgi_sse, short_dir,
                                                     kind):
    url = kind if kind == "memory" else f"sqlite:{short_dir}/log"
    hub = start(fcgi_sse, short_dir, url)
    reader = hub.subscribe("t")
    made = [hub.publish("t", str(number)) for number in range(1, 6)]
    assert made == sorted(made) and len(set(made)) == 5
    assert [event.data for event in reader.take(5)] == numbers(1, 5)
    assert [event.id for event in reader.events] == made
    assert hub.replay("t", last=made[2]) == (made[2], ["4", "5"])
    hub.publish("t", "6", id="own")
    assert hub.replay("t", last="own") == ("own", [])


def test_a_file_outlives_the_process(fcgi_sse, short_dir):
    """Ids of before lead to what came behind them, made or own."""
    url = f"sqlite:{short_dir}/log"
    hub = start(fcgi_sse, short_dir, url)
    made = [hub.publish("t", str(number)) for number in range(1, 6)]
    hub.publish("t", "own", id="own")
    hub.publish("t", "last")
    hub.process.stop()
    again = start_hub(fcgi_sse, short_dir, "--store", url)
    assert again.replay("t", last="own") == ("own", ["last"])
    assert again.replay("t", last=made[3]) == (made[3], ["5", "own", "last"])
    fill(again, "u", 2)
    assert again.replay("t", "u", last=made[4])[1] == ["own", "last", "1", "2"]


def test_a_store_that_is_away(fcgi_sse, short_dir):
    """Publishers are told at once; streams are opened all the same."""
    hub = start(fcgi_sse, short_dir, f"redis+unix:{short_dir}/nobody")
    answer = hub.post([("topic", "t"), ("data", "x")])
    assert answer.status == "503 Service Unavailable"
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.body.startswith(b"503 Service Unavailable: ")
    assert hub.subscribe("t", last="x").answer.status == "200 OK"
    assert hub.subscribe("t").answer.status == "200 OK"


def test_a_store_that_cannot_be(short_dir):
    keys = str(write_keys(short_dir))
    for url in "nosuch:x", "sqlite:", "":
        done = responder.run("--listen", f"unix:{short_dir}/s",
                             "--publish-key-file", keys, "--store", url)
        assert done.returncode in (1, 2)
        assert "store" in done.stderr
