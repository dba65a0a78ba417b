#!/usr/bin/python3
"""Prints the flag with which bazel compiles against precompiled headers, so that they are not read for every file.
Usage: flag.py OUTPUT tests|libraries [BAZEL_FLAG...]

OUTPUT: where the precompiled headers.h is put. Half of the time that a test takes to compile goes into the headers of
gtest and Abseil. What ships is compiled without: a missing #include shows."""
import json
import subprocess
import sys

# Compiled otherwise than all others: agent/process/bare_linux.h.
BARE = r"-.*agent/process[/:](keeper|keeper_start|process_tree)_linux\.cc$"  # By its label and by its path.
# Which files, as of --per_file_copt, and one that is compiled as all of them are.
KINDS = {
    "tests": (r".*_(test|fixture)\.cc$", "//common/base:ids_test"),
    "libraries": (rf".*\.cc$,-.*_(test|fixture)\.cc$,{BARE}", "//common/base:ids"),
}
# What the compiler is told about one file: with a word behind it, and without.
PAIRS_OF_A_FILE = ("-MF", "-o", "-c")
WORDS_OF_A_FILE = ("-MD", "-frandom-seed=", "-fmodule-name=", "-fmodule-map-file=", "-Wprivate-header")


def compile_command(target, bazel_flags):
    """How bazel compiles TARGET, less what is about its file."""
    query = f'mnemonic("CppCompile", {target})'
    answer = subprocess.run(["bazel", "aquery", *bazel_flags, "--output=jsonproto", query],
                            stdout=subprocess.PIPE, check=True).stdout
    words = iter(json.loads(answer)["actions"][0]["arguments"])
    command = []
    for word in words:
        if word in PAIRS_OF_A_FILE:
            next(words)
        elif not word.startswith(WORDS_OF_A_FILE):
            command.append(word)
    return command


def main(output, kind, *bazel_flags):
    """Compiles headers.h and says how it is used."""
    files, example = KINDS[kind]
    # From its stdin: a file with a name would be among those that bazel sees each test read.
    with open("tests/precompiled/headers.h", encoding="utf-8") as headers:
        subprocess.run([*compile_command(example, bazel_flags), "-fpch-instantiate-templates", "-x", "c++-header", "-",
                        "-o", output], stdin=headers, check=True)
    print(f"--per_file_copt={files}@-include-pch,{output}")


if __name__ == "__main__":
    main(*sys.argv[1:])
