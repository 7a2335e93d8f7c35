#!/bin/sh
# The page in a real browser.
exec "${PYTHON:-/usr/bin/python3}" \
    "${srcdir:-$(dirname "$(dirname "$0")")}/tests/suite.py" browser "$@"
