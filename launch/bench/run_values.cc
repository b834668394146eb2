#include "launch/bench/run_values.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <array>
#include <map>
#include <string_view>

#include "kernels/base/check.h"
#include "launch/files/proto_json.h"
#include "runtime/io/strict_json.h"

namespace octet {
namespace {

using Json = nlohmann::ordered_json;

// The members that say what work an element of a list tells of.
constexpr std::array<std::string_view, 14> kLabels = {"kernel",
                                                      "shape",
                                                      "isa",
                                                      "dtype",
                                                      "rows",
                                                      "context",
                                                      "streams",
                                                      "same_host",
                                                      "message_bytes",
                                                      "tokens_per_rank",
                                                      "hidden_size",
                                                      "experts",
                                                      "experts_per_token",
                                                      "placement"};

bool IsLabel(std::string_view name) { return std::ranges::find(kLabels, name) != kLabels.end(); }

std::string TextOf(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Returns "matmul avx2 rows 16". Zeros, empty texts and false are left out.
std::string LabelOf(const Json& element) {
  std::vector<std::string> labels;
  if (!element.is_object()) return "";
  for (const auto& [name, value] : element.items()) {
    if (!IsLabel(name)) continue;
    if (value.is_string()) {
      if (!value.get_ref<const std::string&>().empty()) {
        labels.push_back(Shortened(Escaped(value.get_ref<const std::string&>())));
      }
    } else if (value.is_boolean()) {
      if (value.get<bool>()) labels.push_back(name);
    } else if (value != 0) {
      labels.push_back(absl::StrCat(name, " ", Shortened(TextOf(value))));
    }
  }
  return absl::StrJoin(labels, " ");
}

void AddValues(const std::string& name, const Json& value, RunValues& values);

void AddElements(const std::string& name, const Json& list, RunValues& values) {
  std::map<std::string, int> seen;  // by label
  for (size_t i = 0; i < list.size(); ++i) {
    std::string label = LabelOf(list[i]);
    if (label.empty()) label = absl::StrCat(i);
    const int before = seen[label]++;
    if (before > 0) absl::StrAppend(&label, " (", before + 1, ")");
    AddValues(absl::StrCat(name, "[", label, "]"), list[i], values);
  }
}

void AddMembers(const std::string& name, const Json& object, RunValues& values) {
  const bool is_element = name.ends_with("]");
  for (const auto& [key, value] : object.items()) {
    if (is_element && IsLabel(key)) continue;
    const std::string shown = Shortened(Escaped(key));
    AddValues(name.empty() ? shown : absl::StrCat(name, ".", shown), value, values);
  }
}

void AddValues(const std::string& name, const Json& value, RunValues& values) {
  if (value.is_object()) return AddMembers(name, value, values);
  if (value.is_array()) return AddElements(name, value, values);
  values.push_back({.name = name, .text = TextOf(value), .number = std::nullopt});
  if (value.is_number()) values.back().number = value.get<double>();
}

}  // namespace

absl::StatusOr<RunValues> ParseRunValues(const std::string& json, const std::string& where) {
  const absl::StatusOr<Json> parsed = ParseOrderedJson(json, where);
  if (!parsed.ok()) return absl::InvalidArgumentError(parsed.status().message());
  if (!parsed->is_object()) {
    return absl::InvalidArgumentError(absl::StrCat(where, ": is not a JSON object"));
  }
  RunValues values;
  AddMembers("", *parsed, values);
  return values;
}

RunValues RunValuesOf(const google::protobuf::Message& message) {
  absl::StatusOr<RunValues> values = ParseRunValues(JsonOf(message), message.GetTypeName());
  OCTET_CHECK(values.ok()) << std::string(values.status().message());
  return *std::move(values);
}

const RunValue* FindRunValue(const RunValues& values, const std::string& name) {
  const auto found = std::ranges::find(values, name, &RunValue::name);
  return found == values.end() ? nullptr : &*found;
}

}  // namespace octet
