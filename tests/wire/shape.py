#!/usr/bin/python3
"""What the .proto files mean on the wire and on disks, a line each. Usage: shape.py  (adds what is new to shape.txt)

Two builds of Iris understand each other, and read each other's files, as long as no line ever changes or goes."""

import pathlib
import subprocess
import sys

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
FROZEN = pathlib.Path(__file__).with_name("shape.txt")
PROTOS = ["proto/iris/v1/agent.proto", "proto/iris/v1/coordinator.proto", "proto/iris/v1/failure.proto",
          "agent/handover/handover.proto", "agent/session/saved_session.proto"]


def _descriptors(protos, top) -> str:
    """What protoc makes of the files, as a FileDescriptorSet in text form."""
    made = subprocess.run(["protoc", f"-I{top}", "--descriptor_set_out=/dev/stdout", *protos],
                          cwd=top, stdout=subprocess.PIPE, check=True)
    # protoc finds descriptor.proto beside its own headers.
    shown = subprocess.run(["protoc", "--decode=google.protobuf.FileDescriptorSet",
                            "google/protobuf/descriptor.proto"],
                           input=made.stdout, stdout=subprocess.PIPE, check=True)
    return shown.stdout.decode()


def _parse(lines) -> dict:
    """One message in text form, to its closing brace: for each field the list of its values."""
    message = {}
    for line in lines:
        line = line.strip()
        if line == "}":
            break
        if line.endswith(" {"):
            message.setdefault(line[:-2], []).append(_parse(lines))
        else:
            name, _, value = line.partition(": ")
            message.setdefault(name, []).append(value.strip('"'))
    return message


def _one(message, name, default=""):
    return message.get(name, [default])[0]


def _enum_lines(scope, enum):
    name = f"{scope}.{_one(enum, 'name')}"
    for value in enum.get("value", []):
        yield f"{name}.{_one(value, 'name')} = {_one(value, 'number', '0')}"


def _message_lines(scope, message):
    name = f"{scope}.{_one(message, 'name')}"
    yield f"message {name}"
    oneofs = [_one(oneof, "name") for oneof in message.get("oneof_decl", [])]
    for field in message.get("field", []):
        words = [_one(field, "type_name").lstrip(".") or _one(field, "type").removeprefix("TYPE_").lower()]
        if _one(field, "label") == "LABEL_REPEATED":
            words.insert(0, "repeated")
        if "proto3_optional" in field:
            words.insert(0, "optional")
        if "oneof_index" in field:
            words.append(f"oneof {oneofs[int(_one(field, 'oneof_index'))]}")
        yield f"{name}.{_one(field, 'name')} = {_one(field, 'number')} {' '.join(words)}"
    for enum in message.get("enum_type", []):
        yield from _enum_lines(name, enum)
    for nested in message.get("nested_type", []):
        yield from _message_lines(name, nested)


def _service_lines(scope, service):
    for method in service.get("method", []):
        sent, returned = (("stream " if f"{side}_streaming" in method else "") +
                          _one(method, kind).lstrip(".")
                          for side, kind in (("client", "input_type"), ("server", "output_type")))
        yield f"rpc {scope}.{_one(service, 'name')}/{_one(method, 'name')}({sent}) returns ({returned})"


def shape(protos=PROTOS, top=REPOSITORY) -> list:
    """The lines, sorted."""
    lines = []
    for file in _parse(iter(_descriptors(protos, top).splitlines()))["file"]:
        scope = _one(file, "package")
        for message in file.get("message_type", []):
            lines += _message_lines(scope, message)
        for enum in file.get("enum_type", []):
            lines += _enum_lines(scope, enum)
        for service in file.get("service", []):
            lines += _service_lines(scope, service)
    return sorted(lines)


def gone(today) -> list:
    """What other builds know and `today` does not say."""
    return [line for line in FROZEN.read_text().splitlines() if line not in today]


def main():
    today = shape()
    if lost := gone(today):
        sys.exit("shape.txt stays as it was: other builds know what is no more:\n" + "\n".join(lost))
    FROZEN.write_text("\n".join(today) + "\n")


if __name__ == "__main__":
    main()
