"""A site with several processes of fcgi-sse at one socket, as spawn-fcgi -F
starts them, whose clients take turns."""

import socket
import subprocess

from place import web_user
from responder import STOP_S, clean_environ, wait_until
from servers import FRONTS, Site
from turns import PLACES, CrowdedSite, write_options


class Several:
    """Processes that have the socket on descriptor 0."""

    def __init__(self, place, count):
        self.place = place
        self.count = count
        self.processes = []

    def start(self):
        path = self.place.dir / "fcgi-sse.sock"
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind(str(path))
            path.chmod(0o666)
            sock.listen(1024)
            for _ in range(self.count):
                self.processes.append(subprocess.Popen(
                    [self.place.dir / "fcgi-sse", "--config",
                     self.place.dir / "fcgi-sse.ini"],
                    env=clean_environ(), stdin=sock, **web_user()))
        wait_until(lambda: len(self.place.log_lines("ready")) == self.count,
                   "all are ready")

    def stop(self):
        for process in self.processes:
            process.terminate()
        statuses = [process.wait(STOP_S) for process in self.processes]
        self.processes = []
        assert not any(statuses), f"exit statuses {statuses}"


class SeveralSite(CrowdedSite):
    """Behind lighttpd."""

    def __init__(self, process_count, places=PLACES, **options):
        super().__init__(Site(next(
            front for front in FRONTS if front.name == "lighttpd-external")),
            "/sse")
        self.site.responder = Several(self.place, process_count)
        write_options(self.place, turns=places, **options)
