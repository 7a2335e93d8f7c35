import shutil
import tempfile

import pytest

pytest.register_assert_rewrite("page", "sites")

from page import Browser, start_chromium    # noqa: E402
from sites import Site                      # noqa: E402


@pytest.fixture(scope="session")
def browser():
    profile_dir = tempfile.mkdtemp(prefix="fcgi-sse-")
    driver = start_chromium(profile_dir)
    yield Browser(driver)
    driver.quit()
    shutil.rmtree(profile_dir, ignore_errors=True)


@pytest.fixture(scope="session")
def window(browser):
    """The window in which the tests open one page after the other."""
    return browser.open_window()


@pytest.fixture(scope="module")
def start_site():
    """Starts sites, with Site's arguments; stops them after the module."""
    sites = []

    def start(*args, **kwargs):
        site = Site(*args, **kwargs)
        sites.append(site)
        site.start_responder()
        site.start_lighttpd()
        return site

    yield start
    for site in sites:
        site.stop()


@pytest.fixture(scope="module")
def site(start_site):
    """One that the tests of a module share."""
    return start_site("--public-topic", "chat")


@pytest.fixture(scope="module")
def open_page(browser, start_site):
    """Opens pages in windows of their own, where they go on while other tests
    run; closes them after the module, before their sites.
    """
    pages = []

    def open_url(url, script=""):
        page = browser.open_window()
        pages.append(page)
        page.prepare(script)
        return page.open(url)

    yield open_url
    for page in pages:
        if page.window in browser.driver.window_handles:
            page.close()


@pytest.fixture
def any_page(window):
    """A page whose complaints are left to the test."""
    yield window
    window.reset()


@pytest.fixture
def page(any_page):
    """A page of which the browser must find nothing to complain."""
    yield any_page
    any_page.check_quiet()
