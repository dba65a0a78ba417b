"""A golden file fails for what is new, what differs and what nothing prints any more, and can be written anew."""

import subprocess

import pytest

from messages.golden import Golden, plain, shown


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "golden.txt"
    file.write_text("# Words\n\n## one\n$ iris x\nbad\n[exit 1]\n\n## two\n\na\n\nb\n")
    return file


def test_what_is_the_same_passes_and_everything_else_fails(path):
    golden = Golden(path)
    golden.check("one", "$ iris x\nbad\n[exit 1]")
    with pytest.raises(AssertionError, match="nothing prints these"):
        golden.finish()
    with pytest.raises(AssertionError, match="two entries"):
        golden.check("one", "$ iris x\nbad\n[exit 1]")
    with pytest.raises(AssertionError, match="no entry"):
        golden.check("three", "new")
    with pytest.raises(AssertionError, match="golden.txt: two"):
        golden.check("two", "a\n\nc")


def test_it_is_written_anew(path, monkeypatch):
    monkeypatch.setenv("IRIS_UPDATE_GOLDEN", "1")
    golden = Golden(path)
    golden.check("three", "new")
    golden.check("one", "better")
    assert "## two" in path.read_text(), "other tests may print it"
    golden.finish()
    assert path.read_text() == "# Words\n\n## three\nnew\n\n## one\nbetter\n"
    monkeypatch.delenv("IRIS_UPDATE_GOLDEN")
    golden = Golden(path)
    golden.check("three", "new")
    golden.check("one", "better")
    golden.finish()


def test_a_command_is_shown_with_fixed_words_for_what_changes():
    done = subprocess.CompletedProcess([], -2, "an answer\n\nin lines\n", "x 98f5e69d\nturn: 3 s, $0.01\n")
    text = plain(shown(["tell", "app", "a b"], done), {"app": "TEAM", "an": "AN"})
    assert text == "$ iris tell TEAM 'a b'\n| AN answer\n|\n| in lines\nx ID\nturn: COST\n[exit 130]"
