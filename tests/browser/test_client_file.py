"""client.js without a browser: its logic, the file that is served, its size,
and the package for npm.
"""

import gzip
import json
import os
import pathlib
import re
import shutil
import subprocess
import urllib.request

import pytest

import npm_packages
from responder import ROOT

HERE = pathlib.Path(__file__).resolve().parent
CLIENT = ROOT / "src" / "page" / "client.js"
SIZE_BYTES_MAX = 3 * 1024


def find_or_skip(program):
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")


@pytest.mark.parametrize("name, one", [
    ("client_logic.mjs", "stops for good at 204"),
    ("client_sharing.mjs", "a tab takes the lock from one that says nothing")])
def test_logic_in_node(name, one):
    find_or_skip("node")
    done = subprocess.run(
        ["node", str(HERE / name)], text=True, timeout=60,
        env={**os.environ, "CLIENT_JS": str(CLIENT)}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout
    assert one in done.stdout


def test_served_file_is_the_module_without_comments(site):
    find_or_skip("node")
    with urllib.request.urlopen(site.url + "client.js") as answer:
        served = answer.read().decode()
        assert answer.headers["Content-Type"].startswith("text/javascript")
        # A worker would be bound by it, and could reach no other origin.
        assert "Content-Security-Policy" not in answer.headers
    assert "/*" not in served.replace("/* A page may have none. */", "")
    (site.dir / "client.mjs").write_text(served)
    names = subprocess.run(
        ["node", "--input-type=module", "-e",
         f"import * as m from {json.dumps(str(site.dir / 'client.mjs'))};"
         "console.log(Object.keys(m).join())"],
        check=True, text=True, capture_output=True, timeout=30).stdout
    assert names == "SharedSource\n"


def test_is_small():
    """Minified and compressed."""
    terser = npm_packages.modules() / "terser" / "bin" / "terser"
    small = subprocess.run(
        ["node", str(terser), "--module", "-c", "-m", "--", str(CLIENT)],
        check=True, capture_output=True, timeout=60).stdout
    size_bytes = len(gzip.compress(small, 9))
    print(f"client.js: {size_bytes} bytes")
    assert 0 < size_bytes < SIZE_BYTES_MAX


def test_package(tmp_path):
    """npm pack makes it of the file that is served, and nothing is left."""
    find_or_skip("npm")
    folder = tmp_path / "deploy" / "npm"
    shutil.copytree(ROOT / "deploy" / "npm", folder)
    folder.chmod(0o755)         # the source tree may be read-only
    (tmp_path / "src" / "page").mkdir(parents=True)
    shutil.copy(CLIENT, tmp_path / "src" / "page")
    subprocess.run(["npm", "pack", "--offline", "--no-update-notifier",
                    "--pack-destination", str(tmp_path)], cwd=folder,
                   check=True, capture_output=True, timeout=60)
    [package] = tmp_path.glob("*.tgz")
    shutil.unpack_archive(package, tmp_path)
    files = {path.name for path in (tmp_path / "package").iterdir()}
    assert files == {"package.json", "README.md", "client.js", "client.d.ts"}
    assert (tmp_path / "package" / "client.js").read_bytes() \
        == CLIENT.read_bytes()
    assert not (folder / "client.js").exists()
    version = json.loads((folder / "package.json").read_text())["version"]
    assert f"AC_INIT([fcgi-sse], [{version}])" \
        in (ROOT / "configure.ac").read_text()


def test_types_and_document_have_the_options():
    """Those of the module, in its types and in its document."""
    options = re.search(r"constructor\(url, \{(.*?)\} = \{\}\)",
                        CLIENT.read_text(), re.S)[1]
    names = [re.match(r"\s*(\w+)", part)[1] for part in options.split(",")]
    types = (ROOT / "deploy" / "npm" / "client.d.ts").read_text()
    section = types.split("interface SharedSourceOptions")[1].split("\n}")[0]
    assert set(re.findall(r"^\t(\w+)\?:", section, re.M)) == set(names)
    document = (ROOT / "doc" / "client.md").read_text()
    section = document.split("## Options")[1].split("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.M)) == set(names)
