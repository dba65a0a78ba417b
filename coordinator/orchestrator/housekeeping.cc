#include "coordinator/orchestrator/housekeeping.h"

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/log/log.h"

namespace iris {

void Housekeeping::Wait() {
  timer_ = loop_.After(every_, [this] {
    store_.Post([](Store& store) { return store.KeepHouse(); },
                [](const absl::Status& kept) {
                  if (!kept.ok()) LogWarn("keeping house in the store: ", kept.message());
                });
    GiveBackRoom();
    also_();
    Wait();
  });
}

void Housekeeping::GiveBackRoom() {
  const auto more = std::make_shared<bool>(false);
  store_.Post(
      [more](Store& store) {
        const absl::StatusOr<bool> there_is_more = store.GiveBackRoom();
        *more = there_is_more.ok() && *there_is_more;
        return there_is_more.status();
      },
      [this, alive = alive_.Watch(), more](const absl::Status& given_back) {
        if (!given_back.ok()) LogWarn("giving room back: ", given_back.message());
        if (!*more || !alive) return;
        loop_.After(kGiveBackAgain, [this, alive] {
          if (alive) GiveBackRoom();
        });
      },
      /*bytes=*/0, StoreQueue::Company::kNone);
}

}  // namespace iris
