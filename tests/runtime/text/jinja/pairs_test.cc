// What jinja2 makes of templates: pairs of this repository, and the oracle's.

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/text/jinja/template.h"
#include "tests/support/oracle.h"

namespace octet::jinja {
namespace {

using Json = nlohmann::ordered_json;
using Origin = Value::Origin;

Json ReadJsonFile(const std::string& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file.is_open()) << path;
  return Json::parse(file, nullptr, /*allow_exceptions=*/false);
}

std::string KindName(const absl::Status& status) {
  constexpr const char* kNames[] = {"syntax", "unsupported", "raised",   "undefined",
                                    "type",   "zero",        "security", "limit"};
  const auto kind = ErrorKindOf(status);
  return kind.has_value() ? kNames[static_cast<int>(*kind)] : "none";
}

absl::StatusOr<RenderedText> RenderPair(const std::string& source, const Json& variables) {
  auto parsed = Template::Parse(source);
  if (!parsed.ok()) return parsed.status();
  std::vector<std::pair<std::string, Value>> values;
  for (const auto& [name, value] : variables.items()) {
    values.emplace_back(name, Value::FromJson(value, Origin::kOutside));
  }
  return parsed->Render(std::move(values), 0);
}

// `kind` is empty where text is expected.
void ExpectResult(const std::string& source, const Json& variables, const Json& rendered,
                  const std::string& kind) {
  const auto result = RenderPair(source, variables);
  if (kind.empty()) {
    ASSERT_TRUE(result.ok()) << source << "\n" << result.status();
    EXPECT_EQ(result->text, rendered.get<std::string>()) << source;
  } else {
    ASSERT_FALSE(result.ok()) << source << "\n" << result->text;
    EXPECT_EQ(KindName(result.status()), kind) << source << "\n" << result.status();
  }
}

TEST(JinjaPairs, AreAsJinja2RendersThem) {
  const Json pairs = ReadJsonFile(OCTET_SOURCE_DIR "/tests/golden/jinja/pairs.json");
  ASSERT_GT(pairs.size(), 400u);
  for (const Json& pair : pairs) {
    ExpectResult(pair["template"], pair["variables"], pair.value("rendered", Json()),
                 pair.value("error", ""));
  }
}

TEST(JinjaPairs, OfTheOracleAreAsTransformersRendersThem) {
  const auto path = OraclePath("chat/jinja_units.json");
  OCTET_SKIP_WITHOUT_ORACLE(path, "108 templates against transformers' jinja2");
  const Json units = ReadJsonFile(*path)["units"];
  ASSERT_GT(units.size(), 100u);
  for (const Json& unit : units) {
    if (unit["name"] == "include") continue;  // jinja2 fails later, for want of a loader
    const std::string kind = unit.contains("error") ? unit["error"]["kind"] : Json("");
    ExpectResult(unit["template"], unit["variables"], unit.value("rendered", Json()), kind);
  }
}

std::map<std::string, std::string> TemplatesOf(const std::string& model) {
  std::map<std::string, std::string> templates;
  std::ifstream config_file(model + "/tokenizer_config.json");
  const Json config = Json::parse(config_file, nullptr, false);
  const Json given = config.is_object() ? config.value("chat_template", Json()) : Json();
  if (given.is_string()) templates["default"] = given;
  if (given.is_array()) {
    for (const Json& entry : given) templates[entry["name"]] = entry["template"];
  }
  const std::pair<const char*, const char*> files[] = {
      {"default", "/chat_template.jinja"},
      {"tool_use", "/additional_chat_templates/tool_use.jinja"}};
  for (const auto& [name, file] : files) {
    std::ifstream stream(model + file);
    if (stream.is_open()) templates[name] = std::string(std::istreambuf_iterator<char>(stream), {});
  }
  return templates;
}

Json VariablesOf(const Json& conversation, const Json& specials) {
  Json variables = specials;
  const Json& request = conversation["request"];
  variables["messages"] = conversation.value("given_to_template", request["messages"]);
  variables["tools"] = request.value("tools", Json());
  if (variables["tools"].empty()) variables["tools"] = nullptr;  // as none at all
  variables["documents"] = nullptr;
  variables["add_generation_prompt"] = request.value("add_generation_prompt", true);
  const Json arguments = request.value("chat_template_kwargs", Json::object());
  for (const auto& [name, value] : arguments.items()) {
    variables[name] = value;
  }
  return variables;
}

class JinjaOracle : public ::testing::TestWithParam<const char*> {};

TEST_P(JinjaOracle, ConversationsAreAsTransformersRendersThem) {
  const auto path = OraclePath(std::string("chat/cases/") + GetParam());
  OCTET_SKIP_WITHOUT_ORACLE(path, "conversations against transformers' templates");
  const Json expected = ReadJsonFile(*path + "/expected.json");
  const auto templates = TemplatesOf(*path + "/model");
  size_t checked = 0;
  for (const Json& conversation : expected["chat"]) {
    const Json& request = conversation["request"];
    if (request.value("continue_final_message", false)) continue;
    const bool has_tools =
        !request.value("tools", Json()).empty() && templates.contains("tool_use");
    const auto source = templates.find(has_tools ? "tool_use" : "default");
    if (source == templates.end()) continue;
    const std::string kind =
        conversation.contains("error") ? conversation["error"]["kind"] : Json("");
    if (kind == "vocabulary") continue;
    SCOPED_TRACE(request.dump());
    const Json variables = VariablesOf(conversation, expected.value("specials", Json::object()));
    ExpectResult(source->second, variables, conversation.value("rendered", Json()), kind);
    ++checked;
  }
  EXPECT_GT(checked, 0u);
}

INSTANTIATE_TEST_SUITE_P(Cases, JinjaOracle,
                         ::testing::Values("add-bos-false", "additional-templates-folder", "alpaca",
                                           "broken-template", "chatml-comments", "content-loop",
                                           "fusionnet-moe", "hermes-tool_use",
                                           "jinja-file-over-config", "metharme", "mistral-v3-tools",
                                           "mistral-v7", "mixtral-8x22b-instruct-named",
                                           "mixtral-8x7b-instruct", "nous-hermes-2-mixtral",
                                           "openchat", "orca-vicuna", "zephyr"));

}  // namespace
}  // namespace octet::jinja
