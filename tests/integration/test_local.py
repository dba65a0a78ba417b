"""`iris tell` to teams on this machine: command line, coordinator, local agent, stub claude."""

import json
import os
import signal
import subprocess
import threading

import pytest

from programs import words
from testbed import processes
from testbed.waiting import wait_until


@pytest.fixture
def team(iris):
    iris.write_config({"teams": {"app": iris.local_team(description="the app")}})
    return "app"


def test_a_tell_is_answered(iris, team):
    assert iris.answer(team, "hello") == "ECHO: hello"


def test_the_child_works_in_the_teams_directory_without_a_paid_prompt(iris, team):
    assert iris.answer(team, "PWD") == str(iris.project)
    assert iris.answer(team, "COUNT") == "2"


def expect_work_where_a_link_leads(iris, team, home):
    """`team`, whose path is home/current, works where that leads at each message."""
    for release in ("41", "42"):
        new = home / "new"
        new.symlink_to(f"release-{release}")
        new.rename(home / "current")
        assert iris.answer(team, "PWD") == os.path.realpath(home / f"release-{release}")
    assert iris.answer(team, "COUNT") == "3"


def test_an_agent_that_is_only_being_started_is_stopped_too(iris, team):
    for _ in range(3):
        assert iris.tell("app", "hello", timeout_ms=-1).returncode == 0
        assert iris.run("stop", "--agents").returncode == 0
        assert not iris.stop()


def test_a_path_whose_link_is_switched_counts_for_the_next_message(iris):
    for release in ("release-41", "release-42"):
        (iris.home / release).mkdir()
    iris.write_config({"teams": {"app": iris.local_team(path=str(iris.home / "current"))}})
    expect_work_where_a_link_leads(iris, "app", iris.home)


def test_so_does_one_on_a_host(iris, sshd, remote_user):
    for release in ("release-41", "release-42"):
        remote_user.make_folder(release)
    iris.write_config({"teams": {"gpu": sshd().team(remote_user, path=remote_user.home / "current")}})
    expect_work_where_a_link_leads(iris, "gpu", remote_user.home)


def test_one_session_a_pair_and_a_new_child_resumes_it(iris, team):
    first = iris.answer(team, "PID")
    assert iris.answer(team, "PID") == first
    assert iris.answer(team, "COUNT") == "3"
    crashed = iris.tell(team, "CRASH 7", as_json=True)
    assert crashed.returncode == 1
    failure = json.loads(crashed.stdout)
    assert failure["failure"]["kind"] == "child_exited"
    assert "code 7" in failure["failure"]["detail"]
    assert failure["partial"]
    assert iris.answer(team, "COUNT") == "5"
    assert iris.answer(team, "PID") != first


@pytest.mark.parametrize("end, how", [("kill -9 $$", "signal 9"), ("exit 3", "code 3")])
def test_a_claude_that_ends_while_it_starts_says_how(iris, end, how):
    program = iris.folder / "bin" / "short-lived"
    program.write_text(f"#!/bin/sh\necho 'no memory' >&2\n{end}\n")
    program.chmod(0o755)
    iris.write_config({"teams": {"app": iris.local_team(claudePath=str(program))}})
    failure = iris.failure("app")
    assert failure["kind"] == "child_exited"
    assert how in failure["detail"] and "no memory" in failure["detail"]


def test_a_restarted_coordinator_and_agent_resume_the_session(iris, team):
    assert iris.answer(team, "COUNT") == "1"
    assert iris.run("stop", "--agents").returncode == 0
    assert iris.processes() == []
    assert iris.answer(team, "COUNT") == "2"


def test_sixteen_megabytes_and_300000_cjk_characters_arrive_byte_exact(iris, team):
    assert iris.answer(team, "BIG 16777216") == words.big(16_777_216)
    assert iris.answer(team, "BIGCJK 300000") == words.big_cjk(300_000)


def test_a_long_text_from_stdin_arrives_whole(iris, team):
    text = "SUM " + "żółć 世界 " * 200_000
    done = subprocess.run([iris.program, "tell", team, "-"], env=iris.env, cwd=iris.home, input=text.encode(),
                          capture_output=True, timeout=180)
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode().strip() == words.sum_of(text.removeprefix("SUM "))


def test_twenty_concurrent_cold_tells_are_answered_in_order_by_one_child(iris, team):
    tells = [iris.start_tell(team, f"PID\nTHINK\nSUM {number}", as_json=True) for number in range(20)]
    outcomes = []
    for tell in tells:
        out, err = tell.communicate(timeout=180)
        assert tell.returncode == 0, err
        outcomes.append(json.loads(out))
    pids = {outcome["answer"].split("\n")[0] for outcome in outcomes}
    assert len(pids) == 1
    assert iris.answer(team, "COUNT") == "21"


def test_a_caller_has_a_session_of_its_own(iris):
    iris.write_config({"teams": {"app": iris.local_team(), "web": iris.local_team()}})
    assert iris.answer("app", "PID") != iris.answer("app", "PID", from_="web")
    assert {(s["from"], s["to"]) for s in iris.status()["sessions"]} == {(iris.caller, "app"), ("web", "app")}


def test_thinking_first_and_an_error_result(iris, team):
    assert iris.answer(team, "THINK\nBLOCKS 2") == "block 1\n\n\nblock 2"
    failed = iris.tell(team, "ISERROR 500")
    assert failed.returncode == 1
    assert "claude_error" in failed.stderr and "fix:" in failed.stderr


def test_timeout_stops_the_waiting_not_the_work(iris, team):
    assert iris.answer(team, "COUNT") == "1"
    waited = iris.tell(team, "SLOW 5", timeout_ms=2000)
    assert waited.returncode == 4, "not answered yet"
    assert "still working after 2s. Get it later: iris tells " in waited.stderr, waited.stderr
    detached = iris.tell(team, "COUNT", timeout_ms=-1)
    assert detached.returncode == 0
    assert len(detached.stdout.strip()) == 36
    assert iris.answer(team, "COUNT") == "4"


def test_stop_ends_every_descendant(iris, team):
    daemon = int(iris.answer(team, "DAEMON").removeprefix("daemon-pid "))
    assert processes.process_info(daemon)
    tool = iris.start_tell(team, "TOOL 300")
    iris.wait_for_status(lambda s: any(x["state"] == "busy" for x in s["sessions"]))
    assert iris.run("stop", "--agents").returncode == 0
    assert processes.process_info(daemon) is None
    assert tool.wait(60) == 1
    assert iris.processes() == []


def test_a_killed_agent_leaves_no_orphan_and_the_next_tell_works(iris, team):
    daemon = int(iris.answer(team, "DAEMON").removeprefix("daemon-pid "))
    [link] = iris.status()["links"]
    os.kill(link["agent"]["pid"], signal.SIGKILL)
    assert iris.answer(team, "hello") == "ECHO: hello"
    [again] = iris.status()["links"]
    assert again["agent"]["pid"] != link["agent"]["pid"]
    iris.wait_for_status(lambda _: processes.process_info(daemon) is None)


def test_a_message_waits_for_an_agent_that_is_slow_to_answer(iris, team):
    assert iris.answer(team, "COUNT") == "1"
    status = iris.status()
    [link] = status["links"]
    os.kill(status["pid"], signal.SIGKILL)
    os.kill(link["agent"]["pid"], signal.SIGSTOP)
    try:
        told = iris.start_tell(team, "COUNT")
        [link_now] = iris.wait_for_status(lambda s: any("failure" in link for link in s.get("links", [])))["links"]
        assert told.poll() is None, told.communicate()
    finally:
        os.kill(link["agent"]["pid"], signal.SIGCONT)
    out, err = told.communicate(timeout=120)
    assert (told.returncode, out) == (0, "2\n"), err
    assert link_now["failure"]["kind"] == "unreachable" and "overloaded" in link_now["failure"]["fix"]


def test_a_killed_coordinator_is_replaced_and_its_tell_is_answered_once(iris, team):
    assert iris.answer(team, "COUNT") == "1"
    told = iris.start_tell(team, "SLOW 6", as_json=True)
    killed = None
    for _ in range(3):
        status = iris.wait_for_status(lambda s: s.get("pid") not in (None, killed) and
                                      any(x["state"] == "busy" for x in s["sessions"]))
        killed = status["pid"]
        os.kill(killed, signal.SIGKILL)
    out, _ = told.communicate(timeout=180)
    assert told.returncode == 0, out
    assert json.loads(out)["answer"] == iris.answer(team, "SLOW 0.1")
    assert iris.answer(team, "COUNT") == "4"


def test_status_and_teams_are_for_people_and_programs(iris, team):
    assert iris.run("status").returncode == 0
    iris.answer(team, "hello")
    [link] = iris.status()["links"]
    assert (link["key"], link["mode"], link["state"], link["teams"]) == ("local", "local", "up", [team])
    shown = iris.run("status").stdout
    assert "this machine" in shown and "ready" in shown
    assert "local" in iris.run("status", "--long").stdout
    [listed] = json.loads(iris.run("teams", "--json").stdout)["teams"]
    assert (listed["name"], listed["description"]) == ("app", "the app")
    assert "app" in iris.run("teams").stdout


def test_concurrent_first_uses_start_one_coordinator(iris, team):
    results = []
    threads = [threading.Thread(target=lambda: results.append(iris.tell(team, "PID"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {r.returncode for r in results} == {0}, results
    assert len({r.stdout for r in results}) == 1
    # Whoever came second says so to its front end and leaves.
    wait_until(lambda: len([p for p in iris.processes() if p.info.cmdline.endswith(" serve")]) == 1)
