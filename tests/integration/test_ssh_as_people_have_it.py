"""Hosts, accounts and startup files as people have them, behind a real sshd."""

import pytest


@pytest.mark.parametrize("suffix", ["\\jdoe", "@corp.example", "$"])
def test_an_account_whose_name_is_no_word_of_a_shell(iris, sshd, remote_users, suffix):
    user = remote_users(suffix=suffix)
    iris.write_config({"teams": {"gpu": sshd().team(user)}})
    assert iris.answer("gpu", "PWD") == str(user.home)
