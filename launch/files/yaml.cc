#include "launch/files/yaml.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <yaml.h>

#include <limits>
#include <optional>
#include <vector>

#include "kernels/base/number_range.h"
#include "runtime/io/strict_json.h"

namespace octet {
namespace {

using Json = nlohmann::json;

// A parser that makes a value of libyaml's events.
class YamlReader {
 public:
  explicit YamlReader(const std::string& text) {
    yaml_parser_initialize(&parser_);
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()),
                                 text.size());
  }
  ~YamlReader() { yaml_parser_delete(&parser_); }
  YamlReader(const YamlReader&) = delete;
  YamlReader& operator=(const YamlReader&) = delete;

  // Returns the reason if the text can't be read.
  std::optional<std::string> Read(Json& value) {
    while (true) {
      yaml_event_t event;
      if (yaml_parser_parse(&parser_, &event) == 0) {
        return absl::StrCat("line ", parser_.problem_mark.line + 1, ": ",
                            parser_.problem != nullptr ? parser_.problem : "is no YAML");
      }
      const yaml_event_type_t type = event.type;
      const size_t line = event.start_mark.line + 1;
      const std::optional<std::string> fault = Use(event);
      yaml_event_delete(&event);
      if (fault) return absl::StrCat("line ", line, ": ", *fault);
      if (type != YAML_STREAM_END_EVENT) continue;
      value = std::move(root_);
      return std::nullopt;
    }
  }

 private:
  static std::string TextOf(const yaml_event_t& scalar) {
    return {reinterpret_cast<const char*>(scalar.data.scalar.value), scalar.data.scalar.length};
  }

  static Json ValueOf(const yaml_event_t& scalar) {
    constexpr NumberRange<int64_t> kNumbers = {std::numeric_limits<int64_t>::min(),
                                               std::numeric_limits<int64_t>::max()};
    std::string text = TextOf(scalar);
    const bool is_plain = scalar.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    const std::optional<int64_t> number = is_plain ? kNumbers.Parse(text) : std::nullopt;
    if (!number) return text;
    return *number < 0 ? Json(*number) : Json(static_cast<uint64_t>(*number));
  }

  std::optional<std::string> Use(const yaml_event_t& event) {
    switch (event.type) {
      case YAML_ALIAS_EVENT:
        return "has an alias, which is not read";
      case YAML_SCALAR_EVENT:
        if (event.data.scalar.anchor != nullptr) return "has an anchor, which is not read";
        if (IsKeyNext()) return SetKey(TextOf(event));
        return Add(ValueOf(event));
      case YAML_SEQUENCE_START_EVENT:
        if (event.data.sequence_start.anchor != nullptr) return "has an anchor, which is not read";
        return Open(Json::array());
      case YAML_MAPPING_START_EVENT:
        if (event.data.mapping_start.anchor != nullptr) return "has an anchor, which is not read";
        return Open(Json::object());
      case YAML_SEQUENCE_END_EVENT:
      case YAML_MAPPING_END_EVENT: {
        Json closed = std::move(open_.back().value);
        open_.pop_back();
        return Add(std::move(closed));
      }
      default:
        return std::nullopt;
    }
  }

  bool IsKeyNext() const {
    return !open_.empty() && open_.back().value.is_object() && !open_.back().key;
  }

  std::optional<std::string> SetKey(std::string key) {
    if (open_.back().value.contains(key)) {
      return absl::StrCat("has the key ", Quoted(Shortened(key)), " twice");
    }
    open_.back().key = std::move(key);
    return std::nullopt;
  }

  std::optional<std::string> Open(Json container) {
    if (IsKeyNext()) return "has a key that is no scalar";
    if (open_.size() >= kMaxJsonDepth) return "is nested too deep";
    open_.push_back({std::move(container), std::nullopt});
    return std::nullopt;
  }

  std::optional<std::string> Add(Json value) {
    if (++num_values_ > kMaxJsonValues) return "has too many values";
    if (open_.empty()) {
      if (has_root_) return "begins a second document";
      has_root_ = true;
      root_ = std::move(value);
      return std::nullopt;
    }
    Level& parent = open_.back();
    if (parent.value.is_array()) {
      parent.value.push_back(std::move(value));
    } else {
      parent.value[*parent.key] = std::move(value);
      parent.key.reset();
    }
    return std::nullopt;
  }

  // A list or mapping that is not closed yet.
  struct Level {
    Json value;
    std::optional<std::string> key;  // of the next value
  };

  yaml_parser_t parser_ = {};
  std::vector<Level> open_;
  Json root_;
  bool has_root_ = false;
  int64_t num_values_ = 0;
};

}  // namespace

absl::StatusOr<nlohmann::json> ParseYaml(const std::string& text, const std::string& where) {
  Json value;
  const std::optional<std::string> fault = YamlReader(text).Read(value);
  if (!fault) return value;
  return absl::InvalidArgumentError(absl::StrCat(where, ": ", *fault));
}

}  // namespace octet
