#include "coordinator/mcp/outgoing.h"

#include <algorithm>
#include <memory>
#include <string>

#include "coordinator/mcp/message.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

struct Sent {
  std::string whole;
  size_t longest = 0;
};

Sent SendAll(McpOutgoing message) {
  Sent sent;
  while (!message.done()) {
    const std::string piece = message.NextPiece();
    EXPECT_NE(piece, "");
    if (piece.empty()) break;
    sent.longest = std::max(sent.longest, piece.size());
    sent.whole += piece;
  }
  EXPECT_EQ(message.NextPiece(), "");
  return sent;
}

// What a client reads of `text` that was sent as the text of an answer.
std::string Received(const std::string& text) {
  const Sent sent =
      SendAll(McpOutgoing("{\"text\":\"", std::make_shared<const std::string>(text), "\"}"));
  EXPECT_LE(sent.longest, McpOutgoing::kPieceBytesMax);
  const Json json = Json::parse(sent.whole, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return "not JSON";
  return json["text"].get<std::string>();
}

TEST(McpOutgoingTest, AMessageIsCutIntoPieces) {
  const std::string json(McpOutgoing::kPieceBytesMax * 2 + 1, 'x');
  const Sent sent = SendAll(McpOutgoing(json));
  EXPECT_TRUE(sent.whole == json);
  EXPECT_EQ(sent.longest, McpOutgoing::kPieceBytesMax);
  EXPECT_TRUE(McpOutgoing("").done());
}

TEST(McpOutgoingTest, EveryTextArrivesByteForByte) {
  std::string every;
  for (int c = 0; c < 128; ++c) every += static_cast<char>(c);
  std::string characters;
  while (characters.size() < 300'000) characters += "a\"\\żółć世界🚀\n";
  for (const std::string& text : {std::string(), every, characters, std::string(100'000, '\0')}) {
    EXPECT_TRUE(Received(text) == text) << text.substr(0, 100);
  }
  // A character that lies across the end of a piece, at each of its bytes.
  for (size_t shift = 0; shift < 4; ++shift) {
    std::string shifted(shift, 'x');
    while (shifted.size() < 100'000) shifted += "🚀";
    EXPECT_TRUE(Received(shifted) == shifted) << shift;
  }
}

// Each is a message of its own on the way, and a turn of the loop.
TEST(McpOutgoingTest, PiecesOfTextAreNearlyAsLongAsTheyMayBe) {
  std::string text;
  while (text.size() < 4 * McpOutgoing::kPieceBytesMax) text += "a line of an answer \"quoted\"\n";
  McpOutgoing message("[\"", std::make_shared<const std::string>(text), "\"]");
  size_t pieces = 0;
  for (; !message.done(); ++pieces) message.NextPiece();
  EXPECT_LE(pieces, 2 + text.size() / (McpOutgoing::kPieceBytesMax / 4 * 3) + 1);
}

TEST(McpOutgoingTest, BytesThatAreNoTextAreReplaced) {
  EXPECT_EQ(Received("a\xFF\xE2\x82"), "a��");
  const std::string continuations(200'000, '\x80');
  EXPECT_EQ(Received(continuations).substr(0, 6), "��");
}

}  // namespace
}  // namespace iris
