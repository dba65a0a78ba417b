"""packed_agent: an agent as it is sent to hosts."""

def packed_agent(agent, **kw):
    """AGENT.packed beside the program AGENT; coordinator/reach/shell/packed_agent.h says what is in it.

    Args:
      agent: the program, a target of the same package.
      **kw: passed to genrule.
    """
    native.genrule(
        name = agent + "_packed",
        srcs = [":" + agent],
        outs = [agent + ".packed"],
        # -n: neither name nor time, so that the same agent gives the same file.
        cmd = """
            digest() { sha256sum | cut -c -64; }
            gzip -9n <$< >$@.gz
            echo "$$(digest <$<) $$(digest <$@.gz)" >$@
            cat $@.gz >>$@
            rm $@.gz
        """,
        **kw
    )
