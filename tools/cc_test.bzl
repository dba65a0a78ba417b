"""cc_test: a test with GoogleTest, on whose loops nothing blocks or computes for long."""

_GTEST = "@sys//:gtest"

# Protobuf comes with it. Libraries that use it leave it to programs, since the agent's is another one.
_GRPC = "@sys//:grpcpp"

def cc_test(name, srcs = None, deps = [], size = "small", **kwargs):
    """A test of NAME.cc, linked with GoogleTest, its main, and gRPC.

    What its event loops run is measured, and fails the test where it takes too long or blocks: see
    common/loop/watchdog.h. Fuzzers and benchmarks are no tests of this kind.

    Args:
      name: the test, NAME_test.
      srcs: other sources than NAME.cc.
      deps: what the sources include, but for GoogleTest and gRPC.
      size: as Bazel has it.
      **kwargs: passed to Bazel's cc_test.
    """
    native.cc_test(
        name = name,
        size = size,
        srcs = srcs or [name + ".cc"],
        deps = [dep for dep in deps if dep not in [_GTEST, _GRPC]] + [
            "//common/loop:watch_tests",
            _GRPC,
            _GTEST,
        ],
        **kwargs
    )
