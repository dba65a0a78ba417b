#ifndef IRIS_AGENT_PROCESS_KEEPER_H_
#define IRIS_AGENT_PROCESS_KEEPER_H_

namespace iris {

// The descriptor on which a keeper reports; see KeeperMain().
inline constexpr int kKeeperReportFd = 3;
// The one that it, claude and all below inherit, where there is one (life_lock.h).
inline constexpr int kKeeperLifeFd = 4;

// `iris-agent keeper PROGRAM CWD ARGS…`: one small process between the agent and each `claude`.
//
//   agent ── keeper (child subreaper) ── claude ── tool shells, their daemons, …
//
// claude's tools make sessions and groups of their own, may detach twice and may clear their
// environment: neither killpg nor a mark in the environment finds them all. Being their subreaper,
// the keeper stays the ancestor of every one, and ends them all when claude is gone – also when the
// agent has been killed. All but daemons of Iris that a tool's `iris` has started (descendants.h).
//
// Stdin, stdout and stderr are claude's. On descriptor 3 it writes lines:
//   started PID             claude runs
//   failed STEP ERRNO       it could not be started (STEP: pipe, fork, setsid, chdir, exec); the
//                           keeper exits
//   exited code|signal N    claude is gone; its descendants are being ended
//   gone                    none of them is left, not even a daemon of Iris
// and exits when none of them is left (SIGTERM, after 500 ms SIGKILL, for 10 s at most).
// SIGTERM to the keeper: SIGKILL to claude and every descendant at once.
//
// There is one for each session, for as long as that has a claude, so it has to be small: on x86-64
// it runs before the C library is set up, in pages that all keepers and the agent share
// (keeper_start_linux.cc, bare_linux.h). PROGRAM is an absolute path; `argv` is changed.
int KeeperMain(int argc, char** argv, char** envp);

}  // namespace iris

#endif  // IRIS_AGENT_PROCESS_KEEPER_H_
