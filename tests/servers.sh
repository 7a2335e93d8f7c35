#!/bin/sh
# The responder behind real web servers.
exec "${PYTHON:-/usr/bin/python3}" \
    "${srcdir:-$(dirname "$(dirname "$0")")}/tests/suite.py" servers "$@"
