"""under_streams.py COUNT COMMAND...: runs the commands of a shell while so many
clients follow a topic of this machine, and publishing goes on.

Prints for each command, as JSON, how many clients have come back since it was
started, and at the end what was wrong with the events that they got.
"""

import json
import subprocess
import sys
import time

from followers import Followers, Publisher

URL = "http://127.0.0.1/sse/events"
WAIT_S = 60
MORE = 3                    # updates after each command


def wait_until(question, what):
    deadline = time.monotonic() + WAIT_S
    while not question():
        if time.monotonic() > deadline:
            sys.exit(f"not within {WAIT_S} s: {what}")
        time.sleep(0.01)


def main(count, *commands):
    with open("/etc/fcgi-sse.key", encoding="ascii") as file:
        key = file.read().strip()
    followers = Followers(80, "/sse/events?topic=t", int(count))
    wait_until(lambda: followers.open_count() == int(count), "all are open")
    publisher = Publisher(URL, key)
    wait_until(lambda: publisher.sent >= MORE, "it publishes")
    came_back = []
    for command in commands:
        before = sum(one.comebacks for one in followers.all)
        subprocess.run(["/bin/sh", "-euc", command], check=True,
                       stdout=subprocess.DEVNULL, timeout=WAIT_S)
        sent = publisher.sent
        wait_until(lambda: publisher.sent >= sent + MORE, "it goes on")
        wait_until(lambda: followers.have(sent + MORE), "all have it")
        came_back.append(sum(one.comebacks for one in followers.all) - before)
    sent = publisher.end()
    wait_until(lambda: followers.have(sent), "all have all")
    followers.stop()
    print(json.dumps({"came_back": came_back, "faults": followers.faults},
                     default=str))


main(*sys.argv[1:])
