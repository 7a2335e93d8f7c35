#!/bin/sh
# The Debian package, whose file PACKAGE names, and one file for shared hosting.
exec "${PYTHON:-/usr/bin/python3}" \
    "${srcdir:-$(dirname "$(dirname "$0")")}/tests/suite.py" package "$@"
