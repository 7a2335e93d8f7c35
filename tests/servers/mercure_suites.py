#!/usr/bin/python3
"""Runs the Mercure project's own browser suite, as it is, against the hub
behind lighttpd, Apache and nginx.

    mercure_suites.py CHECKOUT

CHECKOUT is a copy of the Mercure project's source: of a version 0.x, whose
suite is for draft 07, or of a version 1.0, whose suite is for draft 08. The
suite is not ours to keep, and it is not packed for npm. So it is no part of
our tests. The checkout is left as it is: npm installs Playwright into a copy.

The hub is at /.well-known/mercure at the root of the host, configured as
doc/web-servers.md says, with the keys of the suites. FCGI_SSE names the
program. The exit status is 0 when each case has passed behind each server.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "integration")]

from mercure_path import FRONTS, add_keys       # noqa: E402
from servers import Site                        # noqa: E402

# The suites have tokens in them, which are signed with this secret.
SECRET = "!ChangeThisMercureHubJWTSecretKey!"
ISSUER = "https://localhost"
AUDIENCE = "https://localhost/.well-known/mercure"
INSTALL_S_MAX = 300
SUITE_S_MAX = 300

# Their configuration, with the system's Chromium as the only browser.
CONFIG = """
import theirs from "./playwright.config";

export default {
    ...theirs,
    reporter: "json",
    retries: 0,
    workers: 1,
    projects: [{ name: "chromium", use: { launchOptions: {
        executablePath: "/usr/bin/chromium",
    } } }],
};
"""


def site_with_keys(front):
    site = Site(front)
    add_keys(site.place, SECRET, ISSUER, AUDIENCE)
    # The secret is well known, and the suites' subscribers have no token.
    site.place.set_environ(FCGI_SSE_ALLOW_WEAK_KEYS="yes",
                           FCGI_SSE_ANONYMOUS="yes")
    (site.place.dir / "htdocs" / "index.html").write_text("<p>A page.</p>")
    return site


def install(checkout, into):
    """The suite's folder in a copy, with what npm installs for it."""
    suite = into / "suite"
    shutil.copytree(checkout / "conformance-tests", suite,
                    ignore=shutil.ignore_patterns("node_modules"))
    (suite / "own.config.ts").write_text(CONFIG)
    subprocess.run(
        ["npm", "ci", "--no-audit", "--no-fund", "--no-update-notifier"],
        cwd=suite, check=True, stdin=subprocess.DEVNULL, stdout=sys.stderr,
        timeout=INSTALL_S_MAX,
        env=os.environ | {"PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD": "1"})
    return suite


def specs(suites):
    for suite in suites:
        yield from suite.get("specs", ())
        yield from specs(suite.get("suites", ()))


def run(suite, port):
    """What the suite finds: whether each case passed, by its title."""
    environ = {name: value for name, value in os.environ.items()
               if name != "PLAYWRIGHT_JSON_OUTPUT_NAME"}
    done = subprocess.run(
        ["node_modules/.bin/playwright", "test", "--config", "own.config.ts"],
        cwd=suite, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        timeout=SUITE_S_MAX, check=False, text=True, env=environ | {
            "BASE_URL": f"http://localhost:{port}", "CUSTOM_ID": "1"})
    # Lines of their configuration may come before the report.
    start = done.stdout.find("\n{", done.stdout.startswith("{") and -1)
    report = json.loads(done.stdout[max(start, 0):])
    for error in report["errors"]:
        print(error.get("message", error), file=sys.stderr)
    found = {}
    for spec in specs(report["suites"]):
        found[spec["title"]] = spec["ok"]
        for test in spec["tests"]:
            for result in test["results"]:
                for error in result["errors"]:
                    print(f"{spec['title']}: {error.get('message', error)}",
                          file=sys.stderr)
    return found


def main():
    parser = argparse.ArgumentParser(
        description="Runs the Mercure project's own browser suite.")
    parser.add_argument("checkout", type=pathlib.Path)
    checkout = parser.parse_args().checkout
    if not (checkout / "conformance-tests" / "mercure.spec.ts").exists():
        parser.error(f"{checkout}: no conformance-tests/mercure.spec.ts in it")
    is_good = True
    with tempfile.TemporaryDirectory(prefix="fcgi-sse-") as work:
        suite = install(checkout, pathlib.Path(work))
        for name, front in FRONTS.items():
            site = site_with_keys(front)
            with site:
                found = run(suite, site.server.port)
            failed = [title for title, is_ok in found.items() if not is_ok]
            print(f"{name}: {len(found) - len(failed)} passed, "
                  f"{len(failed)} failed", *failed, sep="\n    ", flush=True)
            is_good = is_good and found and not failed
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
