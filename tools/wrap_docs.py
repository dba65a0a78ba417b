#!/usr/bin/python3
"""Breaks the paragraphs of Markdown pages anew that have a line of more than 120 columns. Usage: wrap_docs.py PAGE.md...

Tables, code and headings stay as they are, and so does every paragraph that is narrow enough. Where a link leads takes no
room (tests/docs holds pages to the same). Code within a line is not broken."""

import pathlib
import re
import sys

COLUMNS = 120
ITEM = re.compile(r"^(\s*)([-*+]|\d+[.)])(\s+)")
QUOTE = re.compile(r"^(>\s*)+")
# A line that begins so would be something else than text.
MARKS = re.compile(r"([-+*]|\d+[.)]|#+|[>|].*|=+|--+)$")


def shown(text):
    return re.sub(r"https?://\S+", "", re.sub(r"\]\([^)\s]*\)", "]", text))


def words(text):
    """What stands between blanks; code, blanks and all, is in one piece."""
    return re.findall(r"(?:`[^`]*`|\S)+", text)


def wrapped(first, rest, text):
    lines, line = [], []
    for word in words(text):
        prefix = rest if lines else first
        if line and len(shown(prefix + " ".join([*line, word]))) > COLUMNS:
            # What would be a mark takes its neighbour along.
            keep = [line.pop(), word] if MARKS.match(word) and len(line) > 1 else [word]
            lines.append(prefix + " ".join(line))
            line = keep
        else:
            line.append(word)
    lines.append((rest if lines else first) + " ".join(line))
    return lines


class Page:
    def __init__(self):
        self.out = []
        self.block = []   # Its lines, as they are.
        self.prefix = ("", "")

    def flush(self):
        if not self.block:
            return
        breaks = any(line.endswith(("  ", "\\")) for line in self.block)
        if breaks or all(len(shown(line)) <= COLUMNS for line in self.block):
            self.out += self.block
        else:
            first, rest = self.prefix
            bare = [self.block[0][len(first):], *(line.strip().removeprefix(rest.strip()) for line in self.block[1:])]
            self.out += wrapped(first, rest, " ".join(line.strip() for line in bare))
        self.block = []

    def take(self, lines):
        fenced = code = False
        before = ""
        for line in lines:
            fence = line.lstrip().startswith("```")
            code = not fenced and line.startswith("    ") and (code or not before.strip())
            before = line
            item, quote = ITEM.match(line), QUOTE.match(line)
            if fenced or fence or code or not line.strip() or line.lstrip().startswith(("#", "|", "<")):
                self.flush()
                self.out.append(line)
                fenced = fenced != fence
            elif item:
                self.flush()
                self.prefix = (item.group(0), " " * len(item.group(0)))
                self.block = [line]
            elif self.block:
                self.block.append(line)
            else:
                indent = quote.group(0) if quote else line[:len(line) - len(line.lstrip())]
                self.prefix = (indent, indent)
                self.block = [line]
        self.flush()
        return self.out


def main(*paths):
    for path in map(pathlib.Path, paths):
        text = path.read_text()
        broken = "\n".join(Page().take(text.splitlines())) + "\n"
        if broken != text:
            path.write_text(broken)
            print(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
