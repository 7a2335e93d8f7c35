#!/bin/sh
# The page in a real browser.
exec "${srcdir:-$(dirname "$(dirname "$0")")}/tests/pytest-suite" browser "$@"
