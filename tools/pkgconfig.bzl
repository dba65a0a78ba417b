"""@sys: system libraries through pkg-config. No downloads."""

# target -> pkg-config modules. Every target also exists as NAME_static.
_LIBS = {
    "absl": [
        "absl_base", "absl_synchronization", "absl_status", "absl_statusor", "absl_strings", "absl_str_format", "absl_time",
        "absl_flat_hash_map", "absl_flat_hash_set", "absl_hash", "absl_cord", "absl_optional", "absl_cleanup",
    ],
    "benchmark": ["benchmark"],
    "cli11": ["CLI11"],
    # The lite runtime everywhere: the agent must stay small, and one process (a test) may hold both binaries' code.
    "grpcpp": ["grpc++", "protobuf-lite"],
    "grpcpp_unsecure": ["grpc++_unsecure", "protobuf-lite"],
    "gtest": ["gtest_main", "gtest", "gmock"],
    "json": ["nlohmann_json"],
    "openssl": ["openssl"],
    "sqlite3": ["sqlite3"],
    "yaml": ["yaml-cpp"],
    "zlib": ["zlib"],
    "zstd": ["libzstd"],
}

# ARCHIVES of @sys//:archives.bzl: what `iris` links, from archives. Sixty shared libraries cost more to load than all that the
# program does until its first answer. libc and libstdc++ stay shared: the host's name service and a sanitizer's runtime need them.
_ARCHIVES = ["grpcpp_unsecure", "absl", "openssl", "sqlite3", "yaml", "zlib"]

# grpc++_unsecure.pc forgets these for --static.
_STATIC_EXTRA = {"grpcpp_unsecure": ["-laddress_sorting", "-lcares", "-lre2", "-lupb", "-lz"]}

_SHARED = ["-ldl", "-lm", "-lrt", "-lpthread", "-latomic"]

def _run(ctx, args):
    r = ctx.execute(args)
    if r.return_code != 0:
        fail("%s: %s" % (" ".join(args), r.stderr))
    return r.stdout.strip()

def _uniq_last(xs):
    # keep the LAST occurrence (static link order), drop duplicates
    seen, out = {}, []
    for x in reversed(xs):
        if x not in seen:
            seen[x] = 1
            out.append(x)
    return [x for x in reversed(out)]

def _impl(ctx):
    pc = ctx.which("pkg-config")
    if not pc:
        fail("pkg-config not found: apt-get install pkg-config")
    out = ['package(default_visibility = ["//visibility:public"])', ""]
    archives = []
    for name, pcs in _LIBS.items():
        missing = [p for p in pcs if ctx.execute([pc, "--exists", p]).return_code != 0]
        if missing:
            out.append('genrule(name = "%s", outs = ["%s.missing"], cmd = "echo missing pkg-config %s >&2; false")' % (name, name, " ".join(missing)))
            continue
        cf = _run(ctx, [pc, "--cflags"] + pcs).split(" ")
        dyn = _uniq_last([x for x in _run(ctx, [pc, "--libs"] + pcs).split(" ") if x])
        sta = _uniq_last([x for x in _run(ctx, [pc, "--static", "--libs"] + pcs).split(" ") if x])
        defs = [x[2:] for x in cf if x.startswith("-D") and x != "-DNOMINMAX"]
        if name in _ARCHIVES:
            archives += [x for x in sta if x.startswith("-l") and x not in _SHARED] + _STATIC_EXTRA.get(name, [])
        out.append("cc_library(name = %r, defines = %r, linkopts = %r)" % (name, defs, dyn))
        out.append("cc_library(name = %r, defines = %r, linkopts = %r)" % (
            name + "_static", defs, ["-Wl,--start-group"] + sta + _STATIC_EXTRA.get(name, []) + ["-Wl,--end-group"]))

    # header-only spdlog+fmt: works for both dynamic and static links
    out.append('cc_library(name = "spdlog", defines = ["SPDLOG_FMT_EXTERNAL", "FMT_HEADER_ONLY"], linkopts = ["-pthread"])')
    # Headers alone, which no module describes.
    out.append('cc_library(name = "utfcpp")')
    for tool in ["protoc", "grpc_cpp_plugin"]:
        p = ctx.which(tool)
        if not p:
            fail(tool + " not found")
        ctx.symlink(p, tool + ".bin")
        out.append('filegroup(name = "%s", srcs = ["%s.bin"])' % (tool, tool))
    # First on the command line, so that the shared libraries that follow are not needed any more.
    ctx.file("archives.bzl", "ARCHIVES = %r\n" % (
        ["-Wl,--as-needed", "-Wl,-Bstatic", "-Wl,--start-group"] + _uniq_last(archives) + ["-Wl,--end-group", "-Wl,-Bdynamic"]))
    ctx.file("BUILD.bazel", "\n".join(out) + "\n")

system_libs = repository_rule(
    implementation = _impl,
    local = True,
    configure = True,
    environ = ["PKG_CONFIG_PATH", "PATH"],
)
