"""Libraries that make tokens, as other people's programs use them.

Each signs by a program of signers/, which takes a list of jobs as JSON and
prints what it has made of each. A job has a shape: "claims" signs the claims
as they are; "calls" adds times, an id and a second audience by the library's
own calls. The others are what only some libraries make.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

import npm_packages

SIGNERS = pathlib.Path(__file__).parent / "signers"
# Loads the libraries of PHP that Debian has no package of: what Composer
# calls vendor/autoload.php.
PHP_AUTOLOAD = os.environ.get("PHP_AUTOLOAD")
SIGN_S_MAX = 60

HS = ["HS256", "HS384", "HS512"]
RS = ["RS256", "RS384", "RS512"]
PS = ["PS256", "PS384", "PS512"]
ES = ["ES256", "ES384", "ES512"]


def pyjwt():
    if subprocess.run([sys.executable, "-c", "import jwt, cryptography"],
                      check=False, capture_output=True).returncode != 0:
        pytest.skip("PyJWT is not installed (Debian: python3-jwt)")
    return [sys.executable, SIGNERS / "pyjwt.py"]


def node(name):
    def command():
        if not shutil.which("node"):
            pytest.skip("node is not there")
        return ["node", SIGNERS / name, npm_packages.modules()]
    return command


def php(name):
    return lambda: ["php", SIGNERS / name, PHP_AUTOLOAD]


class Library:
    """One of them: its algorithms, what else it makes that is or looks like a
    token, and the algorithms for which it exports public keys as JWK.
    """

    def __init__(self, command, algs, odd=(), exports=()):
        self.command = command
        self.algs = algs
        self.odd = odd
        self.exports = exports

    def make(self, jobs):
        """What it makes of each job."""
        done = subprocess.run(
            self.command(), input=json.dumps(jobs), text=True, check=False,
            capture_output=True, timeout=SIGN_S_MAX)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


LIBRARIES = {
    "PyJWT": Library(
        pyjwt, [*HS, *RS, *PS, *ES, "EdDSA"],
        ["spaced", "detached", "unsigned"], ["RS256", "EdDSA"]),
    "jose": Library(
        node("jose.mjs"), [*HS, *RS, *PS, *ES, "EdDSA", "Ed25519"],
        ["spaced", "json", "encrypted", "unsigned"],
        ["RS256", "PS512", *ES, "EdDSA"]),
    "jsonwebtoken": Library(
        node("jsonwebtoken.cjs"), [*HS, *RS, *PS, *ES],
        ["text", "unsigned"]),
}
if PHP_AUTOLOAD:
    LIBRARIES |= {
        "firebase/php-jwt": Library(
            php("firebase.php"), [*HS, *RS, "ES256", "ES384", "EdDSA"]),
        "lcobucci/jwt": Library(
            php("lcobucci.php"), [*HS, *RS, *ES, "EdDSA"]),
    }
