#include "tests/programs/text.h"

#include <sys/random.h>
#include <sys/time.h>

#include <cctype>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace iris::stub {

std::string NewUuid() {
  unsigned char b[16];
  if (getrandom(b, sizeof b, 0) != sizeof b) abort();
  b[6] = (b[6] & 0x0f) | 0x40;
  b[8] = (b[8] & 0x3f) | 0x80;
  std::string uuid;
  for (size_t i = 0; i < sizeof b; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) uuid += '-';
    char hex[3];
    snprintf(hex, sizeof hex, "%02x", b[i]);
    uuid += hex;
  }
  return uuid;
}

bool IsUuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : isxdigit(static_cast<unsigned char>(text[i])) == 0) return false;
  }
  return true;
}

std::string Timestamp() {
  timeval now;
  gettimeofday(&now, nullptr);
  tm utc;
  gmtime_r(&now.tv_sec, &utc);
  char date[32], all[48];
  strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc);
  snprintf(all, sizeof all, "%s.%03dZ", date, static_cast<int>(now.tv_usec / 1000));
  return all;
}

std::string NumberedText(size_t bytes) {
  std::string text;
  text.reserve(bytes + 16);
  for (unsigned number = 0; text.size() < bytes; ++number) {
    char word[16];
    text.append(word, snprintf(word, sizeof word, "%07u ", number));
  }
  text.resize(bytes);
  return text;
}

std::string CjkText(size_t characters) {
  std::string text;
  text.reserve(characters * 3);
  for (size_t i = 0; i < characters; ++i) {
    const unsigned code = 0x4e00 + i % 20000;
    text += static_cast<char>(0xe0 | (code >> 12));
    text += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
    text += static_cast<char>(0x80 | (code & 0x3f));
  }
  return text;
}

std::string RandomText(size_t bytes) {
  constexpr char kLetters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text;
  text.reserve(bytes + 10);
  // xorshift64: words.py makes the same.
  for (uint64_t state = 0x9e3779b97f4a7c15u; text.size() < bytes;) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    for (int shift = 0; shift < 60; shift += 6) text += kLetters[state >> shift & 63];
  }
  text.resize(bytes);
  return text;
}

std::string Checksum(std::string_view bytes) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char byte : bytes) {
    hash ^= static_cast<unsigned char>(byte);
    hash *= 0x100000001b3u;
  }
  char hex[17];
  snprintf(hex, sizeof hex, "%016llx", static_cast<unsigned long long>(hash));
  return hex;
}

}  // namespace iris::stub
