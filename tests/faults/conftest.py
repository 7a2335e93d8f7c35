"""Fixtures for the faults: the programs in C, and crowds of good clients."""

import pytest

pytest.register_assert_rewrite("crowd")

import crowd        # noqa: E402  (its assertions are rewritten)
import tools as tools_in_c      # noqa: E402


@pytest.fixture(scope="session")
def tools(tmp_path_factory):
    return tools_in_c.Tools(tmp_path_factory.mktemp("tools"))


@pytest.fixture
def good_clients(tools):
    """Starts good clients: good_clients(process or address, count)."""
    crowds = []

    def factory(where, count, *options, **how):
        address = where if isinstance(where, str) else where.address
        crowds.append(crowd.Crowd(tools.load, address, count, *options, **how))
        return crowds[-1]

    yield factory
    for one in crowds:
        one.leave()


@pytest.fixture
def bad_peers():
    with crowd.peers() as held:
        yield held
