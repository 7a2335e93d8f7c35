"""A full disk under the log file: lines are lost and counted, streams not."""

import os
import pathlib
import signal
import subprocess

import pytest

from responder import wait_until


@pytest.fixture
def full_disk(short_dir):
    """A file system of 64 KiB."""
    place = short_dir / "disk"
    place.mkdir()
    mounted = os.geteuid() == 0 and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "fcgi-sse", place],
        stderr=subprocess.DEVNULL).returncode == 0
    if not mounted:
        pytest.skip("mounting a tmpfs is not allowed")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def start_logging_to(fcgi_sse, path):
    process = fcgi_sse("--log", str(path), await_ready=False)
    process.wait_up()
    return process


def test_a_device_that_is_always_full(fcgi_sse, good_clients):
    process = start_logging_to(fcgi_sse, "/dev/full")
    with process.unharmed():
        good = good_clients(process, 500)
        for _ in range(200):
            process.ask("/")
        good.check()
        good.leave()


def test_a_disk_that_fills_up_and_has_room_again(fcgi_sse, good_clients,
                                                 full_disk):
    log = full_disk / "log"
    process = start_logging_to(fcgi_sse, log)
    with process.unharmed():
        good = good_clients(process, 1000)
        others = good_clients(process, 1000)
        others.leave()
        assert log.stat().st_size <= 65536
        good.check()
        # Room is made as it is on real machines: the old file goes.
        os.rename(log, full_disk / "old")
        pathlib.Path(full_disk / "old").unlink()
        process.process.send_signal(signal.SIGHUP)
        wait_until(lambda: process.ask("/") and log.exists()
                   and " log-lost lines=" in log.read_text(),
                   "it says how many lines were lost")
        text = log.read_text()
        assert text.endswith("\n") and "\0" not in text
        good.check()
        good.leave()
