"""More clients than the web server has workers: they take turns, nobody loses
an event or gets one twice, and the site's own pages are served meanwhile.
"""

import pytest

from deployed import ApachePreforkTurns, ApacheTurns
from followers import Followers
from responder import wait_until
from turns import PLACES, WAIT_S, TurnSite

CLIENTS = 60


@pytest.mark.parametrize("server", [ApacheTurns, ApachePreforkTurns])
def test_sixty_clients_of_twenty_workers(server):
    with TurnSite(server, turn_min="100ms", turn_max="2s") as site:
        followers = site.follow(Followers, CLIENTS)
        site.wait_turns(followers)
        publisher = site.publish()
        pages = site.serve_pages(publisher, 10)
        sent = publisher.end()
        wait_until(lambda: followers.have(sent), "all have all", WAIT_S)
        assert followers.faults == []
        assert pages >= 3
        assert site.sent_away_count() > CLIENTS - PLACES
