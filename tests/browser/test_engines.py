"""client.js and the pages in three engines: Chromium, Firefox and WebKit.

In each, thirty tabs share one stream, and none of them misses an event or gets
one twice when the tab that holds the stream is closed.
"""

import pytest

import engines
from engine_run import Run, site_args

SHARING = ["worker-30", "lock-30", "itself-2"]


class Runs:
    """One engine after the other, since thirty tabs of each are enough work.
    While one waits for the pages' clocks the next may begin.
    """

    def __init__(self, start_site, make_directory):
        self.start_site = start_site
        self.make_directory = make_directory
        self.runs = {}

    def get(self, engine):
        if engine not in self.runs:
            site = self.start_site(*site_args(self.make_directory("keys")))
            self.runs[engine] = Run(engine, site, [*SHARING, "pages"])
        return self.runs[engine]

    def begin_behind(self, engine):
        """The next of those that are there."""
        there = [name for name in engines.NAMES if engines.is_there(name)]
        for name in there[there.index(engine) + 1:][:1]:
            self.get(name)


@pytest.fixture(name="runs", scope="module")
def fixture_runs(start_site, tmp_path_factory):
    runs = Runs(start_site, tmp_path_factory.mktemp)
    try:
        yield runs
    finally:
        for run in runs.runs.values():
            run.stop()


@pytest.fixture(name="engine", scope="module", params=engines.NAMES)
def fixture_engine(request):
    if not engines.is_there(request.param):
        pytest.skip(f"{request.param} is not installed")
    return request.param


@pytest.mark.parametrize("case", SHARING)
def test_tabs_share_one_stream(runs, engine, case):
    found = runs.get(engine).wait(case)
    way, count = case.split("-")
    assert found["streams"] == (int(count) if way == "itself" else 1)
    wanted = [f"a{i}" for i in range(5)] + [f"b{i}\n2" for i in range(5)]
    assert found["got"] == [wanted] * (int(count) - 1)
    assert found["ids"] == len(wanted)
    # From the first tab that has an event to the last. It is a millisecond
    # or two where nothing else runs.
    spreads_ms = sorted(found["spreads_ms"])
    print(f"{case}: the last tab has it {spreads_ms[2]:.1f} ms later"
          f" (failed before: {found.get('before')})")
    assert spreads_ms[0] < 100


def test_pages(runs, engine):
    run = runs.get(engine)
    runs.begin_behind(engine)
    found = run.wait("pages")
    run.stop()
    assert found["states"] == ["now open", "chat open", "counter stopped",
                               "reader ended", "subscribers open",
                               "delay ontime"]
    assert found["subscribers"] == "Subscribers of chat: 1."
    assert found["numbers"] == ["10", 10]
    assert found["status"] == "open"
