"""What tokens cost: private updates beside public ones, and those who come
back with a token beside those without."""

import base64
import functools
import hashlib
import hmac
import json
import os
import subprocess
import threading

import updates
from results import Row
from rows_faults import QUERY, Asked, fcgi_client
from rows_hub import HERE, INTERVAL_MS, hub, measure_delivery

SECRET = b"a secret of more than 32 bytes for the bench"
PAIRS = 5
EQUAL_MAX, DIFFERENT_MAX, COME_BACK_MAX = 1.1, 1.5, 1.2
MEMORY_MAX = 200
LATE_MS_MAX, FAILING_SECONDS, FLOODERS = 10, 4, 4
# Of the responder's time, what may go into signatures that are wrong.
SIGNATURE_SHARE_MAX, SIGNATURE_US = 0.03, 1500


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(number, selectors):
    """Different for each number, though its rights may not be."""
    text = ".".join(encode(json.dumps(part).encode()) for part in (
        {"alg": "HS256", "typ": "JWT"},
        {"mercure": {"subscribe": selectors}, "exp": 4102444800 + number}))
    digest = hmac.new(SECRET, text.encode(), hashlib.sha256).digest()
    return f"{text}.{encode(digest)}"


def selectors_of(kind, number):
    """Rights to the bench's topic, as applications give them."""
    if kind in ("equal rights", "one token"):
        return ["/users/1/{?topic}", updates.TOPIC]
    return [f"/users/{number}/{{?topic}}", updates.TOPIC]


def token_file(bench, kind, count):
    path = bench.path(f"tokens-{kind.replace(' ', '-')}")
    with open(path, "w", encoding="utf-8") as file:
        for number in range(count):
            if kind == "one token":
                number = 0
            file.write(token(number, selectors_of(kind, number)) + "\n")
    return path


def key_options(bench):
    path = bench.path("jwt")
    with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "wb") as file:
        file.write(SECRET)
    return ("--anonymous", "yes", "--token-key",
            f"dialect=07,role=subscriber,alg=HS256,file={path}")


def measure(bench, kind, streams):
    """CPU for a delivery, and from publish to the last write."""
    what = f"{kind}, {streams}"
    options, topic = [], updates.TOPIC
    if kind != "public":
        options = ["--tokens", token_file(bench, kind, streams)]
        topic += "&private=on"
    with hub(bench, "--log-level", "debug",
             *key_options(bench)) as process, updates.publishing(
            bench, process.address, "--rate", 1000 / INTERVAL_MS,
            "--topic", topic):
        return measure_delivery(bench, process, what, streams, *options)


def private(bench, streams):
    """A private update to all, beside a public one."""
    limits = {"one token": EQUAL_MAX, "equal rights": EQUAL_MAX,
              "different rights": DIFFERENT_MAX}
    runs = {kind: [] for kind in ("public", *limits)}
    for kind in bench.alternating(PAIRS, names=tuple(runs)):
        runs[kind].append(measure(bench, kind, streams))
    above = [run["resident"] - public["resident"]
             for run, public in zip(runs["one token"], runs["public"])]
    rows = [Row(f"{streams} streams of one token: resident for a stream above "
                "one without", "B", above, limit=MEMORY_MAX,
                limit_on="value", digits=0)]
    for kind, limit in limits.items():
        for key, unit, what, most in (
                ("cpu", "us", "CPU for a delivery", limit),
                ("fanout", "ms", "published to last written", limit),
                ("resident", "B", "resident for a subscriber", None)):
            rows.append(Row(
                f"private to {streams}, {kind}, and public: {what}", unit,
                [run[key] for run in runs[kind]],
                [run[key] for run in runs["public"]], most))
    return rows


def open_us(bench, kind, streams):
    """What a stream costs that is opened, at first and when it comes back."""
    options = [] if kind == "none" else [
        "--tokens", token_file(bench, "different rights", streams)]
    costs = []
    with hub(bench, *key_options(bench)) as process:
        for time in "first", "again":
            with updates.subscribers(
                    bench, process.address, f"{streams} come {time}, {kind}",
                    streams, None, *HERE, *options,
                    pids=[process.pid]) as load:
                pass
            used = load.found["processes"][0]
            costs.append(used["open_cpu_us"] / streams)
    return costs


def come_back(bench, streams):
    """Each with a token of its own, which is verified once."""
    runs = {"none": [], "HS256": []}
    for kind in bench.alternating(PAIRS, names=tuple(runs)):
        runs[kind].append(open_us(bench, kind, streams))
    return [Row(f"{streams} come {what} with HS256, and without a token: "
                "CPU for a stream", "us", [run[at] for run in runs["HS256"]],
                [run[at] for run in runs["none"]], limit)
            for at, (what, limit) in enumerate(
                (("first", None), ("back", COME_BACK_MAX)))]


def failing_token():
    """One of ES384 that nobody has sent, nor signed."""
    return ".".join([encode(b'{"alg":"ES384","typ":"JWT"}'),
                     encode(b'{"mercure":{"subscribe":["*"]}}'),
                     encode(os.urandom(96))])


class Flood:
    """Asks as fast as it can: with tokens that fail, from one address or from
    all of an IPv6 network, or without a token."""

    def __init__(self, address, kind):
        self.address, self.kind = address, kind
        self.is_over = threading.Event()
        self.counts = [0] * FLOODERS
        self.threads = [threading.Thread(target=self.run, args=(number,))
                        for number in range(FLOODERS)]

    def changes(self):
        if self.kind == "no token":
            return {"REMOTE_ADDR": "2001:db8::1"}
        low = encode(os.urandom(2)).encode().hex()[:4]
        address = "1" if self.kind == "one address" else low
        return {"REMOTE_ADDR": f"2001:db8::{address}",
                "HTTP_AUTHORIZATION": f"Bearer {failing_token()}"}

    def run(self, number):
        with fcgi_client.Client(self.address) as client:
            while not self.is_over.is_set():
                answer = client.ask("/events", "topic=t", method="HEAD",
                                    keep=True, **self.changes())
                assert answer.status[:3] in ("200", "401", "503")
                self.counts[number] += 1

    def __enter__(self):
        if self.kind != "nobody":
            for thread in self.threads:
                thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        for thread in self.threads:
            if thread.is_alive():
                thread.join()


def es384_options(bench):
    private, public = bench.path("es384"), bench.path("es384.pub")
    for command in (["ecparam", "-name", "secp384r1", "-genkey", "-noout",
                     "-out", private],
                    ["ec", "-in", private, "-pubout", "-out", public]):
        subprocess.run(["openssl", *command], check=True, capture_output=True)
    return ("--anonymous", "yes", "--token-key", f"dialect=07,file={public}")


def failing_run(bench, kind, streams):
    """Ticks of others, and what the responder has done meanwhile."""
    what = f"ES384 that fails, {kind}"
    with bench.responder(*es384_options(bench)) as process:
        with Flood(process.address, kind) as flood:
            found = bench.load(
                process.address, what, "--query", QUERY, "--streams", streams,
                "--window", FAILING_SECONDS, pids=[process.pid])
        signatures = Asked(process.address).metric("token_signatures_total")
    seconds = found["window"]["seconds"]
    return {
        "late": found["window"]["delay_ms"]["p99"],
        "cpu": found["processes"][0]["cpu_us"] / seconds / 1e6,
        "asked": sum(flood.counts), "signatures": signatures,
        "share": signatures * SIGNATURE_US / 1e6 / seconds}


def failing(bench, streams):
    """Tokens that fail, from one client: its signatures are budgeted."""
    runs = {kind: [] for kind in ("nobody", "no token", "one address",
                                  "one IPv6 network")}
    for kind in bench.alternating(PAIRS, names=tuple(runs)):
        runs[kind].append(failing_run(bench, kind, streams))
    rows = []
    for kind, found in runs.items():
        title = f"{streams} tick, beside them {kind}"
        is_judged = kind.startswith("one")
        for key, unit, what, most in (
                ("late", "ms", "99 of 100 ticks", LATE_MS_MAX),
                ("cpu", "of a core", "CPU of the responder", None),
                ("asked", "", "requests in all", None),
                ("signatures", "", "signatures checked", None),
                ("share", "of a core", "signatures, by the time of one",
                 SIGNATURE_SHARE_MAX)):
            rows.append(Row(f"{title}: {what}", unit,
                            [run[key] for run in found],
                            limit=most if is_judged else None,
                            limit_on="value"))
    return rows


def groups(is_quick):
    """Names to choose from, and what they run."""
    many = 2000 if is_quick else 10000
    return {
        f"tokens-private-{many}": functools.partial(private, streams=many),
        f"tokens-come-{many}": functools.partial(come_back, streams=many),
        "tokens-failing-1000": functools.partial(failing, streams=1000),
    }
