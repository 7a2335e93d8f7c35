import os
import pathlib

import pytest

from machine import Machine, NoMachine


@pytest.fixture(scope="session")
def package():
    """The file of the package."""
    return pathlib.Path(os.environ["PACKAGE"]).resolve()


@pytest.fixture(scope="module")
def machine():
    """A machine on which the package lies in /root, if there is one."""
    if os.geteuid() != 0:
        pytest.skip("only root can install a package")
    try:
        running = Machine()
    except NoMachine as why:
        pytest.skip(f"no namespaces here: {why}")
    try:
        if "PACKAGE" in os.environ:
            path = pathlib.Path(os.environ["PACKAGE"])
            running.write(f"/root/{path.name}", path.read_bytes())
        yield running
    finally:
        running.stop()
