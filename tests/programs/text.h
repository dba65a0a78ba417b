#ifndef IRIS_TESTS_PROGRAMS_TEXT_H_
#define IRIS_TESTS_PROGRAMS_TEXT_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace iris::stub {

// A random UUID, version 4, lower case.
std::string NewUuid();

// Whether `text` has the form of a UUID.
bool IsUuid(std::string_view text);

// Now, as claude writes it: 2026-11-23T07:24:34.404Z.
std::string Timestamp();

// "0000000 0000001 0000002 …", cut after `bytes`: loss, repetition and reordering all show.
std::string NumberedText(size_t bytes);

// `characters` Chinese characters, three bytes each; number i is U+4E00 + i % 20,000.
std::string CjkText(size_t characters);

// `bytes` letters and digits in which nothing repeats: no compression makes them fewer than 3 of 4.
std::string RandomText(size_t bytes);

// FNV-1a, 64 bits, as 16 hex digits.
std::string Checksum(std::string_view bytes);

}  // namespace iris::stub

#endif  // IRIS_TESTS_PROGRAMS_TEXT_H_
