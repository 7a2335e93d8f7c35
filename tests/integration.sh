#!/bin/sh
# The conversations with the responder's own socket.
exec "${srcdir:-$(dirname "$(dirname "$0")")}/tests/pytest-suite" integration "$@"
