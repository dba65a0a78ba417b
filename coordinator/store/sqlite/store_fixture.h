#ifndef IRIS_COORDINATOR_STORE_SQLITE_STORE_FIXTURE_H_
#define IRIS_COORDINATOR_STORE_SQLITE_STORE_FIXTURE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/base/ids.h"
#include "common/testing/scratch_dir.h"
#include "coordinator/store/sqlite/sqlite_store.h"
#include "coordinator/store/store.h"
#include "gtest/gtest.h"

namespace iris {

// The vocabulary of the store's tests.
class StoreTest : public ::testing::Test {
 protected:
  StoreOptions Options() {
    return {.path = path_, .now = [this] { return now_; }, .monotonic = [this] { return up_; }};
  }
  std::unique_ptr<Store> Opened() { return Opened(Options()); }
  static std::unique_ptr<Store> Opened(const StoreOptions& options) {
    absl::StatusOr<std::unique_ptr<SqliteStore>> store = SqliteStore::Open(options);
    EXPECT_TRUE(store.ok()) << store.status();
    return *std::move(store);
  }
  // A stored tell between the same two.
  std::string Added(Store& store, absl::string_view text = "hello",
                    absl::string_view from = "cli") {
    const std::string id = NewUuid();
    EXPECT_TRUE(store.AddTell(id, store.GetOrCreateSession(from, "gpu")->session_id, text).ok());
    return id;
  }
  // A tell between the same two that was answered.
  std::string Answered(Store& store, absl::string_view answer = "yes",
                       absl::string_view from = "cli") {
    const std::string id = Added(store, "hello", from);
    EXPECT_TRUE(Settle(store, id, absl::OkStatus(), answer).ok());
    return id;
  }
  static absl::Status Settle(Store& store, const std::string& id, const absl::Status& outcome,
                             absl::string_view answer) {
    return store.Save({}, {{.tell_id = id, .outcome = outcome, .answer = answer}});
  }

  static std::vector<std::string> Unfetched(Store& store, absl::string_view from) {
    const absl::StatusOr<std::vector<Store::WaitingAnswer>> answers = store.Unfetched(from);
    std::vector<std::string> ids;
    for (const Store::WaitingAnswer& answer : *answers) ids.push_back(answer.tell_id);
    return ids;
  }

  ScratchDir dir_;
  std::string path_ = dir_.File("deep/below/iris.db");
  absl::Duration up_;  // The monotonic clock.
  absl::Time now_ = absl::FromUnixMillis(1'700'000'000'000);
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_STORE_SQLITE_STORE_FIXTURE_H_
