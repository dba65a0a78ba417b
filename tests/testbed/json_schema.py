"""As much of JSON Schema as docs/iris.schema.json uses. A keyword that is not known here is an error."""

import json
import pathlib
import re

_FILE = pathlib.Path(__file__).parents[2] / "docs/iris.schema.json"
_SAYS_NOTHING = {"$schema", "title", "description", "$defs"}
_TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float),
          "null": type(None)}


def of_iris() -> dict:
    return json.loads(_FILE.read_text())


def check_reply(command: str, printed: str) -> dict:
    """What `iris COMMAND --json` printed, which must be one line with what the schema says."""
    assert printed.count("\n") == 1 and printed.endswith("\n"), f"not one line: {printed!r}"
    value = json.loads(printed)
    schema = of_iris()
    problems = list(violations(value, schema["$defs"][command], schema))
    assert not problems, f"iris {command} --json: " + "; ".join(problems) + f": {printed[:2000]}"
    return value


def violations(value, schema: dict, root: dict, at: str = "$"):
    """Where and how `value` is not as `schema` says."""
    for keyword, says in schema.items():
        if keyword in ("then", "else") or keyword in _SAYS_NOTHING:
            continue
        if keyword == "if":
            holds = not list(violations(value, says, root, at))
            yield from violations(value, schema.get("then" if holds else "else", {}), root, at)
        elif keyword == "$ref":
            yield from violations(value, root["$defs"][says.removeprefix("#/$defs/")], root, at)
        elif keyword == "not":
            if not list(violations(value, says, root, at)):
                yield f"{at} is what it must not be: {says}"
        else:
            yield from _KEYWORDS[keyword](value, says, schema, root, at)


def _same(a, b) -> bool:
    return a == b and isinstance(a, bool) == isinstance(b, bool)


def _type(value, says, schema, root, at):
    if not isinstance(value, _TYPES[says]) or (says in ("integer", "number") and isinstance(value, bool)):
        yield f"{at} is no {says}"


def _const(value, says, schema, root, at):
    if not _same(value, says):
        yield f"{at} is not {says!r}"


def _enum(value, says, schema, root, at):
    if not any(_same(value, one) for one in says):
        yield f"{at} is {value!r}, none of {says}"


def _pattern(value, says, schema, root, at):
    if isinstance(value, str) and not re.search(says, value):
        yield f"{at} is {value!r}, not like {says}"


def _minimum(value, says, schema, root, at):
    if isinstance(value, (int, float)) and value < says:
        yield f"{at} is less than {says}"


def _required(value, says, schema, root, at):
    for name in says:
        if isinstance(value, dict) and name not in value:
            yield f"{at} has no {name}"


def _properties(value, says, schema, root, at):
    for name, part in says.items():
        if isinstance(value, dict) and name in value:
            yield from violations(value[name], part, root, f"{at}.{name}")


def _additional(value, says, schema, root, at):
    assert says is False
    for name in value if isinstance(value, dict) else ():
        if name not in schema["properties"]:
            yield f"{at} has {name}, which is not in the schema"


def _items(value, says, schema, root, at):
    for number, one in enumerate(value if isinstance(value, list) else ()):
        yield from violations(one, says, root, f"{at}[{number}]")


_KEYWORDS = {"type": _type, "const": _const, "enum": _enum, "pattern": _pattern, "minimum": _minimum,
             "required": _required, "properties": _properties, "additionalProperties": _additional, "items": _items}
