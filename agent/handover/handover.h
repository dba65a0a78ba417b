#ifndef IRIS_AGENT_HANDOVER_HANDOVER_H_
#define IRIS_AGENT_HANDOVER_HANDOVER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/handover/handover.pb.h"
#include "common/base/scoped_fd.h"

namespace iris {

// The format of handover::Agent that this build writes, and the oldest that it reads.
inline constexpr uint32_t kHandoverFormat = 1;
inline constexpr uint32_t kHandoverFormatOldest = 1;
inline constexpr size_t kHandoverBytesMax = 512 << 20;

// `state` in a memfd, close-on-exec. ResourceExhausted: larger than kHandoverBytesMax.
// Others: the kernel has no memfd, or no memory.
absl::StatusOr<ScopedFd> WriteHandover(const handover::Agent& state);

// What the program before wrote into `fd`, which is closed. Every descriptor of this process but 0,
// 1 and 2 is close-on-exec from now on. DataLoss: it is none, or of a format that this build does
// not read.
absl::StatusOr<handover::Agent> ReadHandover(int fd);

// The descriptors that `state` names; those of children alone.
std::vector<int> DescriptorsIn(const handover::Agent& state);
std::vector<int> ChildDescriptorsIn(const handover::Agent& state);

// Replaces the program of this process: execve with our environment, in which only `inherited` and
// 0, 1 and 2 stay open. Returns only if that fails, with everything as before. From any thread; the
// others are gone.
absl::Status BecomeProgram(const std::string& program, const std::vector<std::string>& args,
                           const std::vector<int>& inherited);

// Closes every descriptor but 0, 1 and 2: what a state that cannot be read has left open. Before
// anything else is opened.
void CloseInherited();

}  // namespace iris

#endif  // IRIS_AGENT_HANDOVER_HANDOVER_H_
