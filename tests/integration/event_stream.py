"""A strict reader of event streams: HTML standard, section 9.2.

It interprets as the standard says, and keeps what a browser would drop without
a word (comments, unknown fields, an event cut at the end), so that a test can
say that there was none.
"""

import codecs
import collections

Event = collections.namedtuple("Event", "type data id")


class Parser:
    def __init__(self):
        self.events = []
        self.comments = []
        self.ignored = []           # lines that a browser drops
        self.retry_ms = None
        self.last_event_id = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("strict")
        self._text = ""
        self._started = False
        self._data = []
        self._type = ""
        self._id = ""

    @property
    def is_whole(self):
        """Whether the stream ended with an event or a comment, not in one."""
        return not (self._text or self._data or self._type)

    def feed(self, data):
        self._text += self._decoder.decode(data)
        if not self._started and self._text:
            self._text = self._text.removeprefix("\ufeff")
            self._started = True
        while (line := self._take_line()) is not None:
            self._line(line)
        return self

    def _take_line(self):
        for at, char in enumerate(self._text):
            if char not in "\r\n":
                continue
            if char == "\r" and at + 1 == len(self._text):
                return None         # an LF may follow
            line = self._text[:at]
            size = 2 if self._text[at:at + 2] == "\r\n" else 1
            self._text = self._text[at + size:]
            return line
        return None

    def _line(self, line):
        if not line:
            self._dispatch()
            return
        field, colon, value = line.partition(":")
        value = value.removeprefix(" ")
        if colon and not field:
            self.comments.append(value)
        elif field == "data":
            self._data.append(value)
        elif field == "event":
            self._type = value
        elif field == "id" and "\0" not in value:
            self._id = value
        elif field == "retry" and value.isascii() and value.isdigit():
            self.retry_ms = int(value)
        else:
            self.ignored.append(line)

    def _dispatch(self):
        self.last_event_id = self._id
        if self._data:
            self.events.append(Event(self._type or "message",
                                     "\n".join(self._data), self._id))
        elif self._type:
            self.ignored.append("event: " + self._type)
        self._data, self._type = [], ""


def parse(data):
    return Parser().feed(data)
