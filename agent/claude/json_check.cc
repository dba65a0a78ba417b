#include "agent/claude/json_check.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/ascii.h"

namespace iris {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool EndsPlainText(char c) { return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20; }

}  // namespace

void JsonCheck::Reset() {
  next_ = Next::kObject;
  open_.clear();
  in_string_ = escaped_ = false;
  hex_digits_ = 0;
}

void JsonCheck::Feed(absl::string_view bytes) {
  while (!bytes.empty() && !bad()) {
    if (in_string_) {
      bytes.remove_prefix(FeedString(bytes));
    } else {
      Take(bytes[0]);
      bytes.remove_prefix(1);
    }
  }
}

size_t JsonCheck::FeedString(absl::string_view bytes) {
  const char first = bytes[0];
  if (hex_digits_ > 0) {
    --hex_digits_;
    if (!absl::ascii_isxdigit(static_cast<unsigned char>(first))) next_ = Next::kBad;
    return 1;
  }
  if (escaped_) {
    escaped_ = false;
    if (first == 'u') hex_digits_ = 4;
    if (first == '\0' || strchr("\"\\/bfnrtu", first) == nullptr) next_ = Next::kBad;
    return 1;
  }
  // The bulk of every long line is one string: run to its next special byte.
  const char* const stop = std::find_if(bytes.begin(), bytes.end(), EndsPlainText);
  if (stop == bytes.end()) return bytes.size();
  if (*stop == '\\') {
    escaped_ = true;
  } else if (*stop != '"') {
    next_ = Next::kBad;
  } else {
    in_string_ = false;
    is_key_ ? static_cast<void>(next_ = Next::kColon) : AfterValue();
  }
  return static_cast<size_t>(stop - bytes.begin()) + 1;
}

void JsonCheck::Take(char c) {
  if (next_ == Next::kLiteral) {
    if (c != *literal_) {
      next_ = Next::kBad;
    } else if (*++literal_ == '\0') {
      AfterValue();
    }
    return;
  }
  if (next_ == Next::kNumber && TakeOfNumber(c)) return;
  if (IsBlank(c)) return;
  switch (next_) {
    case Next::kObject:
      return c == '{' ? Open(true) : static_cast<void>(next_ = Next::kBad);
    case Next::kValueOrEnd:
      if (c == ']') return Close(false);
      return TakeValue(c);
    case Next::kValue:
      return TakeValue(c);
    case Next::kKeyOrEnd:
      if (c == '}') return Close(true);
      [[fallthrough]];
    case Next::kKey:
      in_string_ = is_key_ = c == '"';
      if (!in_string_) next_ = Next::kBad;
      return;
    case Next::kColon:
      next_ = c == ':' ? Next::kValue : Next::kBad;
      return;
    case Next::kCommaOrEnd:
      if (c == '}' || c == ']') return Close(c == '}');
      next_ = c != ',' ? Next::kBad : open_.back() ? Next::kKey : Next::kValue;
      return;
    default:
      next_ = Next::kBad;
  }
}

void JsonCheck::TakeValue(char c) {
  next_ = Next::kLiteral;
  switch (c) {
    case '{':
    case '[':
      return Open(c == '{');
    case '"':
      in_string_ = true;
      is_key_ = false;
      return;
    case 't':
      literal_ = "rue";
      return;
    case 'f':
      literal_ = "alse";
      return;
    case 'n':
      literal_ = "ull";
      return;
    default:
      next_ = IsDigit(c) || c == '-' ? Next::kNumber : Next::kBad;
      number_ = c == '-' ? Number::kMinus : c == '0' ? Number::kZero : Number::kInteger;
  }
}

bool JsonCheck::TakeOfNumber(char c) {
  const bool digit = IsDigit(c);
  const bool e = c == 'e' || c == 'E';
  const auto go_on = [this](Number to) {
    number_ = to;
    return true;
  };
  switch (number_) {
    case Number::kMinus:
      if (digit) return go_on(c == '0' ? Number::kZero : Number::kInteger);
      break;
    case Number::kPoint:
      if (digit) return go_on(Number::kFraction);
      break;
    case Number::kE:
      if (c == '+' || c == '-') return go_on(Number::kSign);
      [[fallthrough]];
    case Number::kSign:
      if (digit) return go_on(Number::kExponent);
      break;
    case Number::kZero:
    case Number::kInteger:
      if (digit && number_ == Number::kInteger) return true;
      if (c == '.') return go_on(Number::kPoint);
      if (e) return go_on(Number::kE);
      AfterValue();
      return false;
    case Number::kFraction:
      if (digit) return true;
      if (e) return go_on(Number::kE);
      AfterValue();
      return false;
    case Number::kExponent:
      if (digit) return true;
      AfterValue();
      return false;
  }
  next_ = Next::kBad;
  return true;
}

void JsonCheck::Open(bool object) {
  if (open_.size() >= kDepthMax) {
    next_ = Next::kBad;
    return;
  }
  open_.push_back(object);
  next_ = object ? Next::kKeyOrEnd : Next::kValueOrEnd;
}

void JsonCheck::Close(bool object) {
  if (open_.back() != object) {
    next_ = Next::kBad;
    return;
  }
  open_.pop_back();
  AfterValue();
}

void JsonCheck::AfterValue() { next_ = open_.empty() ? Next::kNothing : Next::kCommaOrEnd; }

}  // namespace iris
