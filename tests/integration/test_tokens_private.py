"""Private updates reach those whose token allows one of their topics, live and
in the history, and nobody else sees anything of them.
"""

import time
import uuid

import pytest

from hub import END, running_hub, start_hub
from responder import wait_until
from tokens import FAR, OTHER_SECRET, bearer, cookie, key_args, new, old

pytestmark = pytest.mark.each_store

PATH = "/.well-known/mercure"
ALL = bearer(old(publish=["*"], subscribe=["*"]))


@pytest.fixture(name="hub", scope="module")
def fixture_hub():
    with running_hub("--anonymous", "yes", make_args=key_args) as hub:
        yield hub


@pytest.fixture(name="name")
def fixture_name(request):
    """A topic that no other test has."""
    return "/" + request.node.name.replace("[", "/").replace("]", "")


def rights(make, *topics):
    return bearer(old(subscribe=list(topics)) if make is old
                  else new(["subscribe"], topics))


def seen(hub, *topics, **changes):
    """What a subscriber is sent of all that is kept."""
    return hub.replay(*topics, last="earliest", **changes)[1]


def test_live_and_replay(hub, name):
    owner = rights(old, name)
    readers = {
        "owner": hub.subscribe(name, **owner),
        "owner by all": hub.subscribe("*", **owner),
        "stranger": hub.subscribe(name, **rights(old, "/other")),
        "no rights": hub.subscribe(name, **bearer(old(subscribe=[]))),
        "publisher": hub.subscribe(name, **bearer(old(publish=["*"]))),
        "anonymous": hub.subscribe(name),
        "anonymous by all": hub.subscribe("*"),
    }
    hub.publish(name, "secret", private="on")
    hub.publish(name, "open")
    hub.publish(name, "last", type_=END)
    for who, reader in readers.items():
        data = [event.data for event in reader.take_to_end("last")]
        assert data == (["secret"] if "owner" in who else []) + ["open"], who
        reader.close()
    assert seen(hub, name, **owner) == ["secret", "open"]
    assert "secret" in seen(hub, "*", **owner)
    for changes in ({}, rights(old, "/other"), bearer(old(publish=["*"]))):
        assert seen(hub, name, **changes) == ["open"]
        assert "secret" not in seen(hub, "*", **changes)


@pytest.mark.parametrize("make", [old, new], ids=["07", "08"])
def test_any_topic_is_enough(hub, name, make):
    """Subscribed to one topic, allowed by another one of the update."""
    hub.publish([f"{name}/feed", f"{name}/users/1"], "for one", private="")
    hub.publish([f"{name}/feed", f"{name}/users/2"], "for two", private="")
    one = rights(make, f"{name}/users/1")
    assert seen(hub, f"{name}/feed", **one) == ["for one"]
    both = rights(make, f"{name}/users/1", f"{name}/users/2")
    assert seen(hub, f"{name}/feed", **both) == ["for one", "for two"]
    assert seen(hub, f"{name}/feed", **rights(make, "*")) == \
        ["for one", "for two"]
    assert not seen(hub, f"{name}/feed", **rights(make, f"{name}/users/3"))
    # The right alone is no subscription.
    assert not seen(hub, f"{name}/x", **both)


def test_patterns(hub, name):
    hub.publish(f"{name}/1", "1", private="")
    hub.publish(f"{name}/1/2", "2", private="")
    for changes in (rights(old, name + "/{id}"),
                    bearer(new(["subscribe"],
                               [(f"{name}/:id", "urlpattern")]))):
        assert seen(hub, f"{name}/1", f"{name}/1/2", **changes) == ["1"]


def test_token_of_now_decides(hub, name):
    """Who comes back with another token gets what that one allows."""
    first = hub.publish(name, "first")
    hub.publish(name, "secret", private="")
    hub.publish(name, "last")
    for changes, data in (
            (rights(old, name), ["secret", "last"]), ({}, ["last"]),
            (rights(old, "/else"), ["last"]),
            (rights(new, name), ["secret", "last"])):
        assert hub.replay(name, last=first, **changes) == (first, data)
    late = bearer(old(subscribe=[name], exp=1))
    assert hub.process.ask(PATH, f"topic={name}", method="HEAD", **late,
                           HTTP_LAST_EVENT_ID=first).status \
        == "401 Unauthorized"


def test_ids_are_not_told(hub, name):
    """Whether an id is known is the secret of those who may have it."""
    hub.publish(name, "first", id=f"{name}/first")
    hub.publish(name, "secret", id=f"{name}/hidden", private="")
    hub.publish(f"{name}/other", "secret", id=f"{name}/there", private="")
    owner = rights(old, "*")
    unknown = hub.replay(name, last=f"{name}/never")
    assert unknown == ("earliest", ["first"])
    for last in f"{name}/hidden", f"{name}/there":
        assert hub.replay(name, last=last) == unknown
        assert hub.replay(name, last=last, **rights(old, "/no")) == unknown
        assert hub.replay("*", last=last)[0] == "earliest"
    assert hub.replay(name, last=f"{name}/hidden", **owner) == \
        (f"{name}/hidden", [])
    assert hub.replay(name, last=f"{name}/first") == (f"{name}/first", [])


def shown_ms(hub, name, **changes):
    """The time in the id at which a subscriber would begin who comes now."""
    answer = hub.process.ask(PATH, f"topic={name}&lastEventID=", method="HEAD",
                             **changes)
    return time_ms(answer.headers["Mercure-Last-Event-ID"])


def time_ms(name):
    return uuid.UUID(name).int >> 80


def test_the_time_of_a_private_update_is_not_told(hub, name):
    """Where a stranger begins tells only the last update that all may have,
    or hardly more than the minute."""
    first = secret = 0
    while secret == 0 or secret // 60000 > first // 60000:
        first = time_ms(hub.publish(name, "open"))
        wait_until(lambda at=first: time.time() * 1000 > at + 2, "time passes")
        secret = time_ms(hub.publish(f"{name}/other", "secret", private=""))
    assert shown_ms(hub, name, **rights(old, "*")) == secret
    for changes in {}, rights(old, "/no"):
        assert shown_ms(hub, name, **changes) == first
    assert hub.replay(name)[1] == []


def test_cookie_and_field_are_alike(hub, name):
    hub.publish(name, "secret", private="")
    token = old(subscribe=[name], exp=FAR)
    for changes in bearer(token), cookie(token):
        assert seen(hub, name, **changes) == ["secret"]
    bad = old(subscribe=[name], secret=OTHER_SECRET)
    assert hub.process.ask(PATH, f"topic={name}", **bearer(bad)).status \
        == "401 Unauthorized"


def ended(reader):
    """The id that a stream ends with when the responder stops."""
    reader.client.recv_until(reader.answer, lambda answer: answer.end)
    assert not reader.events or reader.events[-1].type == "message"
    return reader.parser._id        # of a block without data


@pytest.mark.parametrize("count", [1, 300])
def test_end_of_a_stream_tells_no_private_id(fcgi_sse, short_dir, count):
    """It ends with an id to come back with, which is that of no update that
    its client may not have."""
    hub = start_hub(fcgi_sse, short_dir, "--anonymous", "yes",
                    *key_args(short_dir))
    owner = hub.subscribe("/t", path=PATH, **rights(old, "/t"))
    stranger = hub.subscribe("/t", path=PATH)
    first = hub.publish("/t", "open")
    names = [hub.publish("/t", "secret", private="") for _ in range(count)]
    owner.take(1 + count)
    stranger.take(1)
    hub.process.send_stop()
    told = ended(stranger)
    assert told and told not in names
    # What is between it and the last update is all the other's.
    assert uuid.UUID(told) >= uuid.UUID(first) or count > 256
    assert ended(owner) == names[-1]
