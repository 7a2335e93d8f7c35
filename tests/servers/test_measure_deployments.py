"""The script that measures the deployments, and the table that it has made."""

import pathlib
import re
import signal
import subprocess
import sys
import tempfile

from responder import BINARY, ROOT, clean_environ, wait_until
import measure_deployments

SCRIPT = ROOT / "tests" / "servers" / "measure_deployments.py"
OPERATION = (ROOT / "doc" / "operation.md").read_text()
ROW = re.compile(r"\| ([\w-]+) \| [\d,]+ ms \| (\d+ s|not within \d+ s) "
                 r"\| [\d.]+ \| [\d.]+ \| (\d+|–) \| `[\w.-]+`[^|]* \|")


def test_script_measures():
    done = subprocess.run(
        [sys.executable, SCRIPT, "--only", "nginx-root", "--idle", "1"],
        capture_output=True, text=True, timeout=100,
        env=clean_environ({"FCGI_SSE": str(BINARY)}))
    assert done.returncode == 0, done.stderr
    *head, row = done.stdout.splitlines()
    assert "\n".join(head) == measure_deployments.HEAD
    assert ROW.fullmatch(row) and "not within 1 s" in row
    # Nothing was left out: a stream takes memory on both sides.
    assert all(float(cell) > 0 for cell in row.split(" | ")[3:5])


def processes_below(folder):
    """Ids of the processes whose command names the folder."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(folder).encode() in path.read_bytes():
                found.append(path.parent.name)
        except OSError:
            continue                # ended
    return found


def test_script_that_is_stopped_leaves_nothing():
    with tempfile.TemporaryDirectory(prefix="fcgi-sse-test-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)         # the web server runs as another user
        running = subprocess.Popen(
            [sys.executable, SCRIPT, "--only", "nginx-root", "--idle", "300"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=clean_environ({"FCGI_SSE": str(BINARY), "TMPDIR": name}))
        try:
            # Two sites: one is watched, and one measured.
            wait_until(lambda: len(list(folder.glob("*/nginx.pid"))) == 2,
                       "both run", 60)
            running.send_signal(signal.SIGTERM)
            assert running.wait(60) == 128 + signal.SIGTERM
        finally:
            running.kill()
            running.wait()
        wait_until(lambda: processes_below(folder) == [], "all have ended")
        assert list(folder.iterdir()) == []


def test_table_has_every_deployment():
    assert measure_deployments.HEAD in OPERATION
    table = OPERATION.split(measure_deployments.HEAD + "\n")[1]
    rows = [ROW.fullmatch(line)
            for line in table.split("\n\n")[0].splitlines()]
    assert all(rows)
    names = {row[1] for row in rows}
    assert len(names) == len(rows)
    # Some web servers are not everywhere.
    assert set(measure_deployments.deployments()) <= names
    for row in rows:
        front = measure_deployments.deployments().get(row[1])
        if front:
            assert measure_deployments.limit_of(front) in row[0]
