#!/bin/sh
# The Debian package: PACKAGE names the file.
exec "${PYTHON:-/usr/bin/python3}" \
    "${srcdir:-$(dirname "$(dirname "$0")")}/tests/suite.py" package "$@"
