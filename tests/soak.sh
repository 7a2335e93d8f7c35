#!/bin/sh
# Two minutes of what make soak does for half an hour.
SOAK_SECONDS=${SOAK_SECONDS:-120}
PYTHONDONTWRITEBYTECODE=1
export SOAK_SECONDS PYTHONDONTWRITEBYTECODE
exec "${PYTHON:-/usr/bin/python3}" \
    "${srcdir:-$(dirname "$(dirname "$0")")}/tests/soak/soak.py"
