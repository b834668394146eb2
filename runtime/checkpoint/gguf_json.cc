#include "runtime/checkpoint/gguf_json.h"

#include <absl/strings/match.h>

#include <type_traits>

namespace octet {
namespace {

template <typename T>
struct IsVector : std::false_type {};
template <typename T>
struct IsVector<std::vector<T>> : std::true_type {};

}  // namespace

nlohmann::json ToJson(const GgufMetadata& metadata, const std::string& prefix) {
  nlohmann::json object = nlohmann::json::object();
  for (const auto& [key, value] : metadata.entries()) {
    if (!absl::StartsWith(key, prefix)) continue;
    object[key] = std::visit(
        [](const auto& v) -> nlohmann::json {
          if constexpr (IsVector<std::decay_t<decltype(v)>>::value) {
            return nlohmann::json::array();
          } else {
            return v;
          }
        },
        value);
  }
  return object;
}

}  // namespace octet
