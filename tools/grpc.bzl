"""cc_grpc_proto: the system's protoc and grpc_cpp_plugin -> cc_library."""

def cc_grpc_proto(name, src, grpc = True, deps = [], **kw):
    """A C++ library of one .proto file of this package, named by its path from the top of the tree.

    Args:
      name: the library.
      src: the .proto file, in this package.
      grpc: also generate the services.
      deps: other cc_grpc_proto libraries that it imports, of this package.
      **kw: passed to cc_library.
    """
    if not src.endswith(".proto"):
        fail("src must be a .proto")
    base = src[:-len(".proto")]
    hdrs = [base + ".pb.h"] + ([base + ".grpc.pb.h"] if grpc else [])
    srcs = [base + ".pb.cc"] + ([base + ".grpc.pb.cc"] if grpc else [])
    cmd = "$(location @sys//:protoc) -I. --cpp_out=$(GENDIR) "
    tools = ["@sys//:protoc"]
    if grpc:
        cmd += "--grpc_out=$(GENDIR) --plugin=protoc-gen-grpc=$(location @sys//:grpc_cpp_plugin) "
        tools.append("@sys//:grpc_cpp_plugin")
    native.genrule(
        name = name + "_gen",
        srcs = [src] + [d + "_proto" for d in deps],
        outs = hdrs + srcs,
        tools = tools,
        cmd = cmd + "$(location %s)" % src,
    )
    native.filegroup(name = name + "_proto", srcs = [src] + [d + "_proto" for d in deps])
    native.cc_library(
        name = name,
        srcs = srcs,
        hdrs = hdrs,
        copts = ["-w"],
        # The lite runtime (see the .proto files) and gRPC must agree on it.
        defines = ["GRPC_USE_PROTO_LITE"],
        deps = deps,
        **kw
    )
