#!/bin/sh
# The conversations with the responder's own socket.
exec "${PYTHON:-/usr/bin/python3}" \
    "${srcdir:-$(dirname "$(dirname "$0")")}/tests/suite.py" integration "$@"
