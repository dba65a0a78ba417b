#ifndef IRIS_COORDINATOR_ORCHESTRATOR_KEPT_TEXT_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_KEPT_TEXT_H_

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

namespace iris {

// The text of a message that is about to be sent, kept so that it need not be read from the store
// again. All that are kept count together.
class KeptText {
 public:
  // Null: there is no room beside the `total` bytes of the others. `total` outlives it.
  static std::unique_ptr<KeptText> Keep(std::string text, size_t& total, size_t bytes_max) {
    if (text.size() > bytes_max || total > bytes_max - text.size()) return nullptr;
    return std::unique_ptr<KeptText>(new KeptText(std::move(text), total));
  }
  ~KeptText() { total_ -= bytes_; }
  KeptText(const KeptText&) = delete;
  KeptText& operator=(const KeptText&) = delete;

  std::string Take() { return std::move(text_); }  // Once.

 private:
  KeptText(std::string text, size_t& total)
      : text_(std::move(text)), bytes_(text_.size()), total_(total) {
    total_ += bytes_;
  }

  std::string text_;
  const size_t bytes_;
  size_t& total_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_KEPT_TEXT_H_
