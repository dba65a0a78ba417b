"""What people read: no page is missing, no link leads nowhere, and each kind of failure is explained."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
README = ROOT / "README.md"


def kinds():
    proto = (ROOT / "proto/iris/v1/failure.proto").read_text()
    names = re.findall(r"^  FAILURE_(\w+) = [1-9]", proto, re.M)
    assert len(names) >= 22
    return [name.lower() for name in names]


def headings(page):
    return re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S), re.M)


def anchor(heading):
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def links(page):
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S)
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if not link.startswith(("http:", "https:"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for link in links(page):
        path, _, part = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not part or part in map(anchor, headings(target)), link


def test_every_kind_of_failure_is_explained():
    explained = [h.strip("`") for h in headings(ROOT / "docs/TROUBLESHOOTING.md") if h.startswith("`")]
    assert sorted(explained) == sorted(kinds())


def test_every_kind_is_in_the_groups_of_the_first_table():
    text = (ROOT / "docs/TROUBLESHOOTING.md").read_text()
    table = text[text.index("| group | kinds |"):text.index("\n## ")]
    assert sorted(re.findall(r"`(\w+)`", table)) == sorted(kinds())


def test_readme_is_short_and_begins_with_the_two_commands():
    lines = README.read_text().splitlines()
    assert len(lines) <= 150
    for command in ("deploy/quickstart.sh", "tests/run.sh"):
        assert any(line.startswith(command) for line in lines[:50]), command


def test_readme_leads_to_every_page():
    known = {(README.parent / link.partition("#")[0]).resolve() for link in links(README)}
    assert {page for page in ROOT.glob("docs/*.md")} <= known


# Words of the program's inside; they stay in the names of JSON, of the tools and of the protocol.
INSIDE = re.compile(r"\b(addressee|mend(s|ed)?|suspect|settled|fetche[sd]|unverifiable|nudge)\b")


@pytest.mark.parametrize("name", ["README.md", "docs/CONFIG.md", "docs/TROUBLESHOOTING.md", "docs/COMING_FROM_IRIS_MCP.md"])
def test_pages_for_users_have_the_words_of_the_glossary(name):
    found = [f"{number}: {line}" for number, line in enumerate((ROOT / name).read_text().splitlines(), 1)
             if INSIDE.search(re.sub(r"`[^`]*`", "", line))]
    assert not found, "\n".join(found)


COLUMNS = 120


def prose(page):
    """(number, line) of what a person reads as text: no tables, no code."""
    fenced = indented = False
    before = ""
    for number, line in enumerate(page.read_text().splitlines(), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        # Four columns below nothing are code; below a list they are more of it.
        indented = line.startswith("    ") and (indented or not before.strip())
        before = line
        if not fenced and not indented and not line.lstrip().startswith(("|", "```")):
            yield number, line


def shown(line):
    """Where a link leads takes no room, and cannot be broken."""
    return re.sub(r"https?://\S+", "", re.sub(r"\]\([^)\s]*\)", "]", line))


@pytest.mark.parametrize("page", [*PAGES, *sorted(ROOT.glob("tests/**/*.md"))], ids=lambda page: str(page.relative_to(ROOT)))
def test_text_is_no_wider_than_a_window(page):
    wide = [f"{number}: {len(shown(line))} columns" for number, line in prose(page) if len(shown(line)) > COLUMNS]
    assert not wide, "`tools/wrap_docs.py FILE` breaks these:\n" + "\n".join(wide)
