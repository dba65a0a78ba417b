#include "agent/session/stall.h"

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::HasSubstr;

// A watch and a clock that stands still unless told to go.
class Scene {
 public:
  void Pass(absl::Duration time) { now_ += time; }
  void Tell() { watch.OnTellWritten(now_); }
  void Line(const std::string& line) {
    Facts facts;
    LineScanner scanner(facts);
    scanner.Feed(line + "\n");
    watch.OnLine(facts.facts, line, now_);
  }
  void Text() { Assistant(R"({"type":"text","text":"hello"})"); }
  void Call(const std::string& id, const std::string& tool) {
    Assistant(absl::StrCat(R"({"type":"tool_use","id":")", id, R"(","name":")", tool,
                           R"(","input":{"id":"no","name":"no"}})"));
  }
  void Return(const std::string& id) {
    Line(absl::StrCat(R"({"type":"user","message":{"role":"user","content":[{"tool_use_id":")", id,
                      R"(","type":"tool_result","content":"hi"}]},"parent_tool_use_id":null})"));
  }
  absl::Time now() const { return now_; }
  v1::Stall Diagnosis() const { return watch.Diagnose(now_).value_or(v1::Stall()); }
  v1::Stall::Kind Kind() const { return Diagnosis().kind(); }

  StallWatch watch;

 private:
  struct Facts : LineScannerSink {
    void OnLinePiece(absl::string_view, bool) override {}
    void OnLine(const LineFacts& of_line, absl::string_view, bool) override { facts = of_line; }
    LineFacts facts;
  };
  void Assistant(const std::string& block) {
    Line(absl::StrCat(R"({"type":"assistant","message":{"content":[)", block,
                      R"(]},"parent_tool_use_id":null})"));
  }

  absl::Time now_ = absl::FromUnixSeconds(1000);
};

constexpr char kRetry[] =
    R"({"type":"system","subtype":"api_retry","attempt":3,"max_retries":10,"error_status":529})";
constexpr char kSubAgent[] =
    R"({"type":"assistant","message":{"content":[{"type":"text"}]},"parent_tool_use_id":"toolu_1"})";

TEST(StallTest, EverySilenceHasItsName) {
  const struct {
    const char* what;
    std::function<void(Scene&)> happens;  // Then 10 s pass.
    v1::Stall::Kind kind;
    const char* detail;
  } kCases[] = {
      {"no tell", [](Scene&) {}, v1::Stall::KIND_UNSPECIFIED, ""},
      {"a tell", [](Scene& s) { s.Tell(); }, v1::Stall::MODEL_WAIT, "has not answered"},
      {"its replay",
       [](Scene& s) {
         s.Tell();
         s.Line(R"({"type":"user","isReplay":true,"message":{"content":"x"}})");
       },
       v1::Stall::MODEL_WAIT, ""},
      {"text", [](Scene& s) { s.Tell(), s.Text(); }, v1::Stall::OUTPUT_SILENT, "middle"},
      {"a partial",
       [](Scene& s) { s.Tell(), s.Line(R"({"type":"stream_event","event":{"type":"x"}})"); },
       v1::Stall::OUTPUT_SILENT, "middle"},
      {"a call", [](Scene& s) { s.Tell(), s.Text(), s.Call("1", "Bash"); }, v1::Stall::TOOL_RUNNING,
       "Bash"},
      {"two calls", [](Scene& s) { s.Tell(), s.Call("1", "Bash"), s.Call("2", "Read"); },
       v1::Stall::TOOL_RUNNING, "Read and others"},
      {"one of two returned",
       [](Scene& s) { s.Tell(), s.Call("1", "Bash"), s.Call("2", "Read"), s.Return("2"); },
       v1::Stall::TOOL_RUNNING, "Bash"},
      {"a tool's result", [](Scene& s) { s.Tell(), s.Call("1", "Bash"), s.Return("1"); },
       v1::Stall::MODEL_WAIT, "has not answered"},
      {"a sub-agent's text", [](Scene& s) { s.Tell(), s.Call("1", "Agent"), s.Line(kSubAgent); },
       v1::Stall::TOOL_RUNNING, "Agent"},
      {"a retry", [](Scene& s) { s.Tell(), s.Line(kRetry); }, v1::Stall::MODEL_WAIT,
       "status 529; attempt 3 of 10"},
      {"text after a retry", [](Scene& s) { s.Tell(), s.Line(kRetry), s.Text(); },
       v1::Stall::OUTPUT_SILENT, "middle"},
      {"a question",
       [](Scene& s) { s.Tell(), s.Call("1", "Bash"), s.watch.OnAsked("r", "Bash?", s.now()); },
       v1::Stall::PERMISSION_PENDING, "Bash?"},
      {"a question that was answered",
       [](Scene& s) {
         s.Tell(), s.Call("1", "Bash"), s.watch.OnAsked("r", "Bash?", s.now());
         s.watch.OnAnswered("r", s.now());
       },
       v1::Stall::TOOL_RUNNING, "Bash"},
      {"a full journal", [](Scene& s) { s.Tell(), s.watch.OnJournalFull(true, s.now()); },
       v1::Stall::JOURNAL_FULL, "nobody takes"},
      {"a full journal that has room again",
       [](Scene& s) {
         s.Tell(), s.watch.OnJournalFull(true, s.now()), s.watch.OnJournalFull(false, s.now());
       },
       v1::Stall::MODEL_WAIT, ""},
      {"a full disk",
       [](Scene& s) {
         s.Tell(), s.watch.OnJournalFull(true, s.now()), s.watch.OnStorageFull(true, s.now());
       },
       v1::Stall::STORAGE_FULL, "disk"},
      {"a survivor", [](Scene& s) { s.watch.OnDraining("it ends", s.now()); }, v1::Stall::DRAINING,
       "it ends"},
      {"a survivor that has gone",
       [](Scene& s) { s.watch.OnDraining("it ends", s.now()), s.watch.OnDraining("", s.now()); },
       v1::Stall::KIND_UNSPECIFIED, ""},
      {"a tell that is over", [](Scene& s) { s.Tell(), s.watch.OnTellOver(); },
       v1::Stall::KIND_UNSPECIFIED, ""},
  };
  for (const auto& test : kCases) {
    Scene scene;
    test.happens(scene);
    scene.Pass(absl::Seconds(10));
    EXPECT_EQ(scene.Kind(), test.kind) << test.what;
    EXPECT_THAT(scene.Diagnosis().detail(), HasSubstr(test.detail)) << test.what;
    EXPECT_EQ(scene.Diagnosis().for_ms(), test.kind == 0 ? 0 : 10'000) << test.what;
  }
}

TEST(StallTest, ShortSilencesAreNothingUnusual) {
  Scene scene;
  scene.Tell();
  scene.Pass(absl::Milliseconds(9'999));
  EXPECT_EQ(scene.Kind(), v1::Stall::KIND_UNSPECIFIED);
  scene.Text();
  scene.Pass(absl::Milliseconds(9'999));
  EXPECT_EQ(scene.Kind(), v1::Stall::KIND_UNSPECIFIED);
  // A long line on its way is a sign too.
  scene.watch.OnOutput(scene.now());
  scene.Pass(absl::Seconds(9));
  EXPECT_EQ(scene.Kind(), v1::Stall::KIND_UNSPECIFIED);
  scene.watch.OnJournalFull(true, scene.now());
  scene.Pass(absl::Seconds(9));
  EXPECT_EQ(scene.Kind(), v1::Stall::KIND_UNSPECIFIED);
}

TEST(StallTest, RetriesAreShownAtOnceAndAreNoSignOfLife) {
  Scene scene;
  scene.Tell();
  scene.Pass(absl::Seconds(6));
  scene.Line(kRetry);
  EXPECT_EQ(scene.Kind(), v1::Stall::MODEL_WAIT);
  EXPECT_EQ(scene.Diagnosis().for_ms(), 6'000);
  scene.Line(R"({"type":"system","subtype":"api_retry","attempt":"x","error_status":null})");
  EXPECT_THAT(scene.Diagnosis().detail(), HasSubstr("status ?; attempt ?"));
}

TEST(StallTest, AChildThatDoesNotAnswerAProbeIsWedgedUntilItIsHeard) {
  Scene scene;
  scene.Tell();
  scene.Pass(absl::Seconds(59));
  EXPECT_FALSE(scene.watch.WantsProbe(scene.now()));
  scene.Pass(absl::Seconds(1));
  ASSERT_TRUE(scene.watch.WantsProbe(scene.now()));
  scene.watch.OnProbeSent(scene.now());
  EXPECT_FALSE(scene.watch.WantsProbe(scene.now()));
  scene.Pass(absl::Seconds(14));
  EXPECT_EQ(scene.Kind(), v1::Stall::MODEL_WAIT);
  scene.Pass(absl::Seconds(1));
  EXPECT_EQ(scene.Kind(), v1::Stall::CHILD_WEDGED);

  scene.watch.OnProbeAnswered();
  EXPECT_EQ(scene.Kind(), v1::Stall::MODEL_WAIT);
  scene.watch.OnProbeSent(scene.now());
  scene.Text();
  scene.Pass(absl::Seconds(15));
  EXPECT_EQ(scene.Kind(), v1::Stall::OUTPUT_SILENT);
}

TEST(StallTest, NobodyIsProbedWhoseOutputIsNotRead) {
  Scene scene;
  scene.Tell();
  scene.watch.OnJournalFull(true, scene.now());
  scene.Pass(absl::Minutes(5));
  EXPECT_FALSE(scene.watch.WantsProbe(scene.now()));
  EXPECT_EQ(scene.Kind(), v1::Stall::JOURNAL_FULL);
  scene.watch.OnJournalFull(false, scene.now());
  EXPECT_FALSE(scene.watch.WantsProbe(scene.now()));
}

TEST(StallTest, DetailsAreShortUtf8HoweverAToolIsNamed) {
  Scene scene;
  scene.Tell();
  std::string name;
  while (name.size() < 1000) name += "世";
  scene.Call("1", name);
  scene.Pass(absl::Seconds(10));
  const std::string detail = scene.Diagnosis().detail();
  EXPECT_LE(detail.size(), 256u);
  EXPECT_TRUE(scene.Diagnosis().SerializeAsString().size() > 0);
}

TEST(StallTest, ToolsAreBounded) {
  Scene scene;
  scene.Tell();
  for (int i = 0; i < 1000; ++i) scene.Call(absl::StrCat(i), "Bash");
  for (size_t i = 0; i < StallWatch::kToolsMax; ++i) scene.Return(absl::StrCat(i));
  scene.Pass(absl::Seconds(10));
  EXPECT_EQ(scene.Kind(), v1::Stall::MODEL_WAIT);
}

}  // namespace
}  // namespace iris
