// YAML files of other programs.

#ifndef OCTET_LAUNCH_FILES_YAML_H_
#define OCTET_LAUNCH_FILES_YAML_H_

#include <absl/status/statusor.h>

#include <nlohmann/json.hpp>
#include <string>

namespace octet {

// Parses a YAML text of one document into what the same JSON would give. Plain whole numbers are
// numbers, all other scalars texts. Keys are texts: "3" for the key 3. Refuses anchors and aliases,
// keys that are twice in a mapping, and what is nested deeper, or has more values, than JSON may.
// An error begins with `where`, and names the line.
absl::StatusOr<nlohmann::json> ParseYaml(const std::string& text, const std::string& where);

}  // namespace octet

#endif  // OCTET_LAUNCH_FILES_YAML_H_
