"""One suite for all stores.

The tests of a module that is marked `each_store` run on each store in turn.
A test that is about the memory store alone is marked `memory_alone`, with the
reason.
"""

import pytest

import responder

STORES = ["memory", "sqlite"]


def pytest_configure(config):
    for line in ("each_store: runs on each store in turn",
                 "memory_alone(reason): is about the memory store alone"):
        config.addinivalue_line("markers", line)


def pytest_generate_tests(metafunc):
    if "store_args" not in metafunc.fixturenames:
        return
    marks = {mark.name: mark for mark in metafunc.definition.iter_markers()}
    if "memory_alone" in marks:
        assert marks["memory_alone"].kwargs["reason"]
    elif "each_store" in marks:
        metafunc.parametrize("store_args", STORES, indirect=True)


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
    return ["--store", kind]
