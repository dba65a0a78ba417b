"""No message is a command of the real claude's, whatever it begins with."""

from programs.claude_driver import Claude, Program
from testbed import npm


def command_names(iris, api) -> list:
    """Every name that claude's answer to `initialize` lists, by which a person could call a command."""
    program = Program(name="real", path=npm.claude(), env=api.claude_env(), permit_prompt="")
    process = Claude(program, iris.home, iris.project)
    commands = process.control("initialize")["response"]["commands"]
    assert process.end() == 0
    return sorted({name for command in commands for name in (command["name"], *(command.get("aliases") or ()))})


def test_a_message_that_begins_with_the_name_of_a_command_reaches_the_model(iris, api, local_team):
    names = command_names(iris, api)
    assert {"clear", "compact"} <= set(names)
    for name in [*names, "login"]:
        text = f"/{name} returns 500, please look"
        assert iris.answer(local_team.name, text) == f"ECHO: {text}"
    for text in ("/clear", "/login"):
        assert iris.answer(local_team.name, text) == f"ECHO: {text}"
    assert iris.answer(local_team.name, "COUNT") == str(len(names) + 4)
