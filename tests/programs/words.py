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


def random(count: int) -> str:
    """The answer to RANDOM count. About a second for 10 MB."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    pairs = [a + b for b in letters for a in letters]
    state, text = 0x9E3779B97F4A7C15, []
    for _ in range(count // 10 + 1):
        state ^= state << 13 & 0xFFFFFFFFFFFFFFFF
        state ^= state >> 7
        state ^= state << 17 & 0xFFFFFFFFFFFFFFFF
        text += [pairs[state >> shift & 4095] for shift in range(0, 60, 12)]
    return "".join(text)[:count]


def sum_of(text: str) -> str:
    """The answer to SUM text. About a second for 5 MB."""
    value = 0xCBF29CE484222325
    data = text.encode()
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return "SUM %016x %d" % (value, len(data))
