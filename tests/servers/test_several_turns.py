"""Three processes of fcgi-sse at one socket behind lighttpd, with more clients
than they have streams for: these take turns on streams that all of them count
together, and nobody loses an event or gets one twice.
"""

from followers import Followers
from place import seconds
from responder import wait_until
from several_turns import SeveralSite
from turns import WAIT_S

PROCESSES = 3
PLACES = 6
CLIENTS = 24


def most_open(place, told_late_s):
    """The most streams that were open at a time, by the log of all, if each
    end was so much before the line that tells of it."""
    lines = [(seconds(line["time"]), 1) for line in place.log_lines("connect")]
    lines += [(seconds(line["time"]) - told_late_s, -1)
              for line in place.log_lines("disconnect")]
    most = count = 0
    for _, change in sorted(lines):
        count += change
        most = max(most, count)
    return most


def test_twenty_four_clients_of_six_streams():
    with SeveralSite(PROCESSES, PLACES, turn_min="100ms",
                     turn_max="3s") as site:
        followers = site.follow(Followers, CLIENTS)
        site.wait_turns(followers)
        publisher = site.publish()
        wait_until(lambda: publisher.sent >= 10, "some are published")
        sent = publisher.end()
        wait_until(lambda: followers.have(sent), "all have all", WAIT_S)
        assert followers.faults == []
        # As many as they may have together, and never more. A process leaves
        # a seat before it says so, and may be held up in between.
        assert most_open(site.place, 0) >= PLACES
        assert most_open(site.place, 0.5) <= PLACES
        assert site.sent_away_count() > CLIENTS - PLACES
