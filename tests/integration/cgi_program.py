"""The program as a CGI program, without a web server."""

import contextlib
import os
import select
import subprocess
import threading

import fcgi_client
import responder
from responder import BINARY, SANITIZER_REPORT, STOP_S


def read_some(source):
    assert select.select([source], [], [], responder.WAIT_S)[0], "silence"
    return os.read(source.fileno(), 65536)


class Program:
    """One run: stdin and stdout are the pipes of a web server."""

    def __init__(self, path="/", query="", stdin=subprocess.DEVNULL,
                 stdout=subprocess.PIPE, args=(), env=None, **changes):
        changes.setdefault("mount", "/cgi-bin/sse.cgi")
        values = fcgi_client.environ(path, query, **changes)
        self.process = subprocess.Popen(
            [BINARY, *args], stdin=stdin, stdout=stdout,
            stderr=subprocess.PIPE, bufsize=0,
            env=responder.clean_environ({**values, **(env or {})}))
        self.errors = b""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        self.errors = self.process.stderr.read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()
        self._reader.join()
        self.process.stderr.close()

    def read_until(self, enough, source=None):
        """An Answer from what it writes, once it is enough."""
        answer = fcgi_client.Answer()
        while not enough(answer):
            data = read_some(source or self.process.stdout)
            assert data, f"ended behind {bytes(answer.out[-200:])}"
            answer.out += data
        return answer

    def read_rest(self, source=None):
        """All that it writes until its end."""
        rest = b""
        while data := read_some(source or self.process.stdout):
            rest += data
        return rest

    def wait_end(self):
        """Its exit status is 0, and no sanitizer has anything to say."""
        status = self.process.wait(STOP_S)
        self._reader.join()
        assert not SANITIZER_REPORT.search(self.errors.decode())
        assert status == 0, self.errors.decode()


def ask(path="/", query="", body=None, **changes):
    """One whole run, as an Answer that has ended."""
    stdin = subprocess.PIPE if body is not None else subprocess.DEVNULL
    with Program(path, query, stdin=stdin, **changes) as program:
        if body is not None:
            program.process.stdin.write(body)
            program.process.stdin.close()
        answer = fcgi_client.Answer()
        answer.out += program.read_rest()
        program.wait_end()
    answer.end = (0, 0)
    return answer


@contextlib.contextmanager
def streams(env, count):
    """So many open streams."""
    with contextlib.ExitStack() as stack:
        programs = [stack.enter_context(Program("/clock", env=env))
                    for _ in range(count)]
        for program in programs:
            assert program.read_until(
                lambda answer: answer.head).status == "200 OK"
        yield programs
