"""What the documents say is so."""

import re
import subprocess

import pytest

from place import DEPLOY, documented
from responder import ROOT, run
from servers import FRONTS, Site

PAGES = [ROOT / "doc" / name
         for name in ("fcgi-sse.8", "fcgi-sse.7", "fcgi-sse-publish.1",
                      "fcgi-sse-doctor.1", "fcgi-sse-store.1")]
MANUAL = "".join(page.read_text() for page in PAGES)
README = (ROOT / "README.md").read_text()
SERVERS = (ROOT / "doc" / "web-servers.md").read_text()
SAMPLE = ROOT / "deploy" / "fcgi-sse.ini"


def section(name, text=MANUAL):
    """A section of the manual: the first of that name."""
    start = text.index(f".Sh {name}\n")
    end = text.find("\n.Sh ", start)
    return text[start:end if end != -1 else None]


def sources():
    return {path: path.read_text() for path in ROOT.glob("src/*/*.c")}


def configurable():
    """The options that a file may hold."""
    return set(re.findall(r"^;?([a-z-]+) =", run("--print-config").stdout,
                          re.M))


def table(*command):
    """The options of --help: each one's argument and default, or None."""
    text = run(*command, "--help").stdout
    options = {}
    for name, argument, said in re.findall(
            r"^  --([a-z-]+)(?: ([A-Z:/]+))?(?= |\n)(.*(?:\n {10,}.*)*)",
            text, re.M):
        default = re.search(r"default ([^;)]+)\)", " ".join(said.split()))
        options[name] = (argument or None, default and default[1])
    return options


def entries(text):
    """The options of a section of the manual, each with what it says."""
    return re.findall(r"^\.It Fl -([a-z-]+)(?: Ar ([a-z]+))?\n"
                      r"((?:(?!\.It Fl -).*\n)*)", text + "\n", re.M)


DEFAULT = re.compile(r"[Tt]he default(?: is|,)\n\.Cm (\S+)(?: [.,:])?\n|"
                     r"\n\.Cm (\S+) ,\nthe default")


def test_manual_has_the_options_of_help():
    """Names, their order, arguments and defaults, each as it is in force."""
    told = table()
    assert len(told) > 25
    shown = {}
    for name, argument, said in entries(section("OPTIONS")):
        defaults = {one or other for one, other in DEFAULT.findall(said)}
        assert len(defaults) <= 1, name
        shown[name] = (argument.upper() or None,
                       defaults.pop() if defaults else None)
    assert shown == told
    assert list(shown) == list(told)


@pytest.mark.parametrize("number, command", [
    (2, "publish"), (3, "doctor"), (4, "store")])
def test_manual_has_the_options_of_the_command(number, command):
    page = PAGES[number].read_text()
    shown = {name for name, _, _ in entries(section("OPTIONS", page))}
    assert shown == set(table(command))


def test_readme_has_the_options_of_help():
    told = table()
    assert set(re.findall(r"`--([a-z-]+)", README)) <= \
        set(told) | set(set(table("publish")) | set(table("doctor")))
    cells = re.findall(r"^\| `--([a-z-]+)(?: ([A-Z]+))?` \| (?:`(.*?)` )?\|",
                       README, re.M)
    shown = {name: (argument or None, default or None)
             for name, argument, default in cells}
    assert shown == {name: told[name] for name in configurable() | {"config"}}


def test_manual_has_the_reasons_for_an_end():
    table = (ROOT / "src" / "stream" / "stream_end.def").read_text()
    reasons = re.findall(
        r'^STREAM_END\(\w+, "([a-z-]+)", \w+,\s+"([^"]+)"\)', table, re.M)
    assert len(reasons) == len(re.findall(r"^STREAM_END\(", table, re.M))
    for word, meaning in reasons:
        assert f".It Cm {word}\n{meaning}\n" in section("LOG")


def test_manual_has_the_events_of_the_log():
    log = section("LOG")
    for path, text in sources().items():
        for event in re.findall(r'\blog_(?:error|warn|info|debug)\("([^"]+)"',
                                text):
            assert log.count(f".It Cm {event}\n") == 1, (path, event)


def test_manual_has_no_fault():
    done = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "warning", *PAGES],
        stdout=subprocess.PIPE, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_sample_shows_every_option(tmp_path):
    """Each line that is commented out would do, and does no harm."""
    text = SAMPLE.read_text()
    used = re.sub(r"^;(?=[a-z-]+ = )", "", text, flags=re.M)
    file = tmp_path / "fcgi-sse.ini"
    file.write_text(used)
    shown = run("--config", str(file), "--print-config")
    assert shown.returncode == 0, shown.stderr
    for line in re.findall(r"^[a-z-]+ = .*", used, re.M):
        assert line in shown.stdout.splitlines()
    assert set(re.findall(r"^([a-z-]+) = ", used, re.M)) == configurable()
    # Two lines are what an installation needs; the others are defaults.
    needed = ["--log", "syslog", "--publish-key-file", "/etc/fcgi-sse.key"]
    untouched = run("--config", str(SAMPLE), "--print-config").stdout
    assert untouched.splitlines()[1:] \
        == run(*needed, "--print-config").stdout.splitlines()


@pytest.fixture(scope="module")
def nginx():
    with Site(next(f for f in FRONTS if f.name == "nginx")) as site:
        yield site


@pytest.mark.parametrize("text", [README, MANUAL], ids=["README", "manual"])
def test_paths_of_the_tables_answer(nginx, text):
    paths = set(re.findall(r"GET (/[a-z-]*(?:\.js)?)", text))
    assert len(paths) == 9
    for path in paths:
        with nginx.open(path) as stream:
            assert stream.status == 200, path


def test_paths_of_the_source_are_in_the_manual():
    router = (ROOT / "src" / "process" / "routing.c").read_text()
    for path in re.findall(r'^\t+{ "(/[^"]*)",', router, re.M):
        assert re.search(rf"^\.(It Li GET {path}|Pa .*\b{path[1:]}\b)|"
                         rf"^\.Pa {path[1:]}$", MANUAL, re.M), path


@pytest.mark.parametrize(
    "text, folder", [(README, ROOT), (SERVERS, ROOT / "doc")],
    ids=["README", "web-servers"])
def test_files_that_are_named_are_there(text, folder):
    named = set(re.findall(r"\b((?:deploy|doc|tests)/[\w./-]*[\w*])", text))
    links = set(re.findall(r"\]\(([\w./-]+)(?:#[\w-]+)?\)", text))
    assert named and links
    for name in named:
        assert list(ROOT.glob(name)), name
    for name in links:
        assert (folder / name).exists(), name


def test_readme_names_every_file_to_deploy():
    """Each file, or its folder."""
    for path in (ROOT / "deploy").rglob("*"):
        name = path.relative_to(ROOT)
        if path.is_file():
            assert str(name) in README or f"`{name.parent}/`" in README, name


def test_every_finding_of_the_doctor_is_explained():
    """In its manual, and by a row of the table that it points to."""
    words = re.findall(
        r'^CHECK\(\w+, "([\w-]+)"\)',
        (ROOT / "src" / "tool" / "check.def").read_text(), re.M)
    assert len(words) == 24
    table = SERVERS.split("\n## If events come late\n")[1].split("\n## ")[0]
    rows = re.findall(r'^\| <a id="([\w-]+)"></a>[^|]+ \| `([\w-]+)` \|',
                      table, re.M)
    assert [row[0] for row in rows] == [row[1] for row in rows]
    assert sorted(word for word, _ in rows) == sorted(words)
    manual = (ROOT / "doc" / "fcgi-sse-doctor.1").read_text()
    assert re.findall(r"^\.It Cm ([\w-]+)$", manual, re.M) == words
    advice = re.findall(
        r'^ADVICE\(\w+, (\w+),\s+"((?:[^"\\]|\\.)*)"',
        (ROOT / "src" / "tool" / "advice.def").read_text(), re.M)
    assert len(advice) > 40
    for server, directive in advice:
        word = directive.replace("\\", "").split()[0].strip('":')
        if server != "UNKNOWN" and word != "one":       # words, these
            assert word in table, directive


ANCHORS = ("apache-mod_proxy_fcgi", "apache-mod_fcgid", "apache-cgi",
           "shared-hosting",
           "lighttpd", "nginx", "haproxy", "caddy", "h2o", "spawn-fcgi",
           "systemd")


def test_web_servers_has_its_anchors():
    headings = re.findall(r"^#+ (.*)", SERVERS, re.M)
    anchors = [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
               for heading in headings]
    assert set(ANCHORS) <= set(anchors)


def configuration(heading):
    """The lines of configuration in a section of doc/web-servers.md."""
    return [line.strip() for line in documented(heading)[0].splitlines()
            if line.strip()]


@pytest.mark.parametrize("heading, name", [
    ("Apache mod_proxy_fcgi", "apache/proxy-fcgi-unix.conf"),
    ("Apache mod_fcgid", "apache/fcgid.conf"),
    ("Apache CGI", "apache/cgi.htaccess"),
    ("lighttpd", "lighttpd/external.conf"),
    ("nginx", "nginx/fcgi-sse.conf"),
    ("HAProxy", "haproxy/fcgi-sse.cfg"),
    ("Caddy", "caddy/Caddyfile"),
    ("h2o", "h2o/fcgi-sse.yaml"),
    ("Varnish", "varnish/fcgi-sse.vcl")])
def test_web_servers_shows_what_is_deployed(heading, name):
    lines = [line.strip() for line in (DEPLOY / name).read_text().splitlines()]
    assert set(configuration(heading)) <= set(lines)
