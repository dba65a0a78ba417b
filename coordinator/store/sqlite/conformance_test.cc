// A store in a file is one as every other.

#include "coordinator/store/testing/conformance.h"

#include <memory>
#include <string>
#include <utility>

#include "common/testing/scratch_dir.h"
#include "coordinator/store/sqlite/sqlite_store.h"
#include "coordinator/store/sqlite/testing/power_disk.h"
#include "coordinator/store/store.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

class SqliteHome final : public StoreHome {
 public:
  explicit SqliteHome(bool network_fs) : network_fs_(network_fs) {}
  std::unique_ptr<Store> Open(const Opening& opening) override {
    StoreOptions options;
    options.path = dir_.File("iris.db");
    options.now = opening.now;
    options.monotonic = opening.monotonic;
    options.on_network_fs = [this](const std::string&) { return network_fs_; };
    options.settled_tells_max = opening.settled_tells_max;
    options.vfs = disk_.vfs();
    return *SqliteStore::Open(std::move(options));
  }
  void LosePower(std::unique_ptr<Store> store) override {
    disk_.Cut();
    store.reset();
    disk_.Restore();
  }

 private:
  const ScratchDir dir_;
  PowerDisk disk_;
  const bool network_fs_;
};

std::unique_ptr<StoreHome> MakeLocalHome() { return std::make_unique<SqliteHome>(false); }
std::unique_ptr<StoreHome> MakeNetworkHome() { return std::make_unique<SqliteHome>(true); }

INSTANTIATE_TEST_SUITE_P(Sqlite, StoreConformanceTest, ::testing::Values(&MakeLocalHome));
INSTANTIATE_TEST_SUITE_P(SqliteOnANetwork, StoreConformanceTest,
                         ::testing::Values(&MakeNetworkHome));

}  // namespace
}  // namespace iris
