"""A running fcgi-sse: started, watched through /proc and its log, stopped."""

import collections
import contextlib
import fcntl
import json
import os
import pathlib
import random
import re
import shlex
import signal
import socket
import subprocess
import threading
import time

import fcgi_client
from checks import check_404
from fcgi_client import WAIT_S

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("FCGI_SSE", str(ROOT / "fcgi-sse"))
STOP_S = 30
# Within what a good client is answered, also on a machine that is busy.
GOOD_S = 5
LOG_PIPE_BYTES = 1 << 20
PORTS_HELD_MAX = 64
SANITIZER_REPORT = re.compile(
    r"AddressSanitizer|LeakSanitizer|UndefinedBehaviorSanitizer"
    r"|runtime error:")
# Words of the environment that choose how the program runs.
CHOOSING = re.compile(r"FCGI_SSE_|LISTEN_|NOTIFY_|GATEWAY_|REQUEST_|WATCHDOG_|MERCURE_")


def wait_until(question, what, wait_s=WAIT_S):
    """The first true answer to `question()`."""
    deadline = time.monotonic() + wait_s
    while not (answer := question()):
        assert time.monotonic() < deadline, f"not within {wait_s} s: {what}"
        time.sleep(0.005)
    return answer


def wait_past_ms(ms):
    """Until a timer that was set before is due, whether it runs or not."""
    due = time.monotonic() + ms / 1000
    wait_until(lambda: time.monotonic() >= due, f"{ms} ms have passed")


held_ports = collections.deque()


def hold_port(port):
    """Keeps other tests of this machine, or of this network namespace, from
    taking the port for free before it is used. False if another has it."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        sock.bind(f"\0fcgi-sse-test-port-{port}")
    except OSError:
        sock.close()
        return False
    held_ports.append(sock)
    if len(held_ports) > PORTS_HELD_MAX:
        held_ports.popleft().close()
    return True


def free_port(host="127.0.0.1"):
    """A port that is none of those that clients are given by the kernel: there
    a client of another test could have it by the time it is used."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    text = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text()
    below = max(int(text.split()[0]), 12000)
    for _ in range(1000):
        port = random.randrange(11000, below)
        with socket.socket(family) as sock:
            try:
                sock.bind((host, port))
            except OSError:
                continue
        if hold_port(port):
            return port
    raise AssertionError("no port is free")


def is_sanitized(binary=BINARY):
    return b"__asan_init" in pathlib.Path(binary).read_bytes()


def clean_environ(changes=None):
    """The environment without what would choose how the program runs."""
    values = {name: value for name, value in os.environ.items()
              if not CHOOSING.match(name)}
    values["TZ"] = "UTC"
    values["ASAN_OPTIONS"] = "detect_leaks=1:quarantine_size_mb=4"
    values["UBSAN_OPTIONS"] = "halt_on_error=1:print_stacktrace=1"
    values.update(changes or {})
    return values


def run(*args, env=None, stdin=subprocess.DEVNULL, wait_s=WAIT_S):
    """Runs the program to its end and gives the CompletedProcess."""
    done = subprocess.run([BINARY, *args], env=clean_environ(env), text=True,
                          stdin=stdin, capture_output=True, timeout=wait_s)
    assert not SANITIZER_REPORT.search(done.stderr), done.stderr
    return done


class Line(dict):
    """A log line: its fields by name, with time, level and event."""

    def __init__(self, text):
        self.text = text
        if text.startswith("{"):
            super().__init__(json.loads(text))
            return
        words = text.split(" ", 3)
        super().__init__(zip(("time", "level", "event"), words))
        for word in shlex.split(words[3]) if len(words) > 3 else []:
            name, _, value = word.partition("=")
            self[name] = value

    def has(self, **fields):
        return all(str(self.get(name)) == str(value)
                   for name, value in fields.items())


class Responder:
    """One process. `addresses` are those that it listens on."""

    def __init__(self, args, addresses=(), env=None, stdin=subprocess.DEVNULL,
                 command=(BINARY,), pass_fds=(), await_ready=True):
        self.addresses = list(addresses)
        self.lines = []             # raw lines of stderr
        self.reading = threading.Lock()     # held: nobody reads the log
        self._news = threading.Condition()
        self._is_stopping = False
        self.process = subprocess.Popen(
            [*command, *args], env=clean_environ(env), stdin=stdin,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            pass_fds=pass_fds)
        # So that no line is lost while the test is too busy to read.
        with contextlib.suppress(PermissionError):
            self.resize_log_pipe(LOG_PIPE_BYTES)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if await_ready:
            self.wait_ready()

    def _read(self):
        for line in self.process.stderr:
            with self.reading, self._news:
                self.lines.append(line.decode("utf-8", "backslashreplace")
                                  .rstrip("\n"))
                self._news.notify_all()

    def resize_log_pipe(self, size):
        fcntl.fcntl(self.process.stderr, fcntl.F_SETPIPE_SZ, size)

    def wait_ready(self):
        """Until it says so, for each address."""
        for address in self.addresses:
            try:
                self.wait_log("ready", listen=address)
            except BaseException:
                self.process.kill()
                raise

    def wait_up(self):
        """Until it can be connected to, where its log does not tell."""
        def is_up():
            try:
                self.client().close()
            except OSError:
                assert self.is_alive(), "\n".join(self.lines)
                return False
            return True

        wait_until(is_up, "the socket")

    # Its log

    @property
    def log(self):
        with self._news:
            return [Line(text) for text in self.lines
                    if re.match(r"\{|\d{4}-\d\d-\d\dT", text)]

    def wait_log(self, event, count=1, wait_s=WAIT_S, **fields):
        """The count-th line of that event and fields, once it is there."""
        deadline = time.monotonic() + wait_s
        while True:
            # Its last lines may be read after it has ended.
            is_over = not self._reader.is_alive()
            with self._news:
                had = len(self.lines)
            found = [line for line in self.log
                     if line.has(event=event, **fields)]
            if len(found) >= count:
                return found[count - 1]
            with self._news:
                left_s = deadline - time.monotonic()
                if left_s <= 0 or is_over:
                    raise AssertionError(f"no line {event} {fields} among\n"
                                         + "\n".join(self.lines))
                if len(self.lines) == had:
                    self._news.wait(min(left_s, 0.1))

    # The process

    @property
    def pid(self):
        return self.process.pid

    @property
    def address(self):
        return self.addresses[0]

    def is_alive(self):
        return self.process.poll() is None

    def fd_count(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def rss_kib(self, kind="VmRSS"):
        """Resident memory: all, or RssAnon, which has no pages of files."""
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(kind + r":\s+(\d+) kB", status).group(1))

    def wakeups(self):
        """How often it slept and was woken so far."""
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"(?m)^voluntary_ctxt_switches:\s+(\d+)",
                             status).group(1))

    def cpu_us(self):
        """CPU used so far."""
        text = pathlib.Path(f"/proc/{self.pid}/schedstat").read_text()
        return int(text.split()[0]) / 1000

    def _state(self):
        stat = pathlib.Path(f"/proc/{self.pid}/stat").read_text()
        return stat.rpartition(")")[2].split()[0]

    @contextlib.contextmanager
    def paused(self):
        """Stops the process: it finds all that happens meanwhile at once."""
        self.process.send_signal(signal.SIGSTOP)
        wait_until(lambda: self._state() == "T", "the process stops")
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def client(self, **options):
        return fcgi_client.Client(self.address, **options)

    def ask(self, path="/", query="", **options):
        return fcgi_client.ask(self.address, path, query, **options)

    def check_good(self):
        """A good client is served, and waits for nobody."""
        began = time.monotonic()
        answer = self.ask("/good")
        check_404(answer, "/good")
        assert time.monotonic() - began < GOOD_S

    @contextlib.contextmanager
    def unharmed(self, slack_kib=4096):
        """What the block does leaves nothing behind."""
        self.check_good()
        fds, anon_kib = self.fd_count(), self.rss_kib("RssAnon")
        yield self
        assert self.is_alive(), "\n".join(self.lines)
        self.check_good()
        wait_until(lambda: self.fd_count() <= fds,
                   f"back to {fds} descriptors")
        if not is_sanitized():
            wait_until(lambda: self.rss_kib("RssAnon") <= anon_kib + slack_kib,
                       f"memory of {anon_kib} KiB and {slack_kib}")

    def send_stop(self, number=signal.SIGTERM):
        """Signals it to stop, once: a second signal would mean more."""
        if not self._is_stopping and self.is_alive():
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(number)
        self._is_stopping = True

    def wait_end(self, wait_s=STOP_S):
        """Its exit status, once it has ended and all of its log is read."""
        status = self.process.wait(wait_s)
        self._reader.join(STOP_S)
        return status

    def stop(self, number=signal.SIGTERM):
        """Signals it, waits, and checks that it ended well."""
        self.send_stop(number)
        try:
            status = self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            status = f"none {STOP_S} s after {signal.Signals(number).name}"
        self._reader.join(STOP_S)
        self.process.stderr.close()
        text = "\n".join(self.lines)
        assert not SANITIZER_REPORT.search(text), text
        assert status == 0, f"exit status {status}\n{text}"
