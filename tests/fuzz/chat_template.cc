#include "runtime/text/chat_template.h"

#include <absl/strings/ascii.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "kernels/base/check.h"
#include "runtime/io/utf8.h"
#include "runtime/text/jinja/error.h"
#include "runtime/text/jinja/limits.h"
#include "tests/fuzz/support.h"
#include "tests/fuzz/targets.h"

namespace octet::fuzz {
namespace {

using nlohmann::ordered_json;

Conversation WithTools() {
  return {
      .messages = {{.role = "system", .parts = {"Be brief."}},
                   {.role = "user", .parts = {"Hi </s>", "\xC3\xA9\xE6\x97\xA5"}},
                   {.role = "assistant",
                    .parts = {""},
                    .tool_calls = ordered_json::parse(
                        R"([{"id": "c1", "type": "function",
                                 "function": {"name": "f", "arguments": {"x": [1, 2.5, null]}}}])")},
                   {.role = "tool", .parts = {"3"}, .tool_call_id = "c1", .name = "f"},
                   {.role = "user", .parts = {"Thanks"}}},
      .tools = ordered_json::parse(
          R"([{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}])"),
      .arguments = ordered_json::parse(R"({"flag": true})")};
}

Conversation Plain() {
  return {.messages = {{.role = "user", .parts = {"Hi"}}, {.role = "assistant", .parts = {"A"}}},
          .add_generation_prompt = false};
}

// The message of raise_exception is the template's own, which may have lines.
void CheckRenderError(const absl::Status& status) {
  if (jinja::ErrorKindOf(status) != jinja::ErrorKind::kRaised) return CheckError(status);
  std::string message(status.message());
  std::replace_if(message.begin(), message.end(), absl::ascii_iscntrl, ' ');
  CheckMessage(message);
}

void Render(const ChatTemplates& templates, const Conversation& conversation) {
  const auto rendered = templates.Render(conversation, 1'700'000'000);
  if (!rendered.ok()) return CheckRenderError(rendered.status());
  OCTET_CHECK(rendered->text.size() <= jinja::kMaxText);
  OCTET_CHECK(IsUtf8(rendered->text));
  size_t at = 0;
  for (const RenderedText::Range& range : rendered->from_outside) {
    OCTET_CHECK(range.begin >= at && range.begin < range.end);
    at = range.end + 1;
  }
  OCTET_CHECK(at <= rendered->text.size() + 1);
}

}  // namespace

void ChatTemplate(const std::string& bytes) {
  static const Conversation kWithTools = WithTools();
  static const Conversation kPlain = Plain();
  const auto templates = ChatTemplates::FromSource(bytes, "t.jinja", DemoTokenizer());
  if (!templates.ok()) return CheckError(templates.status());
  templates->TakesTools();
  templates->AsksForTime();
  Render(*templates, kWithTools);
  if (templates->CheckDefault().ok()) Render(*templates, kPlain);
}

}  // namespace octet::fuzz
