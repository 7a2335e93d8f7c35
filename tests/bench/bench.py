"""Measures fcgi-sse beside the least that can be done, in one run on one
machine. Prints a table and writes bench.json into the build directory.

A figure over its limit is marked and is no failure: machines differ, and a
benchmark is not a test. The exit status is 1 when an event or a stream was
lost or a program broke.
"""

import argparse
import functools
import os
import sys
import time

import results
import rows_cgi
import rows_clock
import rows_faults
import rows_hub
import rows_nchan
import rows_neighbours
import rows_rivals
import rows_selectors
import rows_store
import rows_tabs
import rows_tokens
import rows_web
from procs import Bench, Broken


def row_groups(is_quick):
    """Names to choose from, and what they run: each returns its rows."""
    groups = {}
    for streams in (500, 2000) if is_quick else (1000, 10000):
        groups[f"clock-{streams}"] = functools.partial(
            rows_clock.clock, streams=streams)
    groups["tcp-1000"] = functools.partial(
        rows_clock.clock, streams=1000, is_tcp=True)
    streams = 2000 if is_quick else 10000
    groups[f"open-{streams}"] = functools.partial(
        rows_clock.open_at_once, streams=streams)
    for server in ("lighttpd", "nginx"):
        for streams in (500,) if is_quick else (1000, 4000):
            groups[f"{server}-{streams}"] = functools.partial(
                rows_web.behind, server_name=server, streams=streams)
    groups["idle"] = rows_clock.idle
    groups.update(rows_faults.groups(is_quick))
    groups.update(rows_hub.groups(is_quick))
    groups.update(rows_neighbours.groups())
    groups.update(rows_nchan.groups(is_quick))
    groups.update(rows_tokens.groups(is_quick))
    groups.update(rows_store.groups(is_quick))
    groups.update(rows_cgi.groups())
    groups.update(rows_tabs.groups(is_quick))
    groups["selectors"] = rows_selectors.selectors
    groups["patterns"] = rows_selectors.patterns
    for streams in (500,) if is_quick else (1000, 5000):
        groups[f"rivals-{streams}"] = functools.partial(
            rows_rivals.rivals, streams=streams)
    return groups


def run(bench, groups):
    """Runs the groups one after the other; one that breaks is noted."""
    rows = []
    for name, group in groups.items():
        begin = time.monotonic()
        try:
            rows += group(bench)
        except (Broken, OSError) as broken:
            bench.broken.append(f"{name}: {broken}")
        seconds = time.monotonic() - begin
        print(f"bench: {name} took {seconds:.0f} s", file=sys.stderr)
    return rows


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", help="the build directory")
    parser.add_argument("--quick", action="store_true",
                        help="fewer streams, fewer pairs: does it work?")
    parser.add_argument("--only", action="append", metavar="NAME",
                        help="rows whose name starts so (repeatable)")
    return parser.parse_args()


def main():
    args = arguments()
    groups = row_groups(args.quick)
    if args.only:
        chosen = tuple(args.only)
        groups = {n: g for n, g in groups.items() if n.startswith(chosen)}
    bench = Bench(args.build, args.quick)
    try:
        rows = run(bench, groups)
    finally:
        bench.close()
    print(results.table_text(rows))
    for broken in bench.broken:
        print(f"BROKEN {broken}")
    path = os.path.join(args.build, "bench.json")
    results.json_write(path, rows, bench.broken)
    return 1 if bench.broken or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
