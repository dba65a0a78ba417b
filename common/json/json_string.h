#ifndef IRIS_COMMON_JSON_JSON_STRING_H_
#define IRIS_COMMON_JSON_JSON_STRING_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace iris {

// What a string of a JSON text stands for, put together from what JsonScanSink hears of it.
// JavaScript writes half a character as it is, and programs write bytes that are no UTF-8: both
// become U+FFFD. Not thread-safe.
class JsonString {
 public:
  // A string begins. What is beyond `bytes_max` of it may be left out. `bytes_max` is what it may
  // come to: of one that is long, so much room is taken at once.
  void Begin(size_t bytes_max);
  void AddPlain(absl::string_view bytes);
  void AddEscape(uint16_t unit);
  // All of it, as UTF-8.
  std::string Take();

 private:
  void EndHalf();

  std::string text_;
  size_t bytes_max_ = 0;
  uint16_t half_ = 0;  // The first half of a character whose second has not come; 0: none.
};

// Appends `text`, which is UTF-8, as it stands between the quotes of a JSON string.
void AppendEscaped(absl::string_view text, std::string& json);

}  // namespace iris

#endif  // IRIS_COMMON_JSON_JSON_STRING_H_
