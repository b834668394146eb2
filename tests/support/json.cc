#include "tests/support/json.h"

#include <ostream>
#include <sstream>

namespace octet {

nlohmann::json ParseJson(const std::string& text) { return nlohmann::json::parse(text); }

std::vector<nlohmann::json> ParseLines(const std::string& text) {
  std::vector<nlohmann::json> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(ParseJson(line));
  return lines;
}

}  // namespace octet

namespace nlohmann {

void PrintTo(const json& value, std::ostream* out) { *out << value.dump(2); }

}  // namespace nlohmann
