"""Iris with the real claude, which talks to a Messages API on loopback."""

import json

import pytest

# Fixtures, here too.
from integration.conftest import iris, remote_user, remote_users, scratch, sshd  # noqa: F401
from testbed import npm
from testbed.messages_api import messages_api


@pytest.fixture(scope="session")
def api():
    with messages_api() as running:
        yield running


def settings(api, **more) -> str:
    """A ~/.claude/settings.json. By it the variables reach a claude that an agent starts: an agent
    takes those of its own environment away."""
    return json.dumps({"env": api.claude_env() | more, "permissions": {"allow": ["Bash(*)"]}})


class Team:
    """A team that the real claude works for."""

    def __init__(self, name: str, user: str, write_settings):
        self.name = name
        self.user = user
        self.write_settings = write_settings  # write_settings(text)


@pytest.fixture(params=["local", "ssh"])
def team(request, iris, api):
    """Each kind of team in turn; the only one of its configuration."""
    return request.getfixturevalue(f"{request.param}_team")


@pytest.fixture
def local_team(iris, api):
    (iris.folder / "bin/claude").unlink()
    (iris.folder / "bin/claude").symlink_to(npm.claude())
    folder = iris.home / ".claude"
    folder.mkdir()
    iris.write_config({"teams": {"here": iris.local_team()}})
    made = Team("here", "root", (folder / "settings.json").write_text)
    made.write_settings(settings(api))
    return made


@pytest.fixture
def ssh_team(iris, api, sshd, remote_users):
    user = remote_users(claude=False)
    user.put_claude(npm.claude())
    user.make_folder(".claude")
    iris.write_config({"teams": {"there": sshd().team(user)}})
    made = Team("there", user.name, lambda text: user.write(".claude/settings.json", text))
    made.write_settings(settings(api))
    return made
