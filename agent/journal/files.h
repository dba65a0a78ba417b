#ifndef IRIS_AGENT_JOURNAL_FILES_H_
#define IRIS_AGENT_JOURNAL_FILES_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/scoped_fd.h"

namespace iris {

// Whole reads and writes of the agent's own files. An error is errno's, with `path` in it.

absl::Status WriteAt(const ScopedFd& file, size_t offset, absl::string_view bytes,
                     const std::string& path);
// Exactly `bytes` bytes. DataLoss: the file ends before.
absl::StatusOr<std::string> ReadAt(const ScopedFd& file, size_t offset, size_t bytes,
                                   const std::string& path);
// NotFound: no such file. DataLoss: it is none of ours, being a link, no file, or longer than
// `bytes_max`.
absl::StatusOr<std::string> ReadWholeFile(const std::string& path, size_t bytes_max);

// Puts `content` in the place of `path` (0600), so that after any crash there is the old file or
// the new one, whole.
absl::Status ReplaceFile(const std::string& path, absl::string_view content);

// Makes what was created, renamed or removed in `dir` durable.
absl::Status SyncDirectory(const std::string& dir);

// `text` cut to, or filled with NULs up to, `bytes`; and back.
std::string Padded(absl::string_view text, size_t bytes);
std::string Unpadded(absl::string_view bytes);

}  // namespace iris

#endif  // IRIS_AGENT_JOURNAL_FILES_H_
