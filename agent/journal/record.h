#ifndef IRIS_AGENT_JOURNAL_RECORD_H_
#define IRIS_AGENT_JOURNAL_RECORD_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// How an event lies in a segment. Numbers are little-endian.
//
//   length (4) | CRC-32 of the payload (4) | payload: the serialized v1::Event, its seq within
inline constexpr size_t kRecordHeaderBytes = 8;
inline constexpr size_t kPayloadBytesMax = 4 << 20;
// No journal gets there; a file that says more is none of ours.
inline constexpr uint64_t kSeqMax = uint64_t{1} << 62;

std::string EncodeRecord(const v1::Event& event);

struct Record {
  v1::Event event;
  size_t bytes = 0;  // Of the whole record.
};
// The record at the beginning of `bytes`. Nothing: it is cut off, damaged, or no event.
std::optional<Record> ParseRecord(absl::string_view bytes);

// The length that the record at the beginning of `bytes` claims, unchecked; 0 if even that is cut
// off or absurd.
size_t RecordBytesAt(absl::string_view bytes);

// CRC-32 as in zlib.
uint32_t Crc32(absl::string_view bytes);

// Little-endian numbers in files.
void AppendUint32(std::string& to, uint32_t number);
void AppendUint64(std::string& to, uint64_t number);
// `bytes` holds at least that many.
uint32_t ReadUint32(absl::string_view bytes);
uint64_t ReadUint64(absl::string_view bytes);

}  // namespace iris

#endif  // IRIS_AGENT_JOURNAL_RECORD_H_
