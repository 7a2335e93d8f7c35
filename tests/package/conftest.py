import os
import pathlib

import pytest

from machine import Machine, NoMachine


@pytest.fixture(scope="session")
def package():
    """The file of the package."""
    return pathlib.Path(os.environ["PACKAGE"]).resolve()


@pytest.fixture(scope="module")
def machine(package):
    """A machine on which the package lies in /root."""
    if os.geteuid() != 0:
        pytest.skip("only root can install a package")
    try:
        running = Machine()
    except NoMachine as why:
        pytest.skip(f"no namespaces here: {why}")
    try:
        running.write(f"/root/{package.name}", package.read_bytes())
        yield running
    finally:
        running.stop()
