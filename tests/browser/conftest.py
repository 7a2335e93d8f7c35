import shutil
import tempfile

import pytest

pytest.register_assert_rewrite("page", "sites")

from page import Page, start_chromium    # noqa: E402
from sites import Site                   # noqa: E402


@pytest.fixture(scope="session")
def chromium():
    profile_dir = tempfile.mkdtemp(prefix="fcgi-sse-")
    driver = start_chromium(profile_dir)
    yield driver
    driver.quit()
    shutil.rmtree(profile_dir, ignore_errors=True)


@pytest.fixture
def any_page(chromium, start_site):
    """The browser; what it has to say is left to the test. It leaves a site
    before that is stopped.
    """
    page = Page(chromium)
    yield page
    page.reset()


@pytest.fixture
def page(any_page):
    """The browser, which must find nothing to complain of in this test."""
    yield any_page
    assert any_page.run("return window.violations || []") == []
    assert any_page.messages() == []


@pytest.fixture
def start_site():
    """Starts sites, with Site's arguments; stops them at the end."""
    sites = []

    def start(**kwargs):
        site = Site(**kwargs)
        sites.append(site)
        site.start_responder()
        site.start_lighttpd()
        return site

    yield start
    for site in sites:
        site.stop()


@pytest.fixture
def site(start_site):
    return start_site()
