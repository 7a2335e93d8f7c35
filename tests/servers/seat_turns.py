"""A site whose web server starts a process for each stream, few at a time."""

from servers import FRONTS, Site
from turns import KEY, CrowdedSite


class SeatSite(CrowdedSite):
    def __init__(self, name, seats, **options):
        front = next(front for front in FRONTS if front.name == name)
        super().__init__(Site(front), front.prefix)
        keys = self.place.dir / "keys"
        keys.write_text(KEY)
        keys.chmod(0o600)
        self.place.own(keys)
        self.place.set_environ(
            FCGI_SSE_MAX_STREAMS=seats, FCGI_SSE_PUBLISH_KEY_FILE=keys,
            **{f"FCGI_SSE_{name.upper()}": value
               for name, value in options.items()})
