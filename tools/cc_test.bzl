"""cc_test: a test with GoogleTest, on whose loops nothing blocks or computes for long."""

_GTEST = "@sys//:gtest"

def cc_test(name, srcs = None, deps = [], size = "small", **kwargs):
    """A test of NAME.cc, linked with GoogleTest and its main.

    What its event loops run is measured, and fails the test where it takes too long or blocks: see
    common/loop/watchdog.h. Fuzzers and benchmarks are no tests of this kind.

    Args:
      name: the test, NAME_test.
      srcs: other sources than NAME.cc.
      deps: what the sources include, but for GoogleTest.
      size: as Bazel has it.
      **kwargs: passed to Bazel's cc_test.
    """
    native.cc_test(
        name = name,
        size = size,
        srcs = srcs or [name + ".cc"],
        deps = [dep for dep in deps if dep != _GTEST] + [
            "//common/loop:watch_tests",
            _GTEST,
        ],
        **kwargs
    )
