"""The page in Chromium, as a visitor meets it."""

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

WAIT_S = 20

ARGUMENTS = """
--headless --no-sandbox --disable-gpu --disable-quic --disable-dev-shm-usage
--no-first-run --disable-background-networking --disable-component-update
--disable-sync --lang=en-US --window-size=1280,900
""".split()

# Runs before the page's own script, in every document.
WITNESS = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
    violations.push(`${event.violatedDirective} ${event.blockedURI}`));
window.states = {};
document.addEventListener("DOMContentLoaded", () => {
    for (const box of document.querySelectorAll("[data-state]")) {
        states[box.id] = [box.dataset.state];
        new MutationObserver(() => states[box.id].push(box.dataset.state))
            .observe(box, { attributeFilter: ["data-state"] });
    }
});
"""


def start_chromium(profile_dir, *more_arguments, **preferences):
    """Preferences have `__` where their names have a dot."""
    options = webdriver.ChromeOptions()
    options.add_experimental_option("prefs", {
        name.replace("__", "."): value
        for name, value in preferences.items()})
    options.binary_location = "/usr/bin/chromium"
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for argument in [*ARGUMENTS, f"--user-data-dir={profile_dir}",
                     *more_arguments]:
        options.add_argument(argument)
    return webdriver.Chrome(service=Service("/usr/bin/chromedriver"),
                            options=options)


class Browser:
    """One Chromium. Its windows are all in sight: nothing in them sleeps."""

    def __init__(self, driver):
        self.driver = driver
        self.first_window = driver.current_window_handle
        self.window = self.first_window     # the one that the driver is at
        self.messages = []          # of all windows, not asked for yet

    def open_window(self):
        self.driver.switch_to.new_window("window")
        self.window = self.driver.current_window_handle
        return Page(self, self.window)

    def at(self, window):
        """The driver, brought to that window."""
        if self.window != window:
            self.driver.switch_to.window(window)
            self.window = window
        return self.driver

    def take_messages(self, origin):
        """What the console has said since the last call, but for what is
        said of another origin, and so for another page's test.
        """
        self.messages += self.driver.get_log("browser")
        taken = [message for message in self.messages
                 if message["message"].startswith(origin)
                 or not message["message"].startswith("http")]
        self.messages = [message for message in self.messages
                         if message not in taken]
        return taken


class Page:
    """A window, and the page in it."""

    def __init__(self, browser, window):
        self.browser = browser
        self.window = window
        self.origin = "about:"
        self.prepare(WITNESS)

    @property
    def driver(self):
        return self.browser.at(self.window)

    def prepare(self, script):
        """Has it run before the page's own, in every document."""
        self.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument",
                                    {"source": script})

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def open(self, url):
        self.origin = "/".join(url.split("/")[:3]) + "/"
        self.driver.get(url)
        return self

    def close(self):
        self.messages()             # no other page's test shall meet them
        self.driver.close()
        self.browser.at(self.browser.first_window)

    def emulate(self, **features):
        """Media features: emulate(prefers_color_scheme="dark")."""
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "features": [{"name": name.replace("_", "-"), "value": value}
                         for name, value in features.items()]})

    def resize(self, width, height):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1,
            "mobile": width < 600})

    def reset(self):
        self.driver.get("about:blank")
        self.emulate()
        self.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        self.messages()

    def messages(self):
        """What the browser's console has said of it since the last call."""
        self.browser.at(self.window)
        return self.browser.take_messages(self.origin)

    def check_quiet(self):
        """The browser has found nothing to complain of."""
        assert self.run("return window.violations || []") == []
        assert self.messages() == []

    # What is on it

    def find(self, element_id):
        return self.driver.find_element(By.ID, element_id)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def text(self, element_id):
        return self.run("return document.getElementById(arguments[0])"
                        ".textContent", element_id)

    def number(self, section):
        """How far the counter or the reader has come."""
        return int(self.text(f"{section}-number"))

    def state(self, element_id):
        return self.find(element_id).get_attribute("data-state")

    def states(self, element_id):
        """All states so far, the oldest first."""
        return self.run("return states[arguments[0]]", element_id)

    def log_lines(self):
        """The page's own console, each line as its words."""
        return self.run(
            "return Array.from(document.querySelectorAll('#log p'),"
            " (line) => line.textContent.split(/ +/))")

    def is_shown(self, element_id):
        return self.find(element_id).is_displayed()

    # What happens on it

    def click(self, element_id):
        self.find(element_id).click()

    def wait(self, question, wait_s=WAIT_S):
        return WebDriverWait(self.driver, wait_s, 0.05).until(
            lambda _: question())

    def wait_number(self, section, number):
        self.wait(lambda: self.number(section) >= number)

    def wait_state(self, element_id, state, wait_s=WAIT_S):
        try:
            self.wait(lambda: self.state(element_id) == state, wait_s)
        except Exception as error:
            raise AssertionError(
                f"#{element_id} is not {state} within {wait_s} s, but was "
                f"{self.states(element_id)}") from error

    def wait_ticks(self, count=1):
        """Until the clock has changed so many times."""
        for _ in range(count):
            before = self.text("clock")
            self.wait(lambda: self.text("clock") != before)
