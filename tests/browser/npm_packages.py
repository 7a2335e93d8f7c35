"""What the tests use of npm: clients of event streams, libraries that make
tokens, and a tool. It is kept beside the program.

What is installed once stays in the build's folder `npm-VERSIONS`. Where npm
is missing or cannot be reached, what needs them is skipped.
"""

import functools
import json
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from responder import BINARY

VERSIONS = {
    "@microsoft/fetch-event-source": "2.0.1",
    "event-source-polyfill": "1.0.31",
    "eventsource": "3.0.7",
    "sse.js": "2.8.0",
}
SIGNERS = {
    "jose": "6.2.18",
    "jsonwebtoken": "9.0.3",
}
TOOLS = {
    "terser": "5.51.4",
}
ALL = {**VERSIONS, **SIGNERS, **TOOLS}
INSTALL_S_MAX = 100

# For the head of a page that has node_modules at /npm: makes fetchEventSource
# and EventSourcePolyfill known to its modules.
CLIENTS_HEAD = """<script type="importmap">
{ "imports": {
  "eventsource-parser": "/npm/eventsource-parser/dist/index.js",
  "fetch-event-source":
    "/npm/@microsoft/fetch-event-source/lib/esm/index.js",
  "/npm/@microsoft/fetch-event-source/lib/esm/fetch":
    "/npm/@microsoft/fetch-event-source/lib/esm/fetch.js",
  "/npm/@microsoft/fetch-event-source/lib/esm/parse":
    "/npm/@microsoft/fetch-event-source/lib/esm/parse.js" } }
</script>
<script src="/npm/event-source-polyfill/src/eventsource.js"></script>
"""


def folder():
    """Where they are to be; a change of a version changes it."""
    name = "npm-" + "-".join(ALL.values())
    return pathlib.Path(BINARY).resolve().parent / name


def install(into):
    (into / "package.json").write_text(json.dumps(
        {"private": True, "dependencies": ALL}))
    try:
        subprocess.run(
            ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund",
             "--no-update-notifier", "--fetch-retries=0"], cwd=into,
            check=True, capture_output=True, stdin=subprocess.DEVNULL,
            timeout=INSTALL_S_MAX)
    except FileNotFoundError:
        return "npm is not installed"
    except subprocess.TimeoutExpired:
        return "npm did not end in time"
    except subprocess.CalledProcessError as error:
        text = error.stderr.decode(errors="replace").strip()
        return "npm install: " + (text.split("\n")[0] or "no message")
    return None


@functools.cache
def problem():
    """Why they are not there, after an attempt to install them, or None."""
    kept = folder()
    if kept.exists():
        return None
    work = pathlib.Path(tempfile.mkdtemp(prefix=".npm-", dir=kept.parent))
    try:
        found = install(work)
        if found:
            return found
        work.chmod(0o755)
        try:
            work.rename(kept)
        except OSError:             # another run was first
            assert kept.exists()
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return None


def modules():
    """The folder node_modules with all of them, or the test is skipped."""
    if problem():
        pytest.skip(f"from npm ({', '.join(ALL)}): {problem()}")
    return folder() / "node_modules"
