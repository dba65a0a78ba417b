#ifndef IRIS_COORDINATOR_TRANSPORT_TURN_JOURNAL_H_
#define IRIS_COORDINATOR_TRANSPORT_TURN_JOURNAL_H_

#include <cstddef>
#include <string>
#include <vector>

#include "nlohmann/json.hpp"
#include "proto/iris/v1/agent.pb.h"
#include "proto/iris/v1/failure.pb.h"

namespace iris {

// Writes the journal of one session, for tests.
class TurnJournal {
 public:
  explicit TurnJournal(const std::string& incarnation) : incarnation_(incarnation) {}

  TurnJournal& Written(const std::string& tell_id) {
    Add().mutable_written()->set_tell_id(tell_id);
    return *this;
  }
  // A line of stdout, in pieces.
  TurnJournal& Line(const std::string& line, size_t piece = 7) {
    for (size_t at = 0; at < line.size(); at += piece) {
      v1::Output& output = *Add().mutable_output();
      output.set_bytes(line.substr(at, piece));
      output.set_more(at + piece < line.size());
    }
    return *this;
  }
  TurnJournal& Says(const std::string& text) {
    return Line(nlohmann::json(
                    {{"type", "assistant"},
                     {"message",
                      {{"content", nlohmann::json::array({{{"type", "text"}, {"text", text}}})}}}})
                    .dump());
  }
  TurnJournal& Piece(const std::string& bytes) {
    Add().mutable_output()->set_bytes(bytes);
    events.back().mutable_output()->set_more(true);
    return *this;
  }
  TurnJournal& Settled(const std::string& tell_id, v1::FailureKind kind = v1::FAILURE_UNSPECIFIED) {
    Add().mutable_settled()->set_tell_id(tell_id);
    if (kind != v1::FAILURE_UNSPECIFIED) {
      events.back().mutable_settled()->mutable_failure()->set_kind(kind);
    }
    return *this;
  }
  TurnJournal& Started() {
    Add().mutable_started();
    return *this;
  }
  TurnJournal& NextAgent(const std::string& incarnation) {
    Add().mutable_incarnation()->set_incarnation(incarnation);
    return *this;
  }
  TurnJournal& Gap(const std::string& tell_id) {
    Add().mutable_gap()->set_tell_id(tell_id);
    return *this;
  }

  v1::Position start() const {
    v1::Position position;
    position.set_journal_id("journal");
    position.set_incarnation(incarnation_);
    return position;
  }
  std::vector<v1::Event> events;

 private:
  v1::Event& Add() {
    events.emplace_back().set_seq(events.size());
    return events.back();
  }
  const std::string incarnation_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_TRANSPORT_TURN_JOURNAL_H_
