"""More clients than the web server has workers: they take turns, nobody loses
an event or gets one twice, and the site's own pages are served meanwhile.
"""

import pytest

from deployed import ApachePreforkTurns, ApacheTurns
from followers import Followers
from responder import wait_until
from turns import PLACES, TurnSite
import streams

CLIENTS = 60
WAIT_S = 60


@pytest.mark.parametrize("server", [ApacheTurns, ApachePreforkTurns])
def test_sixty_clients_of_twenty_workers(server):
    with TurnSite(server, turn_min="100ms", turn_max="2s") as site:
        followers = site.follow(Followers, CLIENTS)
        # Each has been there and was sent away: they know their position.
        wait_until(lambda: followers.faults or
                   all(one.comebacks and one.last_id for one in followers.all),
                   "all have had a turn", WAIT_S)
        publisher = site.publish()
        pages = 0
        while publisher.sent < 10:
            page = streams.ask(site.port, "/page.txt")
            assert (page.status, page.text) == (200, "a page of the site")
            pages += 1
        sent = publisher.end()
        wait_until(lambda: followers.have(sent), "all have all", WAIT_S)
        assert followers.faults == []
        assert pages >= 3
        assert site.sent_away_count() > CLIENTS - PLACES
