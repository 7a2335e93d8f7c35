import pytest

import servers


@pytest.fixture(scope="module", params=servers.FRONTS, ids=lambda f: f.name)
def site(request):
    """Each web server in turn, with fcgi-sse behind it."""
    with servers.Site(request.param) as running:
        yield running


FIGURES = []


@pytest.fixture
def figure():
    """A function that adds a line to the figures at the end of the run."""
    return FIGURES.append


def pytest_terminal_summary(terminalreporter):
    if FIGURES:
        terminalreporter.section("lost clients, and streams of one browser")
        for line in FIGURES:
            terminalreporter.line(line)
