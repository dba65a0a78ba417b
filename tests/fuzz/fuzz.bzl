"""fuzzer: a libFuzzer program."""

def fuzzer(name, deps):
    """The program NAME of NAME.cc, which has LLVMFuzzerTestOneInput. tests/fuzz/run.sh finds it by its rule.

    It is linked with --config=asan only; every other configuration compiles it, so that it does not rot.

    Args:
      name: ends in "_fuzz".
      deps: of NAME.cc.
    """
    native.cc_library(
        name = name + "_entry",
        testonly = True,
        srcs = [name + ".cc"],
        alwayslink = True,
        deps = [":require"] + deps,
    )
    native.cc_binary(
        name = name,
        testonly = True,
        linkopts = ["-fsanitize=fuzzer"],
        tags = ["manual"],
        deps = [":" + name + "_entry"],
    )
