"""Three engines as programs that open a page: Chromium, Firefox and WebKitGTK.

No driver is needed: a page of the tests publishes what it finds to a topic.
"""

import glob
import http.client
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

from page import ARGUMENTS
from tokens import bearer, old

FOUND_S = 100             # a page has that long

NAMES = ["chromium", "firefox", "webkit"]

FIREFOX_PREFERENCES = {
    "app.normandy.enabled": False,
    "app.update.enabled": False,
    "browser.aboutwelcome.enabled": False,
    "browser.safebrowsing.downloads.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.getAddons.cache.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,",
    "toolkit.telemetry.reportingpolicy.firstRun": False,
}


def mini_browser():
    """WebKitGTK's own small browser; None where it is not installed."""
    found = sorted(glob.glob("/usr/lib/*/webkit2gtk-4.*/MiniBrowser"))
    return found[-1] if found else None


def is_there(name):
    return {
        "chromium": os.path.exists("/usr/bin/chromium"),
        "firefox": os.path.exists("/usr/bin/firefox-esr"),
        "webkit": bool(mini_browser()) and bool(shutil.which("xvfb-run")),
    }[name]


def command(name, profile_dir, url, arguments):
    if name == "chromium":
        return ["/usr/bin/chromium", *ARGUMENTS,
                f"--user-data-dir={profile_dir}", *arguments, url]
    if name == "firefox":
        with open(f"{profile_dir}/user.js", "w", encoding="ascii") as file:
            for key, value in FIREFOX_PREFERENCES.items():
                text = str(value).lower() if isinstance(value, bool) \
                    else f'"{value}"'
                file.write(f'user_pref("{key}", {text});\n')
        return ["/usr/bin/firefox-esr", "--headless", "--no-remote",
                "--profile", profile_dir, *arguments, url]
    return ["xvfb-run", "-a", mini_browser(), *arguments, url]


class Engine:
    """One browser with a page open, in a session of processes of its own."""

    def __init__(self, name, url, *arguments, files=None):
        """With these arguments, and with files in the profile: name, text."""
        self.profile_dir = tempfile.mkdtemp(prefix="fcgi-sse-")
        for file_name, text in (files or {}).items():
            path = pathlib.Path(self.profile_dir, file_name)
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        home = {"HOME": self.profile_dir, "XDG_RUNTIME_DIR": self.profile_dir,
                "WEBKIT_DISABLE_COMPOSITING_MODE": "1",
                "WEBKIT_FORCE_SANDBOX": "0",
                "MOZ_CRASHREPORTER_DISABLE": "1"}
        self.process = subprocess.Popen(
            command(name, self.profile_dir, url, arguments),
            env={**os.environ, **home}, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True)

    def stop(self):
        """May be called again."""
        if self.process.returncode is not None:
            return
        try:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(5)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        shutil.rmtree(self.profile_dir, ignore_errors=True)


def found(site, start):
    """What a page publishes to the topic `found` when it is done, as JSON.
    start opens the engine with the page."""
    stream = http.client.HTTPConnection("127.0.0.1", site.port,
                                        timeout=FOUND_S)
    stream.request("GET", f"{site.mount}events?topic=found", headers={
        "Authorization": bearer(old(subscribe=[]))["HTTP_AUTHORIZATION"]})
    lines = stream.getresponse()
    engine = start()
    try:
        for line in lines:
            if line.startswith(b"data: "):
                return json.loads(line[6:])
    finally:
        engine.stop()
        stream.close()
    raise AssertionError("the stream has ended")
