#include "common/json/json_scan.h"

#include <bit>
#include <cstring>

#include "absl/strings/ascii.h"

namespace iris {
namespace {

constexpr size_t kKeptDepth = 4096;
constexpr uint64_t kEachByte = 0x0101010101010101;

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool EndsPlainText(char c) { return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20; }

// The high bits of those bytes of `word` that are less than `bound`, which is at most 0x80. Above
// the lowest of them others may be set too.
uint64_t BytesBelow(uint64_t word, uint64_t bound) {
  return (word - kEachByte * bound) & ~word & (kEachByte * 0x80);
}

// What `\c` stands for; -1: it is no escape.
int EscapedCharacter(char c) {
  switch (c) {
    case '"':
    case '\\':
    case '/':
      return c;
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return -1;
  }
}

}  // namespace

size_t PlainStringBytes(absl::string_view bytes) {
  size_t plain = 0;
  for (uint64_t word; plain + sizeof(word) <= bytes.size(); plain += sizeof(word)) {
    memcpy(&word, bytes.data() + plain, sizeof(word));
    const uint64_t ends = BytesBelow(word, 0x20) | BytesBelow(word ^ kEachByte * '"', 1) |
                          BytesBelow(word ^ kEachByte * '\\', 1);
    if (ends == 0) continue;
    if constexpr (std::endian::native != std::endian::little) break;
    return plain + static_cast<size_t>(std::countr_zero(ends)) / 8;
  }
  while (plain < bytes.size() && !EndsPlainText(bytes[plain])) ++plain;
  return plain;
}

void JsonScan::Reset() {
  next_ = Next::kValue;
  open_.clear();
  if (open_.capacity() > kKeptDepth) open_.shrink_to_fit();
  in_string_ = escaped_ = false;
  hex_digits_ = 0;
}

bool JsonScan::IsWhole() const {
  if (in_string_ || !open_.empty()) return false;
  const bool number_may_end = number_ == Number::kZero || number_ == Number::kInteger ||
                              number_ == Number::kFraction || number_ == Number::kExponent;
  return next_ == Next::kNothing || (next_ == Next::kNumber && number_may_end);
}

void JsonScan::Feed(absl::string_view bytes) {
  while (!bytes.empty() && !bad()) {
    if (in_string_) {
      bytes.remove_prefix(FeedString(bytes));
    } else {
      Take(bytes[0]);
      bytes.remove_prefix(1);
    }
  }
}

size_t JsonScan::FeedString(absl::string_view bytes) {
  if (hex_digits_ > 0) {
    TakeHexDigit(bytes[0]);
    return 1;
  }
  if (escaped_) {
    TakeEscaped(bytes[0]);
    return 1;
  }
  // The bulk of every long line is one string: run to its next special byte.
  const size_t plain = PlainStringBytes(bytes);
  if (plain > 0 && wanted_) sink_->OnPlain(bytes.substr(0, plain));
  if (plain == bytes.size()) return plain;
  const size_t taken = plain + 1;
  if (bytes[plain] == '"') {
    EndString();
  } else if (bytes[plain] != '\\') {
    next_ = Next::kBad;
  } else if (taken < bytes.size()) {
    TakeEscaped(bytes[taken]);
    return taken + 1;
  } else {
    escaped_ = true;
  }
  return taken;
}

void JsonScan::EndString() {
  in_string_ = false;
  End();
  if (is_key_) {
    next_ = Next::kColon;
  } else {
    AfterValue();
  }
}

void JsonScan::TakeEscaped(char c) {
  escaped_ = false;
  if (c == 'u') {
    hex_digits_ = 4;
    unit_ = 0;
    return;
  }
  const int character = EscapedCharacter(c);
  if (character < 0) {
    next_ = Next::kBad;
  } else if (wanted_) {
    sink_->OnEscape(static_cast<uint16_t>(character));
  }
}

void JsonScan::TakeHexDigit(char c) {
  if (!absl::ascii_isxdigit(static_cast<unsigned char>(c))) {
    next_ = Next::kBad;
    return;
  }
  const int digit = IsDigit(c) ? c - '0' : absl::ascii_tolower(c) - 'a' + 10;
  unit_ = static_cast<uint16_t>(unit_ * 16 + digit);
  if (--hex_digits_ == 0 && wanted_) sink_->OnEscape(unit_);
}

void JsonScan::Take(char c) {
  if (next_ == Next::kLiteral) return TakeLiteral(c);
  if (next_ == Next::kNumber && TakeOfNumber(c)) return;
  if (IsBlank(c)) return;
  switch (next_) {
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
      in_string_ ? Begin(JsonKind::kKey) : static_cast<void>(next_ = Next::kBad);
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

void JsonScan::TakeLiteral(char c) {
  if (c != *literal_) {
    next_ = Next::kBad;
  } else if (*++literal_ == '\0') {
    End();
    AfterValue();
  }
}

void JsonScan::TakeValue(char c) {
  next_ = Next::kLiteral;
  switch (c) {
    case '{':
    case '[':
      return Open(c == '{');
    case '"':
      in_string_ = true;
      is_key_ = false;
      return Begin(JsonKind::kString);
    case 't':
      literal_ = "rue";
      return Begin(JsonKind::kTrue);
    case 'f':
      literal_ = "alse";
      return Begin(JsonKind::kFalse);
    case 'n':
      literal_ = "ull";
      return Begin(JsonKind::kNull);
    default:
      next_ = IsDigit(c) || c == '-' ? Next::kNumber : Next::kBad;
      if (bad()) return;
      number_ = c == '-' ? Number::kMinus : c == '0' ? Number::kZero : Number::kInteger;
      Begin(JsonKind::kNumber);
      number_text_.clear();
      if (wanted_) number_text_ += c;
  }
}

bool JsonScan::TakeOfNumber(char c) {
  const bool digit = IsDigit(c);
  const bool e = c == 'e' || c == 'E';
  const auto go_on = [this, c](Number to) {
    number_ = to;
    if (wanted_) number_text_ += c;
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
      if (digit && number_ == Number::kInteger) return go_on(Number::kInteger);
      if (c == '.') return go_on(Number::kPoint);
      if (e) return go_on(Number::kE);
      EndNumber();
      return false;
    case Number::kFraction:
      if (digit) return go_on(Number::kFraction);
      if (e) return go_on(Number::kE);
      EndNumber();
      return false;
    case Number::kExponent:
      if (digit) return go_on(Number::kExponent);
      EndNumber();
      return false;
  }
  next_ = Next::kBad;
  return true;
}

void JsonScan::EndNumber() {
  if (wanted_) sink_->OnPlain(number_text_);
  End();
  AfterValue();
}

void JsonScan::Open(bool object) {
  if (open_.size() >= depth_max_) {
    next_ = Next::kBad;
    return;
  }
  open_.push_back(object);
  next_ = object ? Next::kKeyOrEnd : Next::kValueOrEnd;
  if (sink_ != nullptr) sink_->OnOpen(object);
}

void JsonScan::Close(bool object) {
  if (open_.back() != object) {
    next_ = Next::kBad;
    return;
  }
  open_.pop_back();
  if (sink_ != nullptr) sink_->OnClose(object);
  AfterValue();
}

void JsonScan::Begin(JsonKind kind) { wanted_ = sink_ != nullptr && sink_->OnBegin(kind); }

void JsonScan::End() {
  if (sink_ != nullptr) sink_->OnEnd();
}

void JsonScan::AfterValue() { next_ = open_.empty() ? Next::kNothing : Next::kCommaOrEnd; }

}  // namespace iris
