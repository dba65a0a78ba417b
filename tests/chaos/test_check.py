"""The judge of chaos runs finds what it is there for."""

import pathlib
import sqlite3
import subprocess

import pytest

from chaos import clients, evidence
from chaos.check import Answer, Judge
from chaos.evidence import Prompt, Row
from chaos.faults import is_claude, is_coordinator
from chaos.work import Pair, Tell
from integration.iris_fixtures import Iris, ended_cleanly
from testbed import disk, processes
from testbed.scratch import scratch_folder

HOME = pathlib.Path("/home/there")
PAIR = Pair("cli", "r0")


def a_tell(number, mark=""):
    return Tell(PAIR, number, f"{PAIR} #{number}\nBIG 1", "0", mark)


def a_row(number, order=None, tell_id=None, text=None, answer="0", failure="", settled=True, fetched=True, dropped=False):
    order = number if order is None else order
    return Row(tell_id or f"id{number}", "s", *PAIR, a_tell(number).text if text is None else text, settled, failure, "",
               answer, order if settled else 0, fetched, dropped)


def a_prompt(number, tell_id=None, home=HOME, folder="-r0", text=None):
    return Prompt("s", tell_id or f"id{number}", text or a_tell(number).text, home, folder)


class Scene:
    """A run in which everything goes well, but for what a test changes."""

    def __init__(self, **options):
        self.judge = Judge(homes={"r0": (HOME, "/r0")}, **options)

    def sends(self, *numbers, mark=""):
        for number in numbers:
            self.judge.sends(a_tell(number, mark))

    def hears(self, number, answer=Answer("0", "")):
        self.judge.hears(a_tell(number), answer)

    def looks(self, *rows, prompts=(), marks=(), at_the_end=False):
        self.judge.begins_look()
        self.judge.look(rows)
        for prompt in prompts:
            self.judge.prompt(prompt)
        for mark in marks:
            self.judge.tool_ran(mark)
        self.judge.settle(at_the_end)

    def finds(self, kind, words):
        assert [words in found for found in self.judge.found] == [True], self.judge.found
        assert self.judge.counts == {kind: 1}


@pytest.fixture
def scene():
    """#1 was sent, answered, and judged."""
    scene = Scene()
    scene.sends(1)
    scene.hears(1)
    scene.looks(a_row(1), prompts=[a_prompt(1)])
    assert scene.judge.found == [] and scene.judge.open() == 0 and scene.judge.judged.total() == 1
    return scene


def test_a_long_run_is_judged_while_it_happens_and_forgotten(scene):
    for number in range(2, 3000):
        scene.sends(number)
        scene.hears(number)
        scene.looks(a_row(number), prompts=[a_prompt(number)])
        assert scene.judge.open() == 0
    assert scene.judge.found == [] and scene.judge.judged.total() == 2999


def test_an_answer_that_is_not_in_the_store(scene):
    scene.sends(2)
    scene.hears(2)
    scene.looks()
    scene.finds("lost", "not in the store")


def test_an_answer_younger_than_the_look_waits_for_the_next(scene):
    scene.sends(2)
    scene.judge.begins_look()
    scene.hears(2)
    scene.judge.look([])
    scene.judge.settle()
    scene.looks(a_row(2), prompts=[a_prompt(2)])
    assert scene.judge.found == [] and scene.judge.judged.total() == 2


def test_one_that_is_still_open_in_the_end(scene):
    scene.sends(2)
    scene.looks(a_row(2, settled=False), prompts=[a_prompt(2)], at_the_end=True)
    scene.finds("lost", "open in the end")


def test_rows_that_the_store_dropped_before_they_were_seen(scene):
    scene.sends(2)
    scene.hears(2)
    scene.looks(a_row(2, order=3), prompts=[a_prompt(2)])
    scene.finds("other", "settled number 3 after 1")


def test_an_answer_that_the_store_dropped(scene):
    scene.looks(a_row(2, text="", dropped=True))
    scene.finds("lost", "dropped: True")


def test_one_that_nobody_waits_for_and_that_never_arrived(scene):
    scene.sends(2, 3)
    scene.judge.gives_up(a_tell(2))
    scene.hears(3)
    scene.looks(a_row(3, order=2), prompts=[a_prompt(3)])
    assert scene.judge.found == [] and scene.judge.judged.total() == 3


def test_one_that_nobody_waits_for_is_to_be_fetched(scene):
    scene.sends(2)
    scene.judge.gives_up(a_tell(2))
    scene.looks(a_row(2, fetched=False), prompts=[a_prompt(2)])
    assert scene.judge.unheard() == [(a_tell(2), "id2")] and scene.judge.open() == 1
    scene.hears(2)
    scene.looks()
    assert scene.judge.found == [] and scene.judge.judged.total() == 2


def test_two_tells_of_one_message(scene):
    scene.sends(2)
    scene.hears(2)
    scene.looks(a_row(2), a_row(2, order=3, tell_id="other", settled=False), prompts=[a_prompt(2)])
    scene.finds("twice", "twice in the store: id2, other")


def test_a_tell_that_comes_again_after_it_was_judged(scene):
    scene.looks(a_row(1, order=2, tell_id="other"))
    scene.finds("twice", "after it was judged")


def test_a_prompt_twice(scene):
    scene.sends(2)
    scene.hears(2)
    scene.looks(a_row(2), prompts=[a_prompt(2), a_prompt(2)])
    scene.finds("twice", "its claude got it 2 times")


def test_a_prompt_again_after_it_was_judged(scene):
    scene.looks(prompts=[a_prompt(1)])
    for _ in range(3):
        scene.looks()
    scene.finds("twice", "which is not open")


def test_a_prompt_younger_than_the_look_waits_for_the_next(scene):
    scene.sends(2)
    scene.looks(prompts=[a_prompt(2)])
    scene.hears(2)
    scene.looks(a_row(2))
    assert scene.judge.found == [] and scene.judge.judged.total() == 2


def test_an_answer_without_a_prompt(scene):
    scene.sends(2)
    scene.hears(2)
    scene.looks(a_row(2))
    scene.finds("lost", "its claude did not get it")


def test_settled_out_of_order(scene):
    scene.sends(2, 3)
    scene.hears(2)
    scene.hears(3)
    scene.looks(a_row(3, order=2), a_row(2, order=3), prompts=[a_prompt(2), a_prompt(3)])
    scene.finds("order", "#2: settled after #3")


def test_prompted_out_of_order(scene):
    scene.sends(2, 3)
    scene.hears(2)
    scene.hears(3)
    scene.looks(a_row(2), a_row(3), prompts=[a_prompt(3), a_prompt(2)])
    scene.finds("order", "#2: its claude got it after #3")


def test_another_host(scene):
    scene.sends(2)
    scene.hears(2)
    scene.looks(a_row(2), prompts=[a_prompt(2, home=pathlib.Path("/home/here"))])
    scene.finds("other", "reached /home/here")


def test_another_folder(scene):
    scene.sends(2)
    scene.hears(2)
    scene.looks(a_row(2), prompts=[a_prompt(2, folder="-r1")])
    scene.finds("other", "-r1")


def test_another_text(scene):
    scene.sends(2)
    scene.hears(2)
    scene.looks(a_row(2), prompts=[a_prompt(2, text=a_tell(2).text + "!")])
    scene.finds("other", "got another text")


def test_another_answer(scene):
    scene.sends(2)
    scene.hears(2, Answer("00", ""))
    scene.looks(a_row(2, answer="00"), prompts=[a_prompt(2)])
    scene.finds("other", "2 characters for 1")


def test_its_client_was_told_something_else(scene):
    scene.sends(2)
    scene.hears(2, Answer("1", ""))
    scene.looks(a_row(2), prompts=[a_prompt(2)])
    scene.finds("other", "told something else")


def test_a_failure_that_may_not_be(scene):
    scene.sends(2)
    scene.hears(2, Answer("", "dropped"))
    scene.looks(a_row(2, failure="dropped", answer=""), prompts=[a_prompt(2)])
    scene.finds("lost", "dropped")


def test_a_failure_that_may_be():
    scene = Scene(failures={"ambiguous"})
    scene.sends(1, mark="cli-r0-1")
    scene.hears(1, Answer("", "ambiguous"))
    scene.looks(a_row(1, failure="ambiguous", answer=""))
    scene.looks(prompts=[a_prompt(1)], marks=["cli-r0-1"])  # It ran after all: once may be.
    assert scene.judge.found == [] and scene.judge.failed == {"ambiguous": 1}
    scene.looks(marks=["cli-r0-1"])
    scene.finds("twice", "its tool ran again")


def test_refused():
    scene = Scene(refusals={"storage"})
    scene.sends(1)
    scene.hears(1, Answer("", "storage"))
    scene.looks()
    assert scene.judge.found == [] and scene.judge.failed == {"refused: storage": 1}


def test_a_tool_that_ran_twice(scene):
    scene.sends(2, mark="cli-r0-2")
    scene.hears(2)
    scene.looks(a_row(2), prompts=[a_prompt(2)], marks=["cli-r0-2", "cli-r0-2"])
    scene.finds("twice", "its tool ran 2 times")


def test_a_tool_that_did_not_run(scene):
    scene.sends(2, mark="cli-r0-2")
    scene.hears(2)
    scene.looks(a_row(2), prompts=[a_prompt(2)])
    scene.finds("lost", "its tool did not run")


def test_no_more_is_said_than_the_store_keeps(scene):
    scene.sends(*range(2, 600))
    for number in range(2, 502):
        scene.hears(number)
    assert not scene.judge.is_behind()
    scene.hears(502)
    assert scene.judge.is_behind()
    scene.looks()
    assert not scene.judge.is_behind()


def test_stuck(scene):
    scene.sends(2)
    assert scene.judge.stuck(60) == []
    assert len(scene.judge.stuck(-1)) == 1


# What an MCP client hears.


def test_what_a_tool_answers():
    def result(text, **more):
        return {"id": 1, "result": {"content": [{"type": "text", "text": text}], **more}}
    assert clients.mcp_answer(result("six")) == Answer("six", "")
    assert clients.mcp_answer(result("storage: full\nfix: Make room.", isError=True)) == Answer(
        "", "storage", "full\nfix: Make room.")


def test_a_refusal_by_the_relay_leaves_open_what_became_of_a_tell():
    def refused(why):
        return clients.mcp_answer({"id": 1, "error": {"code": -32603, "message": why}})
    assert refused("timeout: start iris: it did not say in time that it is ready") is None
    with pytest.raises(AssertionError, match="no such tool"):
        refused("no such tool")


# Disks.


def test_a_disk_in_a_disk_is_unmounted_with_it():
    with scratch_folder() as folder:
        inner = folder / "outer/inner"
        for path in (inner.parent, inner):
            path.mkdir()
            disk.Disk(path, 0, mib=1)
        disk.Disk(inner, 0, mib=1).take_room()
        (inner.parent / "there is room").write_bytes(bytes(1000))
        disk.unmount_below(folder)
        assert str(folder) not in pathlib.Path("/proc/self/mounts").read_text()


# The store of a coordinator that runs, which nobody else may read.


@pytest.fixture
def iris():
    with scratch_folder() as folder:
        with ended_cleanly(Iris(folder)) as one:
            yield one


@pytest.fixture
def folder(iris):
    path = iris.folder / "copies"
    path.mkdir()
    return path


def copied_rows(iris, folder, after=0):
    coordinators = list(filter(is_coordinator, iris.processes()))
    assert evidence.copy_store(iris.iris_home, coordinators, folder)
    return evidence.read_store(folder, after)


def test_a_store_is_read_while_it_is_used(iris, folder):
    iris.write_config({"teams": {"here": iris.local_team()}})
    assert iris.answer("here", "BIG 9") == "0000000 0"
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        evidence.read_store(iris.iris_home)
    [first] = copied_rows(iris, folder)
    assert (first.settled, first.order, first.answer, first.fetched) == (True, 1, "0000000 0", True)
    told = iris.start_tell("here", "HANG")
    iris.wait_for_status(lambda s: s["sessions"][0]["state"] == "busy")
    [second] = copied_rows(iris, folder, after=1)
    assert (second.settled, second.text) == (False, "HANG")
    assert evidence.quick_check(folder) == "ok"
    assert iris.run("cancel", second.tell_id).returncode == 0  # The coordinator goes on.
    told.communicate(timeout=60)


def test_what_a_claude_forks_for_a_tool_is_no_claude():
    # Its subshell is a fork that has the name.
    script = "exec -a /bin/claude bash -c '(echo; read; true); true'"
    with subprocess.Popen(["bash", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as claude:
        assert claude.stdout.readline() == b"\n"
        [forked] = processes.descendants(claude.pid)
        assert "claude" in forked.info.cmdline and not is_claude(forked)
        assert is_claude(processes.Process(claude.pid, processes.process_info(claude.pid)))
        claude.stdin.close()


def test_nothing_is_read_of_what_is_no_coordinator(iris, folder):
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        process = processes.Process(stranger.pid, processes.process_info(stranger.pid))
        assert not evidence.copy_store(iris.iris_home, [process], folder)
    finally:
        stranger.kill()
        stranger.wait()
