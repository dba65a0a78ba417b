#ifndef IRIS_TESTS_SIMULATION_WIRE_H_
#define IRIS_TESTS_SIMULATION_WIRE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "tests/simulation/world.h"

namespace iris::simulation {

// One message of one call:  length (4) | call (4) | kind (1) | method (1) | body
struct Frame {
  enum Kind : uint8_t { kStart, kMessage, kCancel, kFinish };
  uint32_t call = 0;
  Kind kind = kStart;
  uint8_t method = 0;
  absl::string_view body;

  std::string Encode() const;
};

// Hears what comes out of one end of a wire.
class WireEnd {
 public:
  virtual ~WireEnd() = default;
  virtual void OnFrame(const Frame& frame) = 0;
  // It is known here that the wire is gone; nothing comes any more.
  virtual void OnLost() = 0;
};

// A connection in memory: two streams of bytes, each with a latency and a rate, in pieces of any
// size. It can be cut behind any byte; the two ends learn of it at times of their own, or not at
// all, and until then what was on its way still comes.
class Wire : public std::enable_shared_from_this<Wire> {
 public:
  enum Side { kCoordinator = 0, kAgent = 1 };
  struct Options {
    absl::Duration latency;         // Of each piece, at most.
    uint64_t bytes_per_second = 0;  // Each way; 0: no limit.
    bool pieces = false;            // Bytes come in pieces of any size.
    absl::Duration notice_max;      // How late an end learns of a cut, at most.
    bool silent = false;            // Neither learns of it.
    bool late_bytes = false;        // After a cut what is on its way still comes.
  };

  Wire(World& world, const Options& options) : world_(world), options_(options) {}

  // Null: the end is gone, and the other one learns of it.
  void SetEnd(Side side, WireEnd* end);
  void Send(Side from, const Frame& frame);
  // The bytes to `side` end behind this many.
  void CutBehind(Side side, uint64_t bytes);
  void Cut() { Break(/*quiet=*/false); }
  void CutSilently() { Break(/*quiet=*/true); }

  bool broken() const { return broken_; }
  uint64_t delivered(Side to) const { return streams_[to].delivered; }

 private:
  struct Stream {
    std::string on_way;
    bool scheduled = false;
    uint64_t delivered = 0;
    absl::optional<uint64_t> cut_behind;
    std::string frame;  // Of which not all has come.
    WireEnd* end = nullptr;
    bool cut = false;    // Nothing is sent any more.
    bool ended = false;  // Nothing is delivered any more.
  };

  absl::Duration TimeFor(const Stream& stream);
  void Schedule(Side to);
  void Deliver(Side to);
  void Take(Stream& stream, absl::string_view bytes);
  void Break(bool quiet);
  void Lose(Side side);

  World& world_;
  const Options options_;
  Stream streams_[2];  // By the side that they go to.
  bool broken_ = false;
};

}  // namespace iris::simulation

#endif  // IRIS_TESTS_SIMULATION_WIRE_H_
