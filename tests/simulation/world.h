#ifndef IRIS_TESTS_SIMULATION_WORLD_H_
#define IRIS_TESTS_SIMULATION_WORLD_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace iris::simulation {

// Time, chance and what happens next in one schedule. All of it follows from the seed. Not
// thread-safe: a schedule runs on one thread.
class World {
 public:
  using Task = std::function<void()>;
  static constexpr size_t kNotesKept = 30;

  explicit World(uint64_t seed) : random_(seed) {}

  // ---- time
  absl::Duration now() const { return now_; }
  absl::Time wall() const { return absl::FromUnixSeconds(1'800'000'000) + now_ + wall_shift_; }
  // Somebody sets the wall clock.
  void ShiftWall(absl::Duration by) { wall_shift_ += by; }
  // Nothing ran for so long, as after a SIGSTOP: all that was due meanwhile is due at once.
  void Jump(absl::Duration by) { now_ += by; }

  // ---- what happens next
  // Runs `task` in the next step, after what was asked for before.
  void Soon(Task task) { soon_.push_back(std::move(task)); }
  void After(absl::Duration delay, Task task) {
    later_.emplace(now_ + std::max(delay, absl::ZeroDuration()), std::move(task));
  }
  // False: there is nothing.
  bool RunSoon() {
    if (soon_.empty()) return false;
    std::deque<Task> tasks;
    tasks.swap(soon_);
    for (Task& task : tasks) task();
    return true;
  }
  bool RunDue() {
    if (later_.empty() || later_.begin()->first > now_) return false;
    Task task = std::move(later_.begin()->second);
    later_.erase(later_.begin());
    task();
    return true;
  }
  // The next of After(); InfiniteDuration() if none.
  absl::Duration next() const {
    return later_.empty() ? absl::InfiniteDuration() : later_.begin()->first;
  }
  // Forgets all of it, at the end of the schedule.
  void Drop() {
    while (!soon_.empty() || !later_.empty()) {
      std::exchange(soon_, {}).clear();
      std::exchange(later_, {}).clear();
    }
  }
  void AdvanceTo(absl::Duration when) { now_ = std::max(now_, when); }

  // ---- chance
  // 0 … n - 1; 0 for n = 0.
  uint64_t Below(uint64_t n) { return n == 0 ? 0 : random_() % n; }
  bool OneIn(uint64_t n) { return Below(n) == 0; }
  absl::Duration Within(absl::Duration limit) {
    return absl::Microseconds(Below(absl::ToInt64Microseconds(limit) + 1));
  }

  // ---- what was seen
  // What must not be; the first says how it began.
  void Violation(const std::string& what) {
    violations_.push_back(absl::StrCat("at ", absl::FormatDuration(now_), ": ", what));
    Note(absl::StrCat("VIOLATION ", what));
  }
  const std::vector<std::string>& violations() const { return violations_; }
  // For who reads a schedule, and to compare two runs of it.
  void Note(const std::string& what) {
    for (const char c : what) hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 1099511628211ull;
    hash_ = (hash_ ^ static_cast<uint64_t>(absl::ToInt64Microseconds(now_))) * 1099511628211ull;
    if (on_note) on_note(absl::StrCat(absl::FormatDuration(now_), "  ", what));
    last_notes_.emplace_back(now_, what.substr(0, what.find('\n')));
    if (last_notes_.size() > kNotesKept) last_notes_.pop_front();
  }
  // The last kNotesKept, the first line of each.
  std::string LastNotes() const {
    std::string lines;
    for (const auto& [when, what] : last_notes_) {
      absl::StrAppend(&lines, "    ", absl::FormatDuration(when), "  ", what, "\n");
    }
    return lines;
  }
  // As Note(), of what is of use to who reads and is not worth its time otherwise.
  template <typename... Args>
  void Detail(const Args&... args) {
    if (on_note) on_note(absl::StrCat(absl::FormatDuration(now_), "      ", args...));
  }
  uint64_t hash() const { return hash_; }
  std::function<void(const std::string&)> on_note;

 private:
  std::mt19937_64 random_;
  absl::Duration now_ = absl::Hours(1);
  absl::Duration wall_shift_;
  std::deque<Task> soon_;
  std::multimap<absl::Duration, Task> later_;
  std::vector<std::string> violations_;
  std::deque<std::pair<absl::Duration, std::string>> last_notes_;
  uint64_t hash_ = 14695981039346656037ull;
};

}  // namespace iris::simulation

#endif  // IRIS_TESTS_SIMULATION_WORLD_H_
