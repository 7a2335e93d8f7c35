"""The chat between windows, and the panel that publishes."""

import json
import os
import subprocess
from types import SimpleNamespace
import urllib.parse
import urllib.request

import pytest

from test_access import LOW_CONTRASTS

KEY = "correct-horse.battery"
NASTY = """a'b "c" $HOME `id` \\n !! %41+&=# é\n  second line\n"""

# Each line of the chat: name, text, and whether it is this window's.
LINES = """
return Array.from(document.querySelectorAll("#chat-log p"), (line) => [
    line.querySelector("bdi")?.textContent ?? "",
    (line.querySelector("span") ?? line).textContent,
    line.classList.contains("mine")]);
"""

# A web server that answers for fcgi-sse, once a script has loaded.
ANSWER = """
const [status, type, body] = arguments;
const passOn = window.fetch;
window.fetch = (url, options) => options.method !== "POST"
    ? passOn(url, options) : Promise.resolve(new Response(body,
        { status, statusText: "Sorry", headers: { "Content-Type": type } }));
"""

FLOOD = """
for (let i = 0; i < 30; i++) {
    $("chat-text").value = `flood ${i}`;
    $("chat-form").requestSubmit();
}
"""


def publish(site, **fields):
    """The id of the event."""
    request = urllib.request.Request(
        site.url + "events", urllib.parse.urlencode(fields).encode(),
        {"Authorization": f"Bearer {KEY}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read().decode()


def say(site, name, text):
    return publish(site, topic="chat",
                   data=json.dumps({"name": name, "text": text}))


def first_event(site, topic):
    """The fields of the first event that the topic keeps."""
    query = urllib.parse.urlencode({"topic": topic, "lastEventID": "earliest"})
    fields = []
    with urllib.request.urlopen(f"{site.url}events?{query}",
                                timeout=10) as stream:
        for line in stream:
            line = line.decode().rstrip("\n")
            if line and not line.startswith(":"):
                fields.append(line)
            elif fields:
                return fields


def lines(page):
    return page.run(LINES)


def texts(page):
    return [text for _, text, _ in lines(page)]


def write(page, text):
    page.find("chat-text").send_keys(text + "\n")


@pytest.fixture(scope="module")
def key_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("key") / "keys"
    path.write_text(KEY + "\n")
    path.chmod(0o600)
    return path


@pytest.fixture(scope="module")
def talk(start_site, open_page, key_file):
    """Two windows of one page, opened when something had been said."""
    site = start_site("--public-topic", "chat", "--drain-spread", "0",
                      "--publish-key-file", str(key_file))
    for text in ("one", "two", "three"):
        say(site, "Ann", text)
    talk = SimpleNamespace(site=site, ann=open_page(site.url),
                           ben=open_page(site.url))
    for page, name in ((talk.ann, "Ann"), (talk.ben, "Ben")):
        page.wait_state("chat", "open")
        page.find("chat-name").clear()
        page.find("chat-name").send_keys(name)
    return talk


def test_history_and_two_windows(talk):
    """Both windows count at first, and take all six connections."""
    for page in (talk.ann, talk.ben):
        page.wait(lambda: len(lines(page)) >= 3)
        assert lines(page) == [["Ann", text, False]
                               for text in ("one", "two", "three")]
        assert page.all("#chat-log time[datetime]")
    write(talk.ann, "Hello Ben")
    talk.ben.wait(lambda: "Hello Ben" in texts(talk.ben))
    write(talk.ben, "Hello Ann")
    write(talk.ben, "how are you?")
    talk.ann.wait(lambda: "how are you?" in texts(talk.ann))
    said = [("Ann", "Hello Ben"), ("Ben", "Hello Ann"),
            ("Ben", "how are you?")]
    for page, own in ((talk.ann, "Ann"), (talk.ben, "Ben")):
        page.wait(lambda: [line[2] for line in lines(page)[3:]]
                  == [name == own for name, _ in said])
        assert [(name, text) for name, text, _ in lines(page)[3:]] == said
        assert page.find("chat-text").get_attribute("value") == ""
        page.check_quiet()


def test_text_is_nothing_but_text(talk):
    page = talk.ann
    markup = "<img src=x onerror=document.title='bad'><b>bold</b>"
    say(talk.site, "<b>" + "n" * 60, markup)
    for data in ("no JSON", "null", '{"name": 1, "text": "t"}', ""):
        publish(talk.site, topic="chat", data=data)
    say(talk.site, "  ", "last")
    page.wait(lambda: texts(page)[-1] == "last")
    assert [line[:2] for line in lines(page)[-6:]] == [
        ["<b>" + "n" * 37, markup], ["Nameless", "no JSON"],
        ["Nameless", "null"], ["Nameless", '{"name": 1, "text": "t"}'],
        ["Nameless", ""], ["Nameless", "last"]]
    assert not page.all("#chat-log img, #chat-log b")
    page.check_quiet()


def test_for_screen_readers(talk):
    page = talk.ann
    assert page.find("chat-log").aria_role == "log"
    page.wait(lambda: page.find("chat-log").get_attribute("aria-live")
              == "polite")
    for element_id, name in (("chat-log", "Chat"), ("chat-name", "Name"),
                             ("chat-text", "Message"),
                             ("publish-key", "Key")):
        assert page.find(element_id).accessible_name == name


def test_comes_back_to_what_it_missed(talk):
    """The page is put away, and taken out again."""
    page = talk.ben
    page.wait(lambda: texts(page)[-1] == "last")
    before = texts(page)
    page.find("publish-key").send_keys(KEY)
    page.open(talk.site.url + "web-servers")
    say(talk.site, "Ann", "while you were away")
    page.driver.back()
    page.wait(lambda: page.text("chat-note")
              == "Connected again; nothing was missed.")
    page.wait(lambda: texts(page)[len(before):] == ["while you were away"])
    assert texts(page)[:len(before)] == before
    assert page.find("publish-key").get_attribute("value") == ""


def test_events_named_as_the_browsers_own_are_not_taken_for_them(talk):
    """Whoever takes a published `error` for a lost connection comes back, is
    sent it again, and so on for ever."""
    pages = (talk.ann, talk.ben)
    before = [page.states("chat") for page in pages]
    for name in ("error", "open", "error"):
        publish(talk.site, topic="chat", type=name, data="not said")
    say(talk.site, "Ann", "behind them")
    for page, states in zip(pages, before):
        page.wait(lambda: texts(page)[-1] == "behind them")
        assert page.states("chat") == states
        assert "not said" not in texts(page)
        assert page.run("return chat.source.readyState") == 1
        page.check_quiet()


def test_looks_well_anywhere(talk):
    page = talk.ann
    say(talk.site, "N" * 40, "long" * 100)
    page.wait(lambda: texts(page)[-1] == "long" * 100)
    for width in (320, 390, 768, 1100):
        page.resize(width, 800)
        assert page.run("return document.documentElement.scrollWidth") <= width
        page.wait(lambda: page.run(
            "const { scrollHeight, scrollTop, clientHeight } = chat.box;"
            "return scrollHeight - scrollTop - clientHeight < 2"))
    page.run("chatShowGap(chat.box.lastElementChild);"
             "show('publish', 'failed', 'No.');"
             "setText('chat-answer', 'No.');")
    for state in ("open", "closed"):
        page.run("show('chat', arguments[0], 'Note.')", state)
        for scheme in ("light", "dark"):
            page.emulate(prefers_color_scheme=scheme)
            assert page.run(LOW_CONTRASTS) == []
    page.run("chat.box.lastElementChild.remove()")


def test_panel_and_its_command_do_the_same(talk):
    page = talk.ann
    values = {"topic": "it's new", "type": "greeting", "data": NASTY}
    for name, value in values.items():
        page.run("$(arguments[0]).value = arguments[1];"
                 "panelShow()", f"publish-{name}", value)
    page.find("publish-key").send_keys(KEY)
    page.click("publish-send")
    page.wait_state("publish", "published")
    published = first_event(talk.site, "it's new")
    event_id = page.text("publish-note").rpartition(" ")[2]
    assert published[0] == f"id: {event_id}"
    assert published[1:] == ["event: greeting"] + [
        f"data: {line}" for line in NASTY.split("\n")]
    command = page.text("publish-curl")
    assert KEY not in command and page.is_shown("publish-key-note")
    done = subprocess.run(
        ["/bin/sh", "-c", command.replace("it'\\''s new", "by curl")],
        capture_output=True, text=True, timeout=60,
        env={**os.environ, "KEY": KEY})
    by_curl = first_event(talk.site, "by curl")
    assert by_curl[0] == f"id: {done.stdout}", done.stderr
    assert by_curl[1:] == published[1:]
    page.click("publish-copy")
    page.wait(lambda: page.text("publish-copied") == "Copied.")
    assert page.run("return getSelection().toString()") == command
    assert page.run("return localStorage.length + sessionStorage.length"
                    " + document.cookie.length") == 0
    page.check_quiet()


def test_panel_says_what_the_server_says(talk):
    page = talk.ann
    page.find("publish-topic").send_keys("x")
    page.find("publish-key").clear()
    assert not page.is_shown("publish-key-note")
    page.click("publish-send")
    page.wait_state("publish", "failed")
    assert page.text("publish-note").startswith("401 Unauthorized: publishing")
    page.find("publish-key").send_keys("wrong ключ")
    page.click("publish-send")
    page.wait(lambda: "401" not in page.text("publish-note"))
    page.wait_state("publish", "failed")
    page.find("publish-key").clear()
    assert {message["source"] for message in page.messages()} <= {"network"}


def test_chat_is_stopped_by_the_rate(talk):
    page = talk.ben
    page.run(FLOOD)
    page.wait(lambda: page.text("chat-answer"))
    assert page.text("chat-answer") \
        == "429 Too Many Requests: this address has published too often"
    page.wait(lambda: page.run("return chat.sending.then(() => true)"))
    left = page.find("chat-text").get_attribute("value")
    page.wait(lambda: sum("flood" in text for text in texts(page))
              + left.count("flood") == 30)
    shown = [text for text in texts(page) if text.startswith("flood")]
    assert shown == sorted(shown, key=lambda text: int(text.split()[1]))
    page.messages()


def test_server_is_started_anew(talk):
    """What is shown stays, once; what the server forgot is told."""
    pages = (talk.ann, talk.ben)
    page = talk.ben
    page.wait(lambda: texts(page)[-1].startswith("flood"))
    before = {page: texts(page) for page in pages}
    talk.site.responder.stop()
    for page in pages:
        page.wait(lambda: page.state("chat") != "open")
    talk.site.start_responder()
    say(talk.site, "Ann", "a new server")
    for page in pages:
        page.wait_state("chat", "open", wait_s=30)
        page.wait(lambda: len(texts(page)) == len(before[page]) + 2)
        rule, news = texts(page)[len(before[page]):]
        assert texts(page)[:len(before[page])] == before[page]
        assert rule.startswith("The server has not kept what is above")
        assert news == "a new server"
        assert "no memory" in page.text("chat-note")
    say(talk.site, "Ann", "goes on")
    for page in pages:
        page.wait(lambda: texts(page)[-1] == "goes on")
        assert len(texts(page)) == len(before[page]) + 3
        page.messages()


def test_chat_where_the_topic_is_not_public(page, start_site, key_file):
    """Nobody is asked to write what would be refused."""
    site = start_site("--publish-key-file", str(key_file))
    page.open(site.url)
    page.wait_state("chat", "open")
    page.wait(lambda: page.find("chat-help").is_displayed())
    assert "--public-topic chat" in page.text("chat-help")
    assert "public-topic = chat" in page.text("chat-help")
    assert not page.find("chat-form").is_displayed()
    say(site, "Ann", "read by all")
    page.wait(lambda: texts(page) == ["read by all"])
    assert page.run(LOW_CONTRASTS) == []


def test_chat_where_the_topic_is_public(talk):
    for page in talk.ann, talk.ben:
        assert page.find("chat-form").is_displayed()
        assert not page.find("chat-help").is_displayed()


def test_chat_shows_what_the_server_says(any_page, start_site):
    site = start_site("--public-topic", "chat")
    page = any_page
    page.open(site.url)
    page.wait_state("chat", "open")
    page.find("chat-text").send_keys("hello?")
    for answer, told in (
            ((501, "text/plain; charset=utf-8", "501 Not Implemented: no\n"),
             "501 Not Implemented: no"),
            ((503, "text/html", "<h1>Sorry</h1>"), "503 Sorry")):
        page.run(ANSWER, *answer)
        page.find("chat-text").send_keys("\n")
        page.wait(lambda: page.text("chat-answer") == told)
        assert page.find("chat-text").get_attribute("value") == "hello?"
