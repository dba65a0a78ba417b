"""Hosts, accounts and startup files as people have them, behind a real sshd."""

import shutil

import pytest


def needs(program: str):
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"there is no {program} here")


@pytest.mark.parametrize("suffix", ["\\jdoe", "@corp.example", "$"])
def test_an_account_whose_name_is_no_word_of_a_shell(iris, sshd, remote_users, suffix):
    user = remote_users(suffix=suffix)
    iris.write_config({"teams": {"gpu": sshd().team(user)}})
    assert iris.answer("gpu", "PWD") == str(user.home)


@pytest.mark.parametrize("line", [pytest.param("exec zsh -l", marks=needs("zsh")), "exec dash",
                                  pytest.param("exec tcsh", marks=needs("tcsh"))])
def test_a_bashrc_that_starts_another_shell(iris, sshd, remote_user, line):
    remote_user.write(".bashrc", f"{line}\n")
    iris.write_config({"teams": {"gpu": sshd().team(remote_user)}})
    assert iris.answer("gpu", "hello") == "ECHO: hello"  # The agent is put there through that shell.
    assert "start another shell" in iris.link()["remark"]
    assert "start another shell" in iris.run("status").stdout
    assert iris.run("stop").returncode == 0
    assert iris.answer("gpu", "COUNT") == "2"  # And found through it.


@needs("fish")
def test_a_bashrc_that_starts_fish_is_named(iris, sshd, remote_user):
    remote_user.write(".bashrc", "exec fish\n")
    iris.write_config({"teams": {"gpu": sshd().team(remote_user)}})
    failure = iris.failure("gpu")
    assert failure["kind"] == "no_agent_possible"
    assert "start another shell" in failure["detail"] and "fish" in failure["detail"]
    assert "$- == *i*" in failure["fix"]


@pytest.mark.parametrize("line", ["sleep 8", "read -r a; read -r b; read -r c"])
def test_a_slow_bashrc_does_not_hear_of_what_was_for_another_shell(iris, sshd, remote_user, line):
    remote_user.write(".bashrc", f"{line}\n")
    iris.write_config({"teams": {"gpu": sshd().team(remote_user, remoteOptions={"connectTimeout": 30000})}})
    assert iris.answer("gpu", "hello") == "ECHO: hello"
    assert iris.link()["remark"] == ""
    assert iris.run("stop").returncode == 0
    assert iris.answer("gpu", "COUNT") == "2"
