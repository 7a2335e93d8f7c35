"""How soon an event that client.js reads in one tab is in the last of thirty,
in each engine that is there.
"""

import functools
import pathlib
import sys
import tempfile

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path += [str(TESTS / "browser"), str(TESTS / "integration")]

from procs import Broken        # noqa: E402  (found by the line above)
from responder import Responder     # noqa: E402
from results import Row         # noqa: E402

TABS = 30
WAYS = ["worker", "lock"]
RUNS = 3
SPREAD_MS_MAX = 20


def spreads_ms(program, engine):
    """For each way five events: how long after the first tab the last one
    has it."""
    # Selenium and the browsers are only needed where these rows are.
    from engine_run import Run, site_args
    from sites import Site

    class ProgramSite(Site):
        """Of the program that is measured."""

        def start_responder(self):
            address = f"unix:{self.dir}/sse.sock"
            self.responder = Responder(
                ["--listen", address, *self.args], [address],
                command=[program])

    with tempfile.TemporaryDirectory() as directory:
        site = ProgramSite(*site_args(pathlib.Path(directory)))
        run = None
        try:
            site.start_responder()
            site.start_lighttpd()
            cases = [f"{way}-{TABS}" for way in WAYS]
            run = Run(engine, site, cases)
            return [run.wait(case)["spreads_ms"] for case in cases]
        finally:
            if run:
                run.stop()
            site.stop()


def tabs(bench, engine, is_quick):
    found = {way: [] for way in WAYS}
    for _ in range(1 if is_quick else RUNS):
        try:
            for way, values in zip(WAYS, spreads_ms(
                    bench.responder_program, engine)):
                found[way] += values
        except AssertionError as error:
            raise Broken(error) from error
    return [Row(f"tabs {TABS}, {engine}, {way}: last has it after the first",
                "ms", values, limit=SPREAD_MS_MAX, limit_on="value")
            for way, values in found.items()]


def groups(is_quick):
    """Those of the engines that are installed."""
    try:
        import engines
    except ImportError:
        return {}
    return {f"tabs-{name}": functools.partial(tabs, engine=name,
                                              is_quick=is_quick)
            for name in engines.NAMES if engines.is_there(name)}
