#include "coordinator/transport/child_report.h"

namespace iris {

void ChildReport::OnReady(const v1::ChildInfo& child) {
  if (ready_ && Is(child)) return;
  ready_ = said_ready_ = true;
  is_awaited_ = false;
  pid_ = child.pid();
  start_time_ = child.start_time();
  sink_.OnReady(pid_, start_time_);
}

void ChildReport::Forget() {
  is_awaited_ = false;
  pid_ = 0;
  requests_.Clear();
}

void ChildReport::SayGone(const absl::Status& why) {
  pid_ = 0;
  const bool asked = requests_.Clear();
  if (std::exchange(said_ready_, false)) return sink_.OnDown(why);
  if (asked) sink_.OnRequests(requests_.all());
}

void ChildReport::SayUnknown(const absl::Status& why, bool somebody_waits) {
  Forget();
  if (std::exchange(said_ready_, false) || somebody_waits) sink_.OnDown(why);
}

void ChildReport::SayFailed(const absl::Status& why) {
  said_ready_ = false;
  sink_.OnDown(why);
}

void ChildReport::OnAttached(const std::vector<v1::PendingRequest>& requests) {
  if (requests_.empty() && requests.empty()) return;
  const AliveWatch alive = alive_.Watch();
  requests_.Clear();
  sink_.OnRequests(requests_.all());
  for (const v1::PendingRequest& request : requests) {
    if (alive) OnAsked(request);
  }
}

void ChildReport::OnAsked(const v1::PendingRequest& request) {
  if (!requests_.Add(request, session_id_)) return;
  const std::string asks = AsksText(requests_.all().back());
  const AliveWatch alive = alive_.Watch();
  sink_.OnRequests(requests_.all());
  if (alive) sink_.OnProgress(progress_.Working(asks));
}

void ChildReport::OnAnswered(const std::string& request_id) {
  if (!requests_.Remove(request_id)) return;
  const AliveWatch alive = alive_.Watch();
  sink_.OnRequests(requests_.all());
  if (alive) sink_.OnProgress(progress_.Working("claude goes on"));
}

bool ChildReport::ForgetRequests() {
  const AliveWatch alive = alive_.Watch();
  if (requests_.Clear()) sink_.OnRequests(requests_.all());
  return alive.is_set();
}

}  // namespace iris
