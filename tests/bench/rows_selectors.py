"""What it costs a publish to find those of 1,000 selectors that match."""

import subprocess

from procs import RESPONDER_CORE, pinned
from results import Row

PUBLISH_US_MAX = 50


def selectors(bench):
    done = subprocess.run([bench.selectors_program], stdout=subprocess.PIPE,
                          timeout=60, text=True, check=True,
                          preexec_fn=pinned(RESPONDER_CORE))
    rows = []
    for line in done.stdout.splitlines():
        matches, *figures, kind, first, last = line.split()
        name = f"{kind} {first} {last}"
        if matches != "1":
            bench.broken.append(f"selectors, {name}: {matches} match")
        rows.append(Row(f"1000 {name}, a topic", "us",
                        [float(figure) for figure in figures],
                        limit=PUBLISH_US_MAX))
    return rows
