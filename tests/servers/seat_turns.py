"""A site whose web server starts a process for each stream, few at a time."""

from followers import Publisher
from servers import FRONTS, Site
from turns import KEY


class SeatSite:
    def __init__(self, name, seats, **options):
        front = next(front for front in FRONTS if front.name == name)
        self.site = Site(front)
        self.place = self.site.place
        self.path = front.prefix
        (self.place.dir / "htdocs" / "page.txt").write_text(
            "a page of the site")
        keys = self.place.dir / "keys"
        keys.write_text(KEY)
        keys.chmod(0o600)
        self.place.own(keys)
        self.place.set_environ(
            FCGI_SSE_MAX_STREAMS=seats, FCGI_SSE_PUBLISH_KEY_FILE=keys,
            **{f"FCGI_SSE_{name.upper()}": value
               for name, value in options.items()})
        self.parts = []             # what stops before the site

    def __enter__(self):
        try:
            self.site.start()
        except BaseException:
            self.site.stop()
            raise
        return self

    def __exit__(self, kind, *_):
        for part in reversed(self.parts):
            part()
        self.site.stop()
        if kind is None:
            self.place.remove()

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

    def sent_away_count(self):
        return sum(line["reason"] == "turn"
                   for line in self.place.log_lines("disconnect"))
