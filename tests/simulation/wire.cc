#include "tests/simulation/wire.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace iris::simulation {
namespace {

constexpr size_t kLengthBytes = 4;
constexpr size_t kHeadBytes = 6;
constexpr size_t kPacketBytes = 1400;  // What a wire with a rate carries at a time.

void AppendNumber(std::string& to, uint32_t number) {
  char bytes[4];
  memcpy(bytes, &number, 4);
  to.append(bytes, 4);
}

uint32_t NumberAt(const char* bytes) {
  uint32_t number;
  memcpy(&number, bytes, 4);
  return number;
}

Wire::Side OtherThan(Wire::Side side) {
  return side == Wire::kAgent ? Wire::kCoordinator : Wire::kAgent;
}

}  // namespace

std::string Frame::Encode() const {
  std::string bytes;
  bytes.reserve(kLengthBytes + kHeadBytes + body.size());
  AppendNumber(bytes, static_cast<uint32_t>(kHeadBytes + body.size()));
  AppendNumber(bytes, call);
  bytes.push_back(static_cast<char>(kind));
  bytes.push_back(static_cast<char>(method));
  bytes.append(body.data(), body.size());
  return bytes;
}

void Wire::SetEnd(Side side, WireEnd* end) {
  streams_[side].end = end;
  if (end != nullptr) return;
  streams_[side].ended = true;
  if (!broken_) Break(/*quiet=*/false);
}

void Wire::Send(Side from, const Frame& frame) {
  Stream& stream = streams_[OtherThan(from)];
  if (stream.ended || stream.cut || (broken_ && !options_.late_bytes)) return;
  stream.on_way += frame.Encode();
  Schedule(OtherThan(from));
}

void Wire::CutBehind(Side side, uint64_t bytes) {
  streams_[side].cut_behind = bytes;
  if (streams_[side].delivered < bytes) return;
  streams_[side].cut = true;
  streams_[side].on_way.clear();
  Break(options_.silent);
}

absl::Duration Wire::TimeFor(const Stream& stream) {
  if (options_.bytes_per_second == 0) return world_.Within(options_.latency);
  const size_t bytes = std::min(stream.on_way.size(), kPacketBytes);
  return absl::Seconds(static_cast<double>(bytes) / static_cast<double>(options_.bytes_per_second));
}

void Wire::Schedule(Side to) {
  Stream& stream = streams_[to];
  if (stream.scheduled || stream.on_way.empty() || stream.ended) return;
  stream.scheduled = true;
  world_.After(TimeFor(stream), [self = shared_from_this(), to] {
    self->streams_[to].scheduled = false;
    self->Deliver(to);
  });
}

void Wire::Deliver(Side to) {
  Stream& stream = streams_[to];
  if (stream.ended) return;
  size_t bytes = stream.on_way.size();
  if (options_.bytes_per_second > 0) bytes = std::min(bytes, kPacketBytes);
  if (options_.pieces && bytes > 1 && world_.OneIn(2)) bytes = 1 + world_.Below(bytes);
  const bool cut = stream.cut_behind.has_value() && stream.delivered + bytes >= *stream.cut_behind;
  if (cut) bytes = *stream.cut_behind - stream.delivered;
  const std::string piece = stream.on_way.substr(0, bytes);
  stream.on_way.erase(0, bytes);
  stream.delivered += bytes;
  Take(stream, piece);
  if (cut) {
    stream.on_way.clear();
    stream.cut = true;
    stream.cut_behind.reset();
    return Break(options_.silent);
  }
  Schedule(to);
}

void Wire::Take(Stream& stream, absl::string_view bytes) {
  stream.frame.append(bytes.data(), bytes.size());
  size_t at = 0;
  while (stream.frame.size() - at >= kLengthBytes && stream.end != nullptr) {
    const char* const head = stream.frame.data() + at;
    const size_t length = NumberAt(head);
    if (stream.frame.size() - at < kLengthBytes + length) break;
    const Frame frame{
        .call = NumberAt(head + 4),
        .kind = static_cast<Frame::Kind>(head[8]),
        .method = static_cast<uint8_t>(head[9]),
        .body = absl::string_view(head + kLengthBytes + kHeadBytes, length - kHeadBytes)};
    stream.end->OnFrame(frame);
    at += kLengthBytes + length;
  }
  stream.frame.erase(0, at);
}

void Wire::Break(bool quiet) {
  if (std::exchange(broken_, true)) return;
  world_.Note(quiet ? "the wire is cut, silently" : "the wire is cut");
  if (!options_.late_bytes) {
    for (Stream& stream : streams_) stream.on_way.clear();
  }
  if (quiet) return;
  for (const Side side : {kCoordinator, kAgent}) {
    world_.After(world_.Within(options_.notice_max),
                 [self = shared_from_this(), side] { self->Lose(side); });
  }
}

void Wire::Lose(Side side) {
  Stream& stream = streams_[side];
  stream.ended = true;
  if (stream.end != nullptr) stream.end->OnLost();
}

}  // namespace iris::simulation
