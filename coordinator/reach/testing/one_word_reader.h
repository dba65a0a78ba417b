#ifndef IRIS_COORDINATOR_REACH_TESTING_ONE_WORD_READER_H_
#define IRIS_COORDINATOR_REACH_TESTING_ONE_WORD_READER_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "coordinator/config/config.h"
#include "coordinator/config/key.h"
#include "coordinator/reach/reach.h"

namespace iris {

// Reads every `remote` that begins with one word, and has the keys that it is given.
class OneWordReader final : public RemoteReader {
 public:
  explicit OneWordReader(absl::string_view word, std::vector<Key> keys = {},
                         std::vector<RefusedKey> refused = {})
      : word_(word), keys_(std::move(keys)), refused_(std::move(refused)) {}

  bool Reads(absl::string_view program) const override { return program == word_; }
  absl::Span<const Key> keys() const override { return keys_; }
  absl::Span<const RefusedKey> refused_keys() const override { return refused_; }
  absl::Status Read(const RemoteText& text, RemoteWay& way) const override {
    way.remote.text = std::string(text.text);
    way.remote.program = word_;
    return absl::OkStatus();
  }

 private:
  const std::string word_;
  const std::vector<Key> keys_;
  const std::vector<RefusedKey> refused_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_REACH_TESTING_ONE_WORD_READER_H_
