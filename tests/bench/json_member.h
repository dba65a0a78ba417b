#ifndef IRIS_TESTS_BENCH_JSON_MEMBER_H_
#define IRIS_TESTS_BENCH_JSON_MEMBER_H_

#include <string_view>

namespace iris::bench {

// JSON as far as benches need it, without a tree and without a copy: what it takes to read a line
// must not be what is measured. `object` is well-formed; of anything else the result is nonsense,
// and never beyond its end.

// The value of that member as it is written, with its quotes and escapes; empty: there is none.
std::string_view JsonMember(std::string_view object, std::string_view key);

// What stands between the quotes of a string, escapes and all; empty: it is none.
std::string_view JsonInside(std::string_view value);

// The member's string, escapes and all; empty: there is none.
inline std::string_view JsonText(std::string_view object, std::string_view key) {
  return JsonInside(JsonMember(object, key));
}

}  // namespace iris::bench

#endif  // IRIS_TESTS_BENCH_JSON_MEMBER_H_
