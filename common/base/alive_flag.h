#ifndef IRIS_COMMON_BASE_ALIVE_FLAG_H_
#define IRIS_COMMON_BASE_ALIVE_FLAG_H_

#include <memory>

namespace iris {

// Whether the AliveFlag that this is of is still there. Copies may be made and destroyed on any
// thread; what it says counts on the thread of the flag.
class AliveWatch {
 public:
  bool is_set() const { return !flag_.expired(); }
  explicit operator bool() const { return is_set(); }

 private:
  friend class AliveFlag;
  explicit AliveWatch(const std::shared_ptr<const bool>& flag) : flag_(flag) {}

  std::weak_ptr<const bool> flag_;
};

// A member of an object that may be gone when something comes back to it: a task that it has
// posted, or a call of its own that leads to its end. Declared last, so that it goes first.
//
//   loop_.Post([this, alive = alive_.Watch()] {
//     if (alive) Look();
//   });
//
// Lives on one thread.
class AliveFlag {
 public:
  AliveFlag() = default;
  AliveFlag(const AliveFlag&) = delete;
  AliveFlag& operator=(const AliveFlag&) = delete;

  AliveWatch Watch() const { return AliveWatch(flag_); }
  // In a destructor that has more to do.
  void Clear() { flag_.reset(); }

 private:
  std::shared_ptr<const bool> flag_ = std::make_shared<const bool>(true);
};

}  // namespace iris

#endif  // IRIS_COMMON_BASE_ALIVE_FLAG_H_
