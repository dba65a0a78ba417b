"""agent_binary: the agent as one static program."""

def agent_binary(name, **kw):
    """iris-agent under some name.

    Args:
      name: the program.
      **kw: passed to cc_binary.
    """
    native.cc_binary(
        name = name,
        srcs = ["main.cc"],
        copts = [
            "-Os",
            "-ffunction-sections",
            "-fdata-sections",
        ],
        features = ["fully_static_link"],
        linkopts = [
            "-Wl,--gc-sections",
            "-Wl,-O1",
            "-Wl,-e,iris_start",
            "-s",
        ],
        linkstatic = True,
        tags = ["static"],
        deps = [
            "//agent/app:bridge",
            "//agent/app:build_info",
            "//agent/app:complain",
            "//agent/app:offer",
            "//agent/app:options",
            "//agent/app:serve",
            "//agent/process:keeper",
            "//agent/process:keeper_start",
            "//common/version",
            "@sys//:absl",
            "@sys//:grpcpp_unsecure_static",
        ],
        **kw
    )
