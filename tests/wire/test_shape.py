"""Builds of Iris understand each other: of what one of them says to another, or keeps, nothing changes its meaning."""

import shutil

import pytest

from wire import shape


def test_nothing_that_other_builds_know_has_changed():
    lost = shape.gone(shape.shape())
    assert not lost, ("other builds that run, and files that they keep, know this; give what is new another number and "
                      "name, and keep what was:\n" + "\n".join(lost))


def test_what_is_new_is_frozen_too():
    known = shape.FROZEN.read_text().splitlines()
    new = [line for line in shape.shape() if line not in known]
    assert not new, "run tests/wire/shape.py, and commit what it adds to shape.txt:\n" + "\n".join(new)


AGENT = "proto/iris/v1/agent.proto"


@pytest.mark.parametrize("path,was,becomes,seen", [
    (AGENT, "uint32 build_number = 17;", "uint32 build_number = 99;", "iris.v1.Hello.build_number = 17 uint32"),
    (AGENT, "bytes text = 2;", "string text = 2;", "iris.v1.TellFrame.text = 2 bytes"),
    (AGENT, "repeated string args = 3;", "string args = 3;", "iris.v1.LaunchSpec.args = 3 repeated string"),
    (AGENT, "SESSION_BUSY = 4;", "SESSION_BUSY = 8;", "iris.v1.SessionState.SESSION_BUSY = 4"),
    (AGENT, "IDLE = 3; ", "IDLE = 9; ", "iris.v1.Exited.Reason.IDLE = 3"),
    (AGENT, "bool takeover = 5;", "", "iris.v1.AcquireRequest.takeover = 5 bool oneof condition"),
    (AGENT, "rpc GetHost(", "rpc AskHost(",
     "rpc iris.v1.Agent/GetHost(iris.v1.GetHostRequest) returns (iris.v1.GetHostResponse)"),
    (AGENT, "returns (stream ProbeResponse)", "returns (ProbeResponse)",
     "rpc iris.v1.Agent/Probe(stream iris.v1.ProbeRequest) returns (stream iris.v1.ProbeResponse)"),
    ("agent/handover/handover.proto", "int32 report_fd = 7;", "int64 report_fd = 7;",
     "iris.handover.Child.report_fd = 7 int32"),
])
def test_a_change_is_seen(tmp_path, path, was, becomes, seen):
    for proto in shape.PROTOS:
        (tmp_path / proto).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(shape.REPOSITORY / proto, tmp_path / proto)
    text = (tmp_path / path).read_text()
    assert text.count(was) == 1, f"{path} does not say {was!r} any more: break something else"
    (tmp_path / path).write_text(text.replace(was, becomes))
    assert shape.gone(shape.shape(top=tmp_path)) == [seen]


def test_an_addition_is_none(tmp_path):
    addition = tmp_path / "addition.proto"
    addition.write_text('syntax = "proto3";\npackage iris.v1;\nmessage Addition { optional string why = 1; }\n')
    lines = shape.shape(["addition.proto"], tmp_path)
    assert lines == ["iris.v1.Addition.why = 1 optional string oneof _why", "message iris.v1.Addition"]
