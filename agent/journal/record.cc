#include "agent/journal/record.h"

#include <zlib.h>

namespace iris {
namespace {

void AppendNumber(std::string& to, uint64_t number, int bytes) {
  for (int i = 0; i < bytes; ++i) to.push_back(static_cast<char>(number >> (8 * i)));
}

uint64_t ReadNumber(absl::string_view bytes, int count) {
  uint64_t number = 0;
  for (int i = count - 1; i >= 0; --i) number = number << 8 | static_cast<uint8_t>(bytes[i]);
  return number;
}

}  // namespace

void AppendUint32(std::string& to, uint32_t number) { AppendNumber(to, number, 4); }
void AppendUint64(std::string& to, uint64_t number) { AppendNumber(to, number, 8); }
uint32_t ReadUint32(absl::string_view bytes) { return static_cast<uint32_t>(ReadNumber(bytes, 4)); }
uint64_t ReadUint64(absl::string_view bytes) { return ReadNumber(bytes, 8); }

uint32_t Crc32(absl::string_view bytes) {
  return static_cast<uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
}

std::string EncodeRecord(const v1::Event& event) {
  const std::string payload = event.SerializeAsString();
  std::string record;
  record.reserve(kRecordHeaderBytes + payload.size());
  AppendUint32(record, static_cast<uint32_t>(payload.size()));
  AppendUint32(record, Crc32(payload));
  record += payload;
  return record;
}

size_t RecordBytesAt(absl::string_view bytes) {
  if (bytes.size() < kRecordHeaderBytes) return 0;
  const size_t payload = ReadUint32(bytes);
  // No event is empty, but a file that lost power may end in zeros.
  return payload == 0 || payload > kPayloadBytesMax ? 0 : kRecordHeaderBytes + payload;
}

std::optional<Record> ParseRecord(absl::string_view bytes) {
  Record record;
  record.bytes = RecordBytesAt(bytes);
  if (record.bytes == 0 || record.bytes > bytes.size()) return std::nullopt;
  const absl::string_view payload =
      bytes.substr(kRecordHeaderBytes, record.bytes - kRecordHeaderBytes);
  if (Crc32(payload) != ReadUint32(bytes.substr(4))) return std::nullopt;
  if (!record.event.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
    return std::nullopt;
  }
  return record;
}

}  // namespace iris
