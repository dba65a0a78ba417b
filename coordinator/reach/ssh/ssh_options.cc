#include "coordinator/reach/ssh/ssh_options.h"

#include <array>

#include "absl/strings/match.h"

namespace iris {
namespace {

constexpr absl::string_view kTerminal =
    "asks for a terminal, and Iris needs a plain pipe: a terminal changes bytes and echoes them";
constexpr absl::string_view kCommand = "Iris starts its agent as the remote command";
constexpr absl::string_view kStdin = "Iris speaks to the host over ssh's stdin and stdout";
constexpr absl::string_view kControl = "Iris keeps a control socket of its own for each host";
constexpr absl::string_view kForward =
    "Iris opens the forward that it needs; use a separate ssh for other forwards";
constexpr absl::string_view kMessages = "Iris reads ssh's messages to find out what failed";
constexpr absl::string_view kEscape = "a byte of the stream would be taken for a command to ssh";
constexpr absl::string_view kWindows = "Iris has no use for windows; use a separate ssh for them";
constexpr absl::string_view kLocalCommand = "`remote` may run no other program on this machine";
constexpr absl::string_view kInformation = "only prints information and connects to nothing";
constexpr absl::string_view kAsking =
    "Iris's ssh runs unattended, so nobody can answer its prompts";

constexpr std::array kLetters = std::to_array<SshLetter>({
    {'4', false, ""},
    {'6', false, ""},
    {'A', false, "", "forwardagent"},
    {'a', false, "", "forwardagent"},
    {'B', true, ""},
    {'b', true, ""},
    {'C', false, ""},
    {'c', true, ""},
    {'D', true, kForward},
    {'E', true, kMessages},
    {'e', true, kEscape},
    {'F', true, ""},
    {'f', false, kStdin},
    {'G', false, kInformation},
    {'g', false, kForward},
    {'I', true, ""},
    {'i', true, "", "identityfile"},
    {'J', true, ""},
    {'K', false, ""},
    {'k', false, ""},
    {'L', true, kForward},
    {'l', true, ""},
    {'M', false, kControl},
    {'m', true, ""},
    {'N', false, kCommand},
    {'n', false, kStdin},
    {'O', true, kControl},
    {'o', true, ""},
    // Without a value in 9.2, with one from 9.4 on: no reading of it fits every ssh.
    {'P', false, "means different things to different versions of ssh (write -o Tag=NAME)"},
    {'p', true, "", "port"},
    {'Q', true, kInformation},
    {'q', false, kMessages},
    {'R', true, kForward},
    {'S', true, kControl},
    {'s', false, kCommand},
    {'T', false, ""},
    {'t', false, kTerminal},
    {'V', false, kInformation},
    {'v', false, ""},
    {'W', true,
     "Iris speaks to the host itself over ssh's stdin and stdout (a jump host is -J HOST)"},
    {'w', true, kForward},
    {'X', false, kWindows},
    {'x', false, ""},
    {'Y', false, kWindows},
    {'y', false, kMessages},
});

constexpr std::array kRefusedKeywords = std::to_array<SshKeyword>({
    {"BatchMode", "yes", kAsking},
    {"ClearAllForwardings", "yes", kForward},
    {"ControlMaster", "", kControl},
    {"ControlPath", "", kControl},
    {"ControlPersist", "", kControl},
    {"DynamicForward", "", kForward},
    {"EscapeChar", "none", kEscape},
    {"ForkAfterAuthentication", "no", kStdin},
    {"ForwardX11", "no", kWindows},
    {"LocalCommand", "", kLocalCommand},
    {"LocalForward", "", kForward},
    {"LogLevel", "info", kMessages},
    {"PermitLocalCommand", "no", kLocalCommand},
    {"RemoteCommand", "none", kCommand},
    {"RemoteForward", "", kForward},
    {"RequestTTY", "no", kTerminal},
    {"SessionType", "default", kCommand},
    {"StdinNull", "no", kStdin},
    {"StreamLocalBindUnlink", "yes", kForward},
    {"Tunnel", "no", kForward},
});

}  // namespace

absl::Span<const SshLetter> SshLetters() { return kLetters; }
absl::Span<const SshKeyword> RefusedSshKeywords() { return kRefusedKeywords; }

const SshLetter* FindSshLetter(char letter) {
  for (const SshLetter& known : kLetters) {
    if (known.letter == letter) return &known;
  }
  return nullptr;
}

const SshKeyword* FindRefusedSshKeyword(absl::string_view keyword) {
  for (const SshKeyword& refused : kRefusedKeywords) {
    if (absl::EqualsIgnoreCase(refused.keyword, keyword)) return &refused;
  }
  return nullptr;
}

}  // namespace iris
