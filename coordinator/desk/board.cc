#include "coordinator/desk/board.h"

namespace iris {
namespace {

// What of an item does not pass by itself.
v1::TeamInfo Still(v1::TeamInfo team) { return team; }
v1::LinkStatus Still(v1::LinkStatus link) {
  link.clear_failure_age_ms();
  link.clear_retry_in_ms();
  link.clear_away_ms();
  if (link.has_holdings()) link.mutable_holdings()->clear_longest_unused_ms();
  return link;
}
v1::SessionStatus Still(v1::SessionStatus session) { return session; }
v1::TellSummary Still(v1::TellSummary tell) {
  if (tell.has_progress()) tell.mutable_progress()->clear_working_ms();
  return tell;
}

}  // namespace

bool Board::Show(BoardState now) {
  const uint64_t before = last_;
  Shown shown;
  for (const v1::TeamInfo& team : now.teams) Compare(BoardItem::kTeam, team.name(), team, shown);
  for (const v1::LinkStatus& link : now.links) Compare(BoardItem::kLink, link.id(), link, shown);
  for (const v1::SessionStatus& session : now.sessions) {
    Compare(BoardItem::kSession, session.session_id(), session, shown);
  }
  for (const v1::TellSummary& tell : now.tells) {
    Compare(BoardItem::kTell, tell.tell_id(), tell, shown);
  }
  for (const auto& [key, bytes] : shown_) {
    if (shown.count(key) == 0) {
      Add(ItemGone{.item = key.first, .key = key.second}, key.second.size());
    }
  }
  if (now.config_problem != state_.config_problem) {
    Add(ConfigProblem{.why = now.config_problem}, now.config_problem.message().size());
  }
  shown_ = std::move(shown);
  state_ = std::move(now);
  return last_ != before;
}

template <typename Item>
void Board::Compare(BoardItem kind, const std::string& key, const Item& item, Shown& shown) {
  std::string bytes = Still(item).SerializeAsString();
  const auto before = shown_.find({kind, key});
  if (before == shown_.end() || before->second != bytes) Add(item, bytes.size());
  shown[{kind, key}] = std::move(bytes);
}

void Board::Add(decltype(Change::what) what, size_t bytes) {
  changes_.emplace_back(Change{.seq = ++last_, .what = std::move(what)}, bytes);
  bytes_ += bytes;
  while (changes_.size() > limits_.changes_max || bytes_ > limits_.bytes_max) {
    bytes_ -= changes_.front().second;
    changes_.pop_front();
  }
}

Board::News Board::NewsAfter(uint64_t seq) const {
  std::vector<Change> news;
  if (seq == last_) return news;
  // The first that is lacking is kept.
  const bool follows = seq < last_ && !changes_.empty() && changes_.front().first.seq <= seq + 1;
  if (!follows) return Snapshot{.seq = last_, .state = state_};
  for (const auto& [change, bytes] : changes_) {
    if (change.seq > seq) news.push_back(change);
  }
  return news;
}

}  // namespace iris
