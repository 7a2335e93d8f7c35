"""One suite for all stores.

The tests of a module that is marked `each_store` run on each store in turn.
A test that is about the memory store alone is marked `memory_alone`, with the
reason.
"""

import itertools
import pathlib
import shutil
import tempfile

import pytest

import hub as hubs
import redis_server
import responder

STORES = ["memory", "sqlite", "redis"]
numbers = itertools.count()


def pytest_generate_tests(metafunc):
    if "store_args" not in metafunc.fixturenames:
        return
    marks = {mark.name: mark for mark in metafunc.definition.iter_markers()}
    if "memory_alone" in marks:
        assert marks["memory_alone"].kwargs["reason"]
    elif "each_store" in marks:
        metafunc.parametrize("store_args", STORES, indirect=True)


@pytest.fixture(scope="session")
def redis_of_all():
    """A redis-server for the whole run, as the one fixture for it."""
    redis_server.skip_without()
    directory = pathlib.Path(tempfile.mkdtemp(prefix="fcgi-sse-"))
    server = redis_server.Redis(directory)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory)


@pytest.fixture
def store_args(request, short_dir):
    """A store that no other test has."""
    kind = getattr(request, "param", None)
    if kind is None:
        return []
    if kind == "sqlite":
        if "without it" in responder.run(
                "--listen", "nope", "--store", "sqlite:/x").stderr:
            pytest.skip("built without sqlite")
        return ["--store", f"sqlite:{short_dir}/log"]
    if kind == "redis":
        server = request.getfixturevalue("redis_of_all")
        return ["--store", f"{server.url}?key=test-{next(numbers)}"]
    return ["--store", kind]


@pytest.fixture
def hub(fcgi_sse, short_dir):
    """A hub with default options, and its publisher."""
    return hubs.start_hub(fcgi_sse, short_dir)
