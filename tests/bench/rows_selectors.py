"""What it costs a publish to find those of 1,000 selectors that match, and what
it costs if all of 1,000 patterns match."""

import subprocess

from procs import RESPONDER_CORE, pinned
from results import Row

PUBLISH_US_MAX = 50


def printed(program):
    """What a program has found: how many match, figures in us, and of what."""
    done = subprocess.run([program], stdout=subprocess.PIPE, timeout=60,
                          text=True, check=True,
                          preexec_fn=pinned(RESPONDER_CORE))
    for line in done.stdout.splitlines():
        matches, *words = line.split()
        figures = [word for word in words if word[0].isdigit()]
        yield (matches, [float(figure) for figure in figures],
               " ".join(words[len(figures):]))


def selectors(bench):
    rows = []
    for matches, figures, name in printed(bench.selectors_program):
        if matches != "1":
            bench.broken.append(f"selectors, {name}: {matches} match")
        rows.append(Row(f"1000 {name}, a topic", "us", figures,
                        limit=PUBLISH_US_MAX))
    return rows


def patterns(bench):
    rows = []
    for matches, figures, name in printed(bench.patterns_program):
        if matches != "1000":
            bench.broken.append(f"patterns, {name}: {matches} have had it")
        rows.append(Row(f"1000 {name}, all match", "us", figures))
    return rows
