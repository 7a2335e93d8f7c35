"""A process for each stream, few of them, and more clients: they take turns,
nobody loses an event or gets one twice, and the site's own pages are served.
"""

import re
import threading

import pytest

from followers import Followers
from responder import wait_until
from seat_turns import SeatSite
from turns import WAIT_S

SEATS = 4
CLIENTS = 12


class Seats:
    """Somebody who looks how many are taken, again and again."""

    def __init__(self, site):
        self.site = site
        self.counts = []
        self._is_ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._is_ending.wait(0.1):
            text = self.site.site.ask("/metrics").text
            self.counts.append(int(re.search(
                r"^fcgi_sse_streams_open_shared (\d+)$", text, re.M)[1]))

    def end(self):
        self._is_ending.set()
        self._thread.join(30)


@pytest.mark.parametrize("name", ["apache-fcgid", "apache-cgi"])
def test_twelve_clients_of_four_seats(name):
    with SeatSite(name, SEATS, turn_min="100ms", turn_max="3s") as site:
        followers = site.follow(Followers, CLIENTS)
        site.wait_turns(followers)
        seats = Seats(site)
        site.parts.append(seats.end)
        publisher = site.publish()
        pages = site.serve_pages(publisher, 10)
        sent = publisher.end()
        wait_until(lambda: followers.have(sent), "all have all", WAIT_S)
        seats.end()
        assert followers.faults == []
        assert pages >= 3
        assert seats.counts and max(seats.counts) <= SEATS
        wait_until(lambda: site.sent_away_count() > CLIENTS - SEATS,
                   "as many were sent away")
