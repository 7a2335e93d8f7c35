"""What several tests expect: heads, and the bytes of a counter."""

import re

STREAM_HEAD = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-cache, no-store, no-transform",
    "X-Accel-Buffering": "no",
    "Incremental": "?1",
}
# Fields that belong to the web server.
HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer",
              "transfer-encoding", "upgrade", "content-encoding"}


def check_form(answer):
    """The head is lines of `Name: value`, nothing in it belongs to the web
    server, each name is there once (`headers` sees to that), and the response
    has ended well."""
    assert re.fullmatch(rb"(?:[A-Za-z-]+: [\x21-\x7e][\x20-\x7e]*\r\n)+\r\n",
                        answer.head)
    assert not HOP_BY_HOP & {name.lower() for name in answer.headers}
    assert answer.end == (0, 0)


def check_short(answer, status, body, **more):
    """One line of text, and nothing else."""
    check_form(answer)
    assert answer.headers == {
        "Status": status,
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Length": str(len(body)),
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    } | {name.replace("_", "-"): value for name, value in more.items()}
    assert answer.body == body.encode()


def check_404(answer, path):
    check_short(answer, "404 Not Found", f"404 Not Found: {path}\n")


def counter_body(first, last):
    """The counter's events from the first number to its end."""
    text = "".join(f'id: {n}\ndata: {{"num":{n}}}\n\n'
                   for n in range(first, last + 1))
    return (text + f'event: end\ndata: {{"count":{last}}}\n\n').encode()
