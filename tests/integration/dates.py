"""The clock's four formats, read back and printed again to the byte."""

import calendar
import datetime

UTC = datetime.timezone.utc
FORMATS = {
    "js": "%a %b %d %Y %H:%M:%S GMT+0000 (Coordinated Universal Time)",
    "iso": "%Y-%m-%dT%H:%M:%S.",
    "http": "%a, %d %b %Y %H:%M:%S GMT",
    "unix": None,
}


def print_date(name, ms):
    moment = datetime.datetime.fromtimestamp(ms // 1000, UTC)
    if name == "unix":
        return str(ms // 1000)
    text = moment.strftime(FORMATS[name])
    return text + f"{ms % 1000:03d}Z" if name == "iso" else text


def parse_date(name, text):
    """Milliseconds since the epoch. The text must be just as we print it."""
    if name == "unix":
        ms = int(text) * 1000
    elif name == "iso":
        whole = datetime.datetime.strptime(text, FORMATS["iso"] + "%fZ")
        ms = calendar.timegm(whole.timetuple()) * 1000 \
            + whole.microsecond // 1000
    else:
        whole = datetime.datetime.strptime(text, FORMATS[name])
        ms = calendar.timegm(whole.timetuple()) * 1000
    assert print_date(name, ms) == text
    return ms
