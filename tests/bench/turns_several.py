"""How late an event is when many clients take turns on 14 streams that several
processes of fcgi-sse have together, at one socket behind lighttpd, and how long
a page of the site takes meanwhile.

    FCGI_SSE=PROGRAM tests/bench/turns_several.py [CLIENTS [SECONDS...]]

For each number of seconds, as --turn-max, a row with one process and one with
three. It needs what tests/servers needs.
"""

import sys

# pylint: disable=wrong-import-position
from turns_apache import measure
from several_turns import SeveralSite

PROCESS_COUNTS = (1, 3)


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    turns_s = [int(word) for word in sys.argv[2:]] or [5, 15]
    print("| processes | clients | turn-max | median | 99 of 100 | lost | "
          "twice | page, 99 of 100 |\n|---|---|---|---|---|---|---|---|")
    for process_count in PROCESS_COUNTS:
        for turn_s in turns_s:
            measure(process_count,
                    SeveralSite(process_count, turn_max=f"{turn_s}s"), count,
                    turn_s)


if __name__ == "__main__":
    main()
