"""What the stub's words answer, for comparing. README.md lists the words."""

SLOW_TEXT = "".join(f"word{i} " for i in range(20))
SPLIT_TEXT = "Grüße, 世界! Ελλάδα 🚀 naïve café."
PARTIAL_TEXT = "Partial answer before the end. "


def big(count: int) -> str:
    """The answer to BIG count."""
    return "".join("%07d " % i for i in range(count // 8 + 1))[:count]


def big_cjk(count: int) -> str:
    """The answer to BIGCJK count."""
    return "".join(chr(0x4E00 + i % 20000) for i in range(count))


def sum_of(text: str) -> str:
    """The answer to SUM text. About a second for 5 MB."""
    value = 0xCBF29CE484222325
    data = text.encode()
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return "SUM %016x %d" % (value, len(data))
