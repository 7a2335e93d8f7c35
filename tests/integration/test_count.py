"""How many streams follow a topic, for whoever may subscribe."""

import pytest

from hub import start_hub
from responder import wait_until
from tokens import bearer, key_args, old


def count(hub, query, **changes):
    answer = hub.process.ask("/events/count", query, **changes)
    assert answer.status == "200 OK", answer.body
    assert answer.headers["Content-Type"] == "application/json"
    return int(answer.body)


def test_streams_of_the_very_topic_count(fcgi_sse, short_dir):
    hub = start_hub(fcgi_sse, short_dir, "--count")
    readers = [hub.subscribe(*topics) for topics in
               (["/a"], ["/a", "/b"], ["/{id}"], ["*"])]
    wait_until(lambda: count(hub, "topic=*") == 1, "the last stream")
    wait_until(lambda: count(hub, "topic=/a") == 2, "the first two streams")
    assert count(hub, "topic=/b") == 1
    assert count(hub, "topic=/c") == 0
    readers[0].close()
    wait_until(lambda: count(hub, "topic=/a") == 1, "the stream's end")
    for reader in readers[1:]:
        reader.close()


@pytest.mark.parametrize("query", ["", "topic=", "topic=a&topic=b"])
def test_it_takes_one_topic(fcgi_sse, short_dir, query):
    hub = start_hub(fcgi_sse, short_dir, "--count")
    assert hub.process.ask("/events/count", query).status == "400 Bad Request"


def test_who_may_not_subscribe_gets_none(fcgi_sse, short_dir):
    hub = start_hub(fcgi_sse, short_dir, "--count", *key_args(short_dir))
    assert hub.process.ask("/events/count", "topic=a").status \
        == "401 Unauthorized"
    assert count(hub, "topic=a", **bearer(old(subscribe=[]))) == 0


def test_off(fcgi_sse, short_dir):
    hub = start_hub(fcgi_sse, short_dir)
    assert hub.process.ask("/events/count", "topic=a").status \
        == "404 Not Found"
