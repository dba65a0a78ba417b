#include "agent/session/child_note.h"

#include "common/log/log.h"
#include "common/process/spawn.h"

namespace iris {

absl::Status ChildNote::Write(const ClaudeChild& child) {
  saved::State state = files_.state();
  saved::Child& note = *state.mutable_child();
  note.set_keeper(child.keeper());
  note.set_keeper_start_time(ProcessStartTime(child.keeper()));
  note.set_pid(child.pid());
  note.set_start_time(child.start_time());
  note.set_boot_id(context_.boot_id);
  note.set_pid_namespace(context_.pid_namespace);
  note.set_life_lock(child.holds_life_file());
  if (!claim_.held_path().empty()) note.set_claim(claim_.held_path());
  return files_.SaveState(std::move(state));
}

void ChildNote::Update(const ClaudeChild& child) { Log(Write(child)); }

void ChildNote::Remove() {
  saved::State state = files_.state();
  state.clear_child();
  Log(files_.SaveState(std::move(state)));
}

void ChildNote::Log(const absl::Status& saved) const {
  if (!saved.ok()) LogError(who_(), ": ", saved.message());
}

}  // namespace iris
