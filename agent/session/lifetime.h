#ifndef IRIS_AGENT_SESSION_LIFETIME_H_
#define IRIS_AGENT_SESSION_LIFETIME_H_

#include <memory>
#include <utility>

namespace iris {

// A member of what is called back later, on the loop that it lives on: what comes after its end is
// dropped.
class Lifetime {
 public:
  Lifetime() = default;
  ~Lifetime() { *lives_ = false; }
  Lifetime(const Lifetime&) = delete;
  Lifetime& operator=(const Lifetime&) = delete;

  // `call`, for as long as this lives.
  template <typename Call>
  auto While(Call call) const {
    return [lives = lives_, call = std::move(call)](const auto&... arguments) mutable {
      if (*lives) call(arguments...);
    };
  }

 private:
  const std::shared_ptr<bool> lives_ = std::make_shared<bool>(true);
};

}  // namespace iris

#endif  // IRIS_AGENT_SESSION_LIFETIME_H_
