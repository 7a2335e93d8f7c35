"""A site behind a web server of 20 workers, with clients that take turns."""

import time

from followers import Publisher
from place import External
from responder import wait_until
from servers import UNIX, Front, Site, Started
import streams

KEY = "s3same"
PLACES = 14
WAIT_S = 60


def write_options(place, **options):
    """Adds these to the place's ini file, and a key to publish."""
    keys = place.dir / "keys"
    keys.write_text(KEY)
    keys.chmod(0o600)
    place.own(keys)
    ini = place.dir / "fcgi-sse.ini"
    ini.write_text(ini.read_text() + "\n".join(
        ["", f"publish-key-file = {keys}",
         *(f"{name.replace('_', '-')} = {value}"
           for name, value in options.items())]))


class CrowdedSite(Started):
    """A site with fewer streams than clients, and what is to stop with it."""

    def __init__(self, site, path):
        self.site = site
        self.place = site.place
        self.path = path
        self.parts = []             # what stops before the site
        (self.place.dir / "htdocs" / "page.txt").write_text(
            "a page of the site")

    def start(self):
        self.site.start()

    def stop(self):
        for part in reversed(self.parts):
            part()
        self.site.stop()

    @property
    def port(self):
        return self.site.server.port

    def follow(self, kind, count):
        followers = kind(self.port, f"{self.path}/events?topic=t", count)
        self.parts.append(followers.stop)
        return followers

    def publish(self):
        publisher = Publisher(
            f"http://127.0.0.1:{self.port}{self.path}/events", KEY)
        self.parts.append(publisher.end)
        return publisher

    @staticmethod
    def wait_turns(followers):
        """Until each has been there and was sent away: all know their
        position."""
        wait_until(lambda: followers.faults or
                   all(one.comebacks and one.last_id for one in followers.all),
                   "all have had a turn", WAIT_S)

    def serve_pages(self, publisher, count):
        """Asks for pages until so many events are published; how many."""
        pages = 0
        while publisher.sent < count:
            page = streams.ask(self.port, "/page.txt")
            assert (page.status, page.text) == (200, "a page of the site")
            pages += 1
            time.sleep(0.01)
        return pages

    def sent_away_count(self):
        return sum(line["reason"] == "turn"
                   for line in self.place.log_lines("disconnect"))


class TurnSite(CrowdedSite):
    def __init__(self, server, **options):
        super().__init__(Site(Front("turns", server,
                                    "apache/proxy-fcgi-unix.conf")), "/sse")
        self.site.responder = External(
            self.place, UNIX.format(dir=self.place.dir))
        write_options(self.place, turns=PLACES, **options)
