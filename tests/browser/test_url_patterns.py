"""URL patterns match what the browser's own URLPattern matches."""

import os
import pathlib
import random
import re
import subprocess

import pytest

BASE = "https://hub.example/.well-known/mercure"
SEED = 4711
PATTERNS = 400

ASK_BROWSER = r"""
const [pairs, base] = arguments;
const compiled = new Map();
const compile = (text) => {
    if (!compiled.has(text)) {
        try {
            compiled.set(text, new URLPattern(text, base));
        } catch {
            compiled.set(text, null);
        }
    }
    return compiled.get(text);
};
return pairs.map(([pattern, topic]) => {
    const found = compile(pattern);
    return found ? Number(found.test(topic, base)) : "E";
}).join("");
"""

# Each is also a topic for all the others.
FIXED = r"""
https://example.com/books/:id
/books/:id
books/:id
https://example.com
https://example.com/a?x=:v
?x=1
#h
http{s}?://example.com/*
https://*.example.com/*
https://example.com:8443/*
https://EXAMPLE.com/É\ x
foo
urn:example::x
urn:*
urn\:example\:x
urn:/x/*
(
https://example.com/{a
https://[::1]/x
https://[\:\:1]/x
https://[*]/x
/(\d+)
/x/:id(\d+)
/x/:id([a-z]+)-:n(\d{2,3})?
/(a|b)+
/(.*)
/([^\/]+?)
/a/:rest*
/a{/:b}?
/a/*
/*
/a/:x
/a/é
/a/%62
/.well-known/mercure/subscriptions/exact/:m/:s
/a/../b
/a/*/../b
/x?
/x\?y=1
*://*/*
https://*:*/x
https:a
https:/a
file:///a/*
mailto:*
foo://h/:x
foo://H/x
https://user\:pass@example.com/
https://:user::pass@example.com/
https://ex%41mple.com/
https://127.1/
https://a_b.example/
https://a..b/
https://example.com:80a/x
https://example.com:00443/
https://example.com:65536/
foo://h:443/
/:id:id
/:a:b
/:a-:b
/:a.:b
/{:a}{:b}
/{a}{b}*c
/{a}+
/{/b}*
/a**
/a*+
/a*?b
/:x?
/:x+/:y*
/{x:a y}+
/{:x.}*z
/.:x
/a\{b\}
/\:a
/a\
:a
:a:b
{:a}?://x/
{https}://example.com/a
{https://example.com}/a
htt(ps)://example.com/a
/a}b
{{a}}
/a{b{c}}
/x/(?:a)
/x/(+)
/x/(a**)
/x/(a{1,2})
/x/(a{1)
/x/([a-c]+)
/x/(\q)
/x/((?:ab)+)
/x/((?=a)a)
/x/(a)(b)
?a=*&b=:b
/s?:q
/s\\?:q
?{a=1}?
#*
#:frag
/p#:frag
/??x
##h
""".strip().splitlines()

TOPICS = r"""
https://example.com/books/1
https://example.com/books/1?x=2#y
https://u:p@example.com/books/1
https://EXAMPLE.com/books/1
https://example.com:443/books/1
https://example.com/books/
https://example.com/books/1/2
https://example.com/Books/1
http://example.com/books/1
/books/1
books/1
https://hub.example/books/1
https://sub.example.com/x
https://a.b.example.com/
https://example.com:8443/x
/a
/a/
/a/b
/a/b/c
/a/%C3%A9
/a/é
/a/../b
/a//b
/ab
/aab
/abbc
/
?x=1
#h
?a=1&b=2
?a=1
/p#q
/x/12
/x/ab-123
/x/ab-1
/x/aa
/x/ab
/x/abab
/1
/12
/a.b
/a-b
/.x
/x y
/{b}
/%7Bb%7D
http://[bad
http://x:99999/
https://[::1]/x
https://[0:0:0:0:0:0:0:1]/x
https://127.0.0.1/
https://0x7f.1/
urn:example:x
urn:example
urn:/x/1
mailto:a@b
file:///a/b
foo://h/x
foo://H/x
foo://h:443/
https:a
https:/a
https:\\example.com\a
//example.com/a
https://user:pass@example.com/
https://a_b.example/
https://a..b/
/.well-known/mercure/subscriptions/exact/https%3A%2F%2Fe%2F1/urn%3Auuid%3A1
/.well-known/./foo
foo
/s?q
/x
/y
https://a:81/x
""".strip().splitlines()

# What the random patterns are made of.
FRONTS = ["", "", "/", "https://example.com/", "https://*.example.com/",
          "http{s}?://example.com/", "https://:sub.example.com:8443/",
          "*://h/", "foo://h/", "urn:", "?", "#", "/a?"]
PIECES = ["a", "b", "ab", "1", "/", "*", ":x", ":y", "?", "+", "{a}", "{/b}?",
          "{/:z}*", "{b}+", "{a:w/b}", ".", "..", "-", "%61", "é", "=", "&",
          "(a)", "(b|ab)", "(\\d+)", "([ab]*)",
          "{", "}", "\\", ":", "#", "(", ")"]
WEIGHTS = [3] * 5 + [2] * 21 + [0.3] * 7
TOPIC_PIECES = ["a", "b", "ab", "1", "/", "/", "a b", "é", "%61", "..", ".",
                "-", "=", "&", "?", "#", "//"]


def likely_topic(rng, pattern):
    """One that has a chance to match."""
    topic = re.sub(r"\([^)]*\)?", lambda _: rng.choice(["a", "ab", "12"]),
                   pattern)
    topic = re.sub(r"(?<!\{):(?:[a-z]+|z)", lambda _: rng.choice("ab1"),
                   topic)
    topic = re.sub(r":z|\*", lambda _: rng.choice(["", "a", "b/1"]), topic)
    return re.sub(r"[{}+?\\]", "", topic)


def random_pattern(rng):
    pattern = rng.choice(FRONTS) + "".join(
        rng.choices(PIECES, WEIGHTS, k=rng.randint(1, 6)))
    # All topics, for a selector; and a name that is not ASCII.
    return "/" if pattern == "*" else re.sub("(:[a-z]*)é", r"\1/é", pattern)


def random_pairs():
    rng = random.Random(SEED)
    fronts = ["/", "https://example.com/", "https://s.example.com/",
              "http://example.com/", "https://s.example.com:8443/",
              "foo://h/", "urn:", "?", ""]
    for _ in range(PATTERNS):
        pattern = random_pattern(rng)
        for topic in rng.sample(TOPICS, 5):
            yield pattern, topic
        for _ in range(10):
            yield pattern, likely_topic(rng, pattern)
            yield pattern, rng.choice(fronts) + "".join(
                rng.choices(TOPIC_PIECES, k=rng.randint(0, 5)))


def fixed_pairs():
    return [(pattern, topic) for pattern in FIXED
            for topic in TOPICS + FIXED]


def ask_ours(pairs):
    program = (pathlib.Path(os.environ["FCGI_SSE"]).parent /
               "tests/unit/ask_patterns")
    text = "".join(f"{pattern}\t{topic}\n" for pattern, topic in pairs)
    return subprocess.run([program, BASE], input=text.encode(),
                          stdout=subprocess.PIPE, timeout=60,
                          check=True).stdout.decode().strip()


@pytest.mark.parametrize("pairs", [fixed_pairs, random_pairs])
def test_same_as_browser(any_page, site, pairs):
    pairs = list(pairs())
    if ask_ours([(r"/(\d+)", "/1")]) == "E":     # built without PCRE2
        pairs = [pair for pair in pairs if "(" not in pair[0]]
    any_page.open(site.url)
    expected = any_page.run(ASK_BROWSER, pairs, BASE)
    got = ask_ours(pairs)
    assert len(got) == len(expected) == len(pairs)
    assert expected.count("1") > 100 and expected.count("E") > 100
    different = [(pattern, topic, theirs, ours)
                 for (pattern, topic), theirs, ours
                 in zip(pairs, expected, got) if theirs != ours]
    assert different == []
