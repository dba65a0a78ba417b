#include "coordinator/desk/state_names.h"

namespace iris {
namespace {

constexpr absl::string_view kUnknown = "unknown";

}  // namespace

absl::string_view StateName(v1::TellSummary::State state) {
  switch (state) {
    case v1::TellSummary::QUEUED:
      return "queued";
    case v1::TellSummary::RUNNING:
      return "running";
    case v1::TellSummary::SETTLED:
      return "settled";
    default:
      return kUnknown;
  }
}

absl::string_view StateName(v1::SessionStatus::State state) {
  switch (state) {
    case v1::SessionStatus::STOPPED:
      return "stopped";
    case v1::SessionStatus::WAITING:
      return "waiting";
    case v1::SessionStatus::STARTING:
      return "starting";
    case v1::SessionStatus::READY:
      return "ready";
    case v1::SessionStatus::BUSY:
      return "busy";
    case v1::SessionStatus::DRAINING:
      return "draining";
    case v1::SessionStatus::UNVERIFIABLE:
      return "unverifiable";
    default:
      return kUnknown;
  }
}

absl::string_view StateName(v1::LinkStatus::State state) {
  switch (state) {
    case v1::LinkStatus::DOWN:
      return "down";
    case v1::LinkStatus::CONNECTING:
      return "connecting";
    case v1::LinkStatus::BOOTSTRAPPING:
      return "bootstrapping";
    case v1::LinkStatus::UP:
      return "up";
    case v1::LinkStatus::SUSPECT:
      return "suspect";
    case v1::LinkStatus::ENDING:
      return "ending";
    case v1::LinkStatus::WAITING:
      return "waiting";
    case v1::LinkStatus::BLOCKED:
      return "blocked";
    default:
      return kUnknown;
  }
}

}  // namespace iris
