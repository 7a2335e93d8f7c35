#!/bin/sh
# What goes wrong around the responder: slow and hostile clients, too many of
# them, too few descriptors, system calls that fail, a stop.
exec "${PYTHON:-/usr/bin/python3}" \
    "${srcdir:-$(dirname "$(dirname "$0")")}/tests/suite.py" faults "$@"
