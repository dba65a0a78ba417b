#!/usr/bin/python3
"""What each fuzzer begins with: inputs that get far. Usage: seeds.py FUZZER FOLDER

The first bytes of some inputs steer the fuzzer; its .cc says how."""

import pathlib
import struct
import sys
import zlib

UUID = "11111111-2222-4333-8444-555555555555"


def line_scanner() -> list:
    lines = [
        '{"type":"system","subtype":"init","session_id":"x","tools":["Bash",{"a":[]}]}',
        '{"type":"user","uuid":"%s","isReplay":true,"message":{"type":"x","content":"\\"}{"}}' % UUID,
        '{"type":"result","subtype":"success","is_error":false,"user_message_uuids":["%s","b"]}' % UUID,
        '{ "is_error" : true , "n" : -1.5e3 , "uuid" : null }\r',
        "", "42", "{} {}", "[1]", "no JSON", "Grüße, 世界 🚀 \xff",
    ]
    text = "\n".join(lines).encode("utf-8", "surrogateescape")
    return [b"\0\0" + text, b"\1\7" + text + b"\n"] + [b"\0\3" + line.encode() for line in lines]


def transcript() -> list:
    def message(kind, content, more=""):
        return '{"isSidechain":false,"type":"%s","message":{"role":"%s","content":%s}%s}' % (
            kind, kind, content, more)

    def assistant(block, stop_reason):
        return ('{"type":"assistant","message":{"model":"m","content":[%s],"stop_reason":%s},"uuid":"u"}'
                % (block, stop_reason))
    prompt = message("user", '"do it"', ',"uuid":"%s"' % UUID)
    escaped = prompt.replace(UUID, "\\u%04x%s" % (ord(UUID[0]), UUID[1:]))
    other = message("user", '"more"', ',"uuid":"o"')
    calls = assistant('{"type":"tool_use","name":"Bash","input":{}}', '"tool_use"')
    returns = message("user", '[{"type":"tool_result","content":"hi"}]', ',"toolUseResult":"Error: hi"')
    aborted = message("user", '[{"type":"tool_result"}]',
                      ',"toolUseResult":"Error: Tool permission request failed: AbortError"')
    interrupted = message("user", '[{"type":"text","text":"[Request interrupted by user]"}]')
    says = assistant('{"type":"text","text":"done"}', '"end_turn"')
    thinks = assistant('{"type":"thinking","thinking":"hm"}', "null")
    failed = '{"type":"assistant","isApiErrorMessage":true,"message":{"model":"<synthetic>","content":[]}}'
    files = [[prompt], [prompt, says], [prompt, thinks, calls, returns, says, other, says],
             [other, says, prompt, calls, aborted, says], [prompt, calls, interrupted], [prompt, failed],
             [prompt, '{"type":"attachment"}', says, prompt[:40]], [escaped, says.replace("a", "\\u0061")]]
    return [steer + "\n".join(lines).encode() + b"\n" for lines in files for steer in (b"\0\0", b"\1\7")]


def _field(number: int, value) -> bytes:
    """A field of a protobuf message, short ones only."""
    def tag(wire_type):
        key = number << 3 | wire_type
        return bytes([key]) if key < 128 else bytes([key & 127 | 128, key >> 7])
    if isinstance(value, int):
        return tag(0) + bytes([value])
    data = value.encode() if isinstance(value, str) else value
    return tag(2) + bytes([len(data)]) + data


def hello() -> list:
    texts = ["0.1-abc", UUID, "host-id", "boot-id", "pid:[4026531836]"]
    # A Hello of agent.proto: protocol, then texts in the order of their numbers.
    message = _field(1, _field(1, 1) + _field(2, 9))
    message += b"".join(_field(number, text) for number, text in enumerate(texts, start=2))
    strange = message + b"".join(_field(number, "a\x1b[2J\n…") for number in (9, 10, 13, 14, 15, 16))
    framed = [struct.pack(">I", len(one)) + one for one in (message, strange, b"")]
    return [message, strange, framed[0] + b"PRI * HTTP/2.0", framed[1], framed[2], framed[0][:-3],
            b"\xff\xff\xff\xff", b"\0\1\0\0"]


def remote() -> list:
    return [text.encode() for text in (
        "ssh gpu1", "ssh -p 22 -i ~/.ssh/id -J jump ml@gpu1", "ssh -vA -oPort=22 ssh://ml@[::1]:2222/",
        "ssh -o 'Port = \"22\"' -o \"user ml\" host -4", "tsh -- gpu1", "/opt/ssh 'a b'\\''c'", "ssh host ls",
        "ssh -t host", "ssh -o ProxyCommand='nc %h %p' host", "ssh $HOST", "docker exec box", "~/bin/ssh x",
        "ssh -F \"/a\\\"b\\\\c\\$d\" -l ml gpu1", "ssh -- -host", "")]


JSON = """{"settings": {"maxProcesses": 3, "idleTimeout": 60000, "allowedRemoteCommands": ["tsh"],
 "sessionInitTimeout": 1000},
 "teams": {"a": {"path": "/a", "description": "${USER} says", "color": "#00ff00", "claudePath": "~/c"},
  "gpu": {"path": "~/b", "remote": "ssh -o ConnectTimeout=5 gpu1", "idleTimeout": 5000,
   "remoteOptions": {"identity": "~/.ssh/id", "port": 22, "linkMode": "stdio", "strictHostKeyChecking": false,
    "serverAliveInterval": 30000, "serverAliveCountMax": 3, "agentDir": "~/place"}}}}"""

YAML = """# A comment
settings:
  maxProcesses: 0x3
  allowedRemoteCommands: [tsh, '/opt/ssh']
teams:
  a: {path: /a, color: "#00ff00", skipPermissions: True}
  gpu:
    path: ~/b
    remote: >-
      ssh -p 22
      gpu1
    description: |
      two
      lines
    remoteOptions:
      connectTimeout: 5e3
      linkMode: forward
"""


def config() -> list:
    texts = [JSON, YAML, '{"teams": {"t": {"path": "/p", "color": "${QUOTE}"}}}', "{}", "teams: &a {b: *a}",
             "--- !!map {teams: ~}\n---\n", '{"teams": {"t": {"path": "/p", "path": "/q"}}}',
             '{"teams": {"t": {"path": "${NONE:-/p}", "remote": "ssh -T h"}}}', "- .inf\n",
             "- 0o17\n- 'it''s'\n- 1.5e3\n", "a: 1e400\n"]
    return [bytes([0 if text.startswith("{") else 1]) + text.encode() for text in texts] + \
        [b"\1" + JSON.encode(), b"\2" + JSON.encode()]


def _segment(first: int, events: list) -> bytes:
    """A segment of agent/journal/segment.cc, its events as bytes of v1.Event without seq."""
    head = b"IRISJNL1" + struct.pack("<Q", first) + UUID.encode() * 2
    head = head.ljust(124, b"\0")
    data = head + struct.pack("<I", zlib.crc32(head))
    for number, event in enumerate(events, start=first):
        payload = _field(1, number) + event
        data += struct.pack("<II", len(payload), zlib.crc32(payload)) + payload
    return data


def journal() -> list:
    def file(kind: str, data: bytes, fix: int = 1) -> bytes:
        return kind.encode() + bytes([fix]) + struct.pack("<H", len(data)) + data
    accepted, written = _field(2, _field(1, UUID)), _field(3, _field(1, UUID))
    output = _field(4, _field(1, "a line") + _field(2, 1))
    first = _segment(1, [accepted, written, output, output])
    second = _segment(5, [_field(9, _field(1, UUID)), _field(12, _field(1, UUID))])
    mark = b"IRISMRK1" + struct.pack("<Q", 2) + UUID.encode() * 2
    mark += struct.pack("<I", zlib.crc32(mark))
    whole = file("1", first) + file("2", second)
    return [b"F" + whole, b"F" + file("m", mark) + whole, b"F" + file("m", mark[:-1]) + whole,
            b"F" + file("1", first[:-3], 0) + file("2", second), b"F" + file("1", first + b"\0" * 40),
            b"F" + file("2", second), b"F" + file("1", first[:100]), b"F" + file("m", mark),
            b"W\x14", b"W\x3f\x00\x40\x01\x00", b"W\x20\x05\xff\x00\x09\x02\x99\x00\x55",
            b"W\x20\x03\x80\x00\x00\x08\x10\x01\x00"]


def attach() -> list:
    def steps(*all_of) -> bytes:
        return bytes(byte for what, reader, number in all_of for byte in (reader << 4 | what, number))
    start, start_with_credit, credit, ack, tell = 0, 1, 2, 4, 6
    left_behind = [(start, 0, 0), (start_with_credit, 1, 0), (tell, 1, 9), (15, 1, 255), (15, 1, 255), (ack, 1, 0),
                   (15, 1, 255), (credit, 0, 1), (credit, 0, 1), (credit, 0, 1)]
    return [steps(*left_behind), steps(*left_behind * 4),
            steps((start_with_credit, 0, 0), (7, 0, 1), (7, 0, 2), (7, 0, 4), (tell, 0, 7), (ack, 0, 0), (10, 0, 0)),
            steps((start, 0, 0), (13, 0, 0), (start_with_credit, 0, 5), (tell, 0, 200), (credit, 0, 140), (11, 0, 0)),
            steps((tell, 0, 1), (ack, 1, 0), (credit, 2, 200), (9, 3, 0)), steps((start, 0, 15), (start, 1, 0), (start, 1, 1))]


def main(fuzzer: str, folder: str):
    for number, seed in enumerate(globals()[fuzzer.removesuffix("_fuzz")]()):
        (pathlib.Path(folder) / f"seed-{number:02}").write_bytes(seed)


if __name__ == "__main__":
    main(*sys.argv[1:])
