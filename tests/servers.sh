#!/bin/sh
# The responder behind real web servers.
exec "${srcdir:-$(dirname "$(dirname "$0")")}/tests/pytest-suite" servers "$@"
