#include "runtime/text/jinja/error.h"

#include <absl/strings/cord.h>

#include <iterator>
#include <string>

namespace octet::jinja {
namespace {

constexpr const char* kPayload = "octet/jinja_error_kind";
constexpr const char* kNames[] = {"syntax", "unsupported", "raised",   "undefined",
                                  "type",   "zero",        "security", "limit"};

}  // namespace

absl::Status TemplateError(ErrorKind kind, std::string_view message) {
  absl::Status status =
      absl::InvalidArgumentError(absl::string_view(message.data(), message.size()));
  status.SetPayload(kPayload, absl::Cord(kNames[static_cast<int>(kind)]));
  return status;
}

std::optional<ErrorKind> ErrorKindOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kPayload);
  if (!payload.has_value()) return std::nullopt;
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (*payload == kNames[i]) return static_cast<ErrorKind>(i);
  }
  return std::nullopt;
}

}  // namespace octet::jinja
