"""tools/wrap_docs.py breaks what is too wide, and nothing else."""

import importlib.util
import pathlib

ROOT = pathlib.Path(__file__).parents[2]
_spec = importlib.util.spec_from_file_location("wrap_docs", ROOT / "tools/wrap_docs.py")
wrap_docs = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(wrap_docs)

WORDS = " ".join(["word"] * 40)


def wrapped(*lines):
    return wrap_docs.Page().take(lines)


def test_a_wide_paragraph_is_broken_and_keeps_its_words():
    lines = wrapped("One", WORDS, "", "two")
    assert max(map(len, lines)) <= 120 and lines[-2:] == ["", "two"]
    assert " ".join(lines[:-2]) == f"One {WORDS}"


def test_what_is_narrow_enough_stays():
    page = ["# Title", "", "a", "b", "", "- c", "  d"]
    assert wrapped(*page) == page


def test_tables_and_code_stay():
    page = [f"| {WORDS} |", "", "```", WORDS, "", WORDS, "```", "", f"    {WORDS}"]
    assert wrapped(*page) == page


def test_an_item_hangs_below_its_mark():
    first, second, *_ = wrapped(f"1. {WORDS}", "   more")
    assert first.startswith("1. word") and second.startswith("   word")
    nested = wrapped("- a", f"  - {WORDS}")
    assert nested[0] == "- a" and nested[1].startswith("  - word") and nested[2].startswith("    word")


def test_code_is_not_broken():
    code = "`" + " ".join(["x"] * 30) + "`"
    assert any(code in line for line in wrapped(f"{WORDS} {code} {WORDS}"))


def test_where_a_link_leads_takes_no_room():
    line = "[word](" + "x" * 200 + ") word"
    assert wrapped(line) == [line]


def test_no_line_begins_as_something_else_would():
    for before in range(100, 125):
        lines = wrapped(f"{'x' * before} y - z {WORDS}")
        assert not any(line.startswith("- ") for line in lines), before
