// Where the agent's program begins (-Wl,-e,iris_start in agent/agent_binary.bzl). As a keeper it
// never comes to the C library's own beginning: that, and what gRPC and others set up before
// main(), would cost each keeper 150 kB that it never needs.

#include "agent/process/bare_linux.h"
#include "agent/process/keeper.h"

#if defined(__x86_64__)

// The kernel leaves rsp at argc, argv, null, envp, null; rdx is the C library's. Both are as they
// were for _start.
__asm__(R"(
    .pushsection .text.iris_start, "ax", @progbits
    .globl iris_start
    .type iris_start, @function
iris_start:
    .cfi_startproc
    .cfi_undefined rip
    xorl %ebp, %ebp
    movq %rsp, %rbx
    movq %rdx, %r12
    movq %rsp, %rdi
    andq $-16, %rsp
    call IrisBeKeeperIfAsked
    movq %rbx, %rsp
    movq %r12, %rdx
    jmp _start
    .cfi_endproc
    .size iris_start, . - iris_start
    .popsection
)");

extern "C" __attribute__((used)) void IrisBeKeeperIfAsked(long* stack) {
  const int argc = static_cast<int>(stack[0]);
  char** const argv = reinterpret_cast<char**>(stack + 1);
  constexpr char kKeeper[] = "keeper";
  if (argc < 2) return;
  for (size_t i = 0; i < sizeof(kKeeper); ++i) {
    if (argv[1][i] != kKeeper[i]) return;
  }
  iris::bare::Exit(iris::KeeperMain(argc, argv, argv + argc + 1));
}

#elif defined(__aarch64__)
__asm__(".text\n.globl iris_start\niris_start: b _start\n");  // main() knows keepers too.
#elif defined(__riscv)
__asm__(".text\n.globl iris_start\niris_start: tail _start\n");
#endif
