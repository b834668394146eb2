// The JSON Schema Test Suite (https://github.com/json-schema-org/JSON-Schema-Test-Suite), of which
// a checkout may be given as OCTET_SCHEMA_SUITE_DIR.

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support/grammar_texts.h"

namespace octet {
namespace {

using SuiteJson = nlohmann::ordered_json;

// Returns the value with its members in all orders, if they are few.
std::vector<SuiteJson> MemberOrders(const SuiteJson& value) {
  if (!value.is_object() || value.size() > 6) return {value};
  std::vector<std::string> names;
  for (auto member = value.begin(); member != value.end(); ++member) names.push_back(member.key());
  std::sort(names.begin(), names.end());
  std::vector<SuiteJson> orders;
  do {
    SuiteJson order = SuiteJson::object();
    for (const std::string& name : names) order[name] = value[name];
    orders.push_back(std::move(order));
  } while (std::next_permutation(names.begin(), names.end()));
  return orders;
}

struct SuiteCounts {
  int schemas = 0;
  int refused = 0;  // schemas
  int invalid = 0;  // values
  int valid = 0;    // values
  int written = 0;  // valid values that an answer may be
};

void CheckSuiteGroup(const std::string& place, const SuiteJson& group, SuiteCounts& counts) {
  ++counts.schemas;
  const AnswerConstraint constraint = SchemaConstraint(group["schema"].dump());
  const absl::StatusOr<Grammar> grammar = MakeGrammar(constraint);
  if (!grammar.ok()) {
    ++counts.refused;
    const std::string message(grammar.status().message());
    EXPECT_TRUE(absl::StrContains(message, "keyword \"") || message == "allows no answer at all")
        << place << ": " << message;
    return;
  }
  ConstraintAutomaton automaton(constraint);
  for (const SuiteJson& test : group["tests"]) {
    const std::vector<SuiteJson> orders = MemberOrders(test["data"]);
    const bool matches = std::any_of(orders.begin(), orders.end(), [&](const SuiteJson& value) {
      return automaton.Matches(value.dump());
    });
    if (test["valid"]) {
      ++counts.valid;
      counts.written += matches ? 1 : 0;
      continue;
    }
    ++counts.invalid;
    EXPECT_FALSE(matches) << place << ": " << test["description"] << "\n"
                          << group["schema"] << "\n"
                          << test["data"];
  }
}

class SchemaSuite : public testing::TestWithParam<const char*> {};

// Valid values may be left out, as the schema leaves much open; invalid ones must not be written.
TEST_P(SchemaSuite, NothingInvalidIsWritten) {
  const char* suite = std::getenv("OCTET_SCHEMA_SUITE_DIR");
  if (suite == nullptr) {
    GTEST_SKIP() << "OCTET_SCHEMA_SUITE_DIR is not set: NOT checked: the JSON Schema Test Suite";
  }
  SuiteCounts counts;
  const std::filesystem::path folder = std::filesystem::path(suite) / "tests" / GetParam();
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".json") continue;
    std::ifstream file(entry.path());
    for (const SuiteJson& group : SuiteJson::parse(file)) {
      const std::string description = group["description"];
      CheckSuiteGroup(absl::StrCat(entry.path().filename().string(), ": ", description), group,
                      counts);
    }
  }
  std::cout << GetParam() << ": " << counts.schemas << " schemas, " << counts.refused
            << " of them refused, " << counts.invalid << " invalid values, " << counts.written
            << " of " << counts.valid << " valid ones may be written\n";
  EXPECT_GT(counts.schemas - counts.refused, 15);
  EXPECT_GT(counts.invalid, 100);
  EXPECT_GT(counts.written, 100);
}

INSTANTIATE_TEST_SUITE_P(Drafts, SchemaSuite,
                         testing::Values("draft2020-12", "draft2020-12/optional/format",
                                         "draft2019-09", "draft7", "draft6"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::erase_if(name, [](char c) { return !absl::ascii_isalnum(c); });
                           return name;
                         });

}  // namespace
}  // namespace octet
