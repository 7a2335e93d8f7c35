"""Fixtures for every test that needs a running fcgi-sse.

The environment's FCGI_SSE names the binary; otherwise it is the one at the
root of the source tree.
"""

import pathlib
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent / "integration"))

pytest.register_assert_rewrite("cgi_program", "checks", "hub", "responder")

import responder    # noqa: E402  (found by the lines above)


def pytest_configure(config):
    for line in ("each_store: runs on each store in turn",
                 "memory_alone(reason): is about the memory store alone"):
        config.addinivalue_line("markers", line)


@pytest.fixture
def short_dir():
    """A directory whose name leaves room for that of a unix socket."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="fcgi-sse-"))
    yield path
    shutil.rmtree(path)


def start(directory, transport, args, started, **options):
    """Starts the program on a unix socket in the directory or on TCP."""
    address = f"unix:{directory}/{len(started)}.sock"
    if transport == "tcp":
        address = f"127.0.0.1:{responder.free_port()}"
    process = responder.Responder(["--listen", address, *args], [address],
                                  **options)
    started.append(process)
    return process


def stop_all(started):
    failures = []
    for process in started:
        try:
            process.stop()
        except AssertionError as failure:
            failures.append(str(failure))
    assert not failures, "\n".join(failures)


@pytest.fixture
def store_args():
    """The options that name the store of all responders of a test."""
    return []


@pytest.fixture
def fcgi_sse(short_dir, store_args):
    """Starts responders: fcgi_sse(*options, transport="unix", env=None).

    Each must end with status 0 at SIGTERM and without a sanitizer's report.
    """
    started = []

    def factory(*args, transport="unix", **options):
        return start(short_dir, transport, [*store_args, *args], started,
                     **options)

    yield factory
    stop_all(started)


@pytest.fixture(scope="module", params=["unix", "tcp"])
def shared_holder(request):
    directory = pathlib.Path(tempfile.mkdtemp(prefix="fcgi-sse-"))
    started = []
    args = getattr(request.module, "RESPONDER_ARGS", [])

    def current():
        if not started or not started[-1].is_alive():
            start(directory, request.param, args, started)
        return started[-1]

    yield current
    stop_all(started)
    shutil.rmtree(directory)


@pytest.fixture
def shared(shared_holder):
    """A responder that the tests of a module share, on a unix socket and then
    on TCP, with the module's RESPONDER_ARGS. Each test leaves it unharmed.
    """
    with shared_holder().unharmed() as process:
        yield process
