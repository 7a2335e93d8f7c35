"""How late an event is when many clients take turns on 20 streams, each of them
a process, and how long a page of the site takes meanwhile.

    FCGI_SSE=PROGRAM tests/bench/turns_seats.py [CLIENTS [SECONDS...]]

For each number of seconds, as --turn-max, a row by mod_fcgid and one by CGI. It
needs what tests/servers needs.
"""

import sys

# pylint: disable=wrong-import-position
from turns_apache import measure
from seat_turns import SeatSite

SEATS = 20


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    turns_s = [int(word) for word in sys.argv[2:]] or [5, 10, 15]
    print("| module | clients | turn-max | median | 99 of 100 | lost | twice | "
          "page, 99 of 100 |\n|---|---|---|---|---|---|---|---|")
    for name in ("apache-fcgid", "apache-cgi"):
        for turn_s in turns_s:
            measure(name, SeatSite(name, SEATS, turn_max=f"{turn_s}s"), count,
                    turn_s)


if __name__ == "__main__":
    main()
