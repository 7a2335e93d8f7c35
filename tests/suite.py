#!/usr/bin/python3
"""suite.py NAME [ARGUMENT...]: runs the tests in tests/NAME by pytest.

The environment's FCGI_SSE names the program. A test that takes longer than
anyone would wait fails, and a signal that stops the tests stops what they
have started as well.
"""

import os
import pathlib
import signal
import sys

TESTS = pathlib.Path(__file__).resolve().parent
PHASE_SECONDS_MAX = int(os.environ.get("PHASE_SECONDS_MAX", "240"))

try:
    import pytest
except ImportError:
    sys.exit(f"{sys.executable} has no pytest (Debian: python3-pytest)")


class TimeLimit:
    """A limit for each test, and for each of its set-ups and tear-downs."""

    def __init__(self):
        signal.signal(signal.SIGALRM, self.expired)

    @staticmethod
    def expired(_number, _frame):
        pytest.fail(f"not done after {PHASE_SECONDS_MAX} s")

    @staticmethod
    def watched():
        signal.alarm(PHASE_SECONDS_MAX)
        yield
        signal.alarm(0)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_setup(self):
        yield from self.watched()

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_call(self):
        yield from self.watched()

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_teardown(self):
        yield from self.watched()


def main(name, *args):
    # A shell starts background jobs with SIGINT ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    # With these pytest lists failures with all their text, not in a line.
    for variable in ("CI", "BUILD_NUMBER"):
        os.environ.pop(variable, None)
    # The source tree may be read-only.
    sys.dont_write_bytecode = True
    return pytest.main(
        ["-p", "no:cacheprovider", "-q", "-ra", "--durations=5",
         *args, str(TESTS / name)], plugins=[TimeLimit()])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
