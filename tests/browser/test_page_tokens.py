"""The panel that publishes, with tokens in place of a key."""

import urllib.parse
import urllib.request

import pytest

import tokens

KEY = "correct-horse.battery"
PAST = 946684800            # the year 2000
MARKUP = "<img src=x onerror=alert(1)>"

INVALID = ("401 Unauthorized: the token is not valid; the hub's log says "
           "why")

# A web server that puts a page of its own in place of each refusal's text.
ANSWER = """
const [challenge] = arguments;
window.passOn ??= window.fetch;
window.fetch = (url, options) => options?.method !== "POST"
    ? passOn(url, options) : Promise.resolve(new Response("<p>No",
        { status: 401, statusText: "Sorry", headers: {
            "Content-Type": "text/html", "WWW-Authenticate": challenge } }));
"""

# The terms of the list, and what is said of each.
ROWS = """
const cells = (name) => Array.from(
    document.querySelectorAll(`#publish-token ${name}`),
    (cell) => cell.textContent);
return [cells("dt"), cells("dd")];
"""


@pytest.fixture(scope="module")
def hub(start_site, tmp_path_factory):
    directory = tmp_path_factory.mktemp("keys")
    key_file = directory / "keys"
    key_file.write_text(KEY + "\n")
    key_file.chmod(0o600)
    return start_site("--publish-key-file", str(key_file),
                      *tokens.key_args(directory))


@pytest.fixture
def panel(any_page, hub):
    page = any_page.open(hub.url)
    page.run("$('publish-topic').value = 'news'")
    yield page
    page.run("$('publish-key').value = ''")
    assert page.run("return window.violations") == []
    assert {message["source"] for message in page.messages()} <= {"network"}


def enter(page, text):
    page.find("publish-key").clear()
    page.find("publish-key").send_keys(text)


def rows(page):
    return dict(zip(*page.run(ROWS)))


def publish(page, state):
    page.click("publish-send")
    page.wait_state("publish", state)
    return page.text("publish-note")


def first_id(hub, topic, token):
    query = urllib.parse.urlencode({"topic": topic, "lastEventID": "earliest"})
    request = urllib.request.Request(
        f"{hub.url}events?{query}",
        headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        for line in answer:
            if line.startswith(b"id: urn:"):
                return line.decode().strip()[len("id: "):]
    raise AssertionError("the stream has ended")


def test_token_of_draft_07_is_shown_and_publishes(hub, panel):
    token = tokens.old(publish=["news", "log"], subscribe=["*"],
                       iss=MARKUP, exp=tokens.FAR)
    enter(panel, token)
    shown = rows(panel)
    assert panel.is_shown("publish-token")
    assert "2100" in shown.pop("Expires")
    assert shown == {
        "Algorithm": "HS256", "Issuer": MARKUP, "Audience": "not said",
        "Not before": "not said", "May publish": "news, log (mercure)",
        "May subscribe": "* (mercure)"}
    assert panel.all("#publish-token img") == []
    note = publish(panel, "published")
    assert note.rpartition(" ")[2] == first_id(hub, "news", token)
    assert token not in panel.text("publish-curl")
    assert token not in panel.driver.current_url
    assert panel.run("return localStorage.length + sessionStorage.length"
                     " + document.cookie.length") == 0


def test_token_of_draft_08_is_shown_and_publishes(panel):
    enter(panel, tokens.new(actions=["publish"], nbf=PAST, topics=[
        "news", ("/books/:id", "urlpattern")]))
    shown = rows(panel)
    assert shown["Issuer"] == tokens.ISSUER
    assert shown["Audience"] == tokens.AUDIENCE
    assert "valid" not in shown["Not before"] != "not said"
    assert shown["May publish"] == ("news, /books/:id (urlpattern)"
                                    " (authorization_details)")
    assert shown["May subscribe"] == "nothing"
    publish(panel, "published")


def test_token_out_of_its_time(panel):
    enter(panel, tokens.old(publish=["*"], exp=PAST, nbf=tokens.FAR))
    assert rows(panel)["Expires"].endswith(": expired")
    assert rows(panel)["Not before"].endswith(": not valid yet")
    enter(panel, tokens.old(publish=["*"], exp=PAST))
    assert publish(panel, "failed") == INVALID


def test_wrong_signature_is_refused_with_the_reason(panel):
    enter(panel, tokens.old(publish=["*"], secret=tokens.OTHER_SECRET))
    assert rows(panel)["May publish"] == "* (mercure)"
    assert publish(panel, "failed") == INVALID


def test_reason_is_taken_from_the_challenge_where_the_text_is_not(panel):
    panel.run(ANSWER, 'Bearer error="invalid_token",'
                      ' error_description="signed by \\"x\\", unknown"')
    enter(panel, tokens.old(publish=["*"]))
    assert publish(panel, "failed") == '401: signed by "x", unknown'
    panel.run(ANSWER, "Bearer")
    publish(panel, "failed")
    panel.wait(lambda: panel.text("publish-note") == "401 Sorry")


@pytest.mark.parametrize("claims", [
    {"mercure": 5, "exp": {}, "nbf": "soon", "aud": [], "iss": None},
    {"exp": {"toString": 1, "valueOf": 1}, "nbf": ["5"],
     "mercure": {"publish": [{"toString": 1}]}},
    {"mercure": {"publish": [None, 1]}, "exp": 1e300, "aud": [[1]],
     "authorization_details": [None, 7, {"type": tokens.DETAIL,
                                         "actions": ["publish"],
                                         "topics": [None, {}, {"match": 1}]}]},
])
def test_claims_of_any_form_are_shown(panel, claims):
    enter(panel, tokens.sign({"alg": None, "typ": {"toString": 1}}, claims))
    assert len(rows(panel)) == 7
    publish(panel, "failed")


def test_key_is_no_token(panel):
    enter(panel, "a.b.c")
    assert panel.text("publish-token-note").startswith("This is not a token")
    enter(panel, KEY)
    assert panel.text("publish-token-note").startswith("This is not a token")
    assert not panel.is_shown("publish-token")
    publish(panel, "published")
    panel.find("publish-key").clear()
    assert not panel.is_shown("publish-token-note")
