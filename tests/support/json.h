// JSON in tests. What reads and prints it is compiled once; in each file it would take seconds.

#ifndef OCTET_TESTS_SUPPORT_JSON_H_
#define OCTET_TESTS_SUPPORT_JSON_H_

#include <iosfwd>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace octet {

// A text that is no JSON is an exception, which fails the test.
nlohmann::json ParseJson(const std::string& text);

// A text with one on each line.
std::vector<nlohmann::json> ParseLines(const std::string& text);

}  // namespace octet

namespace nlohmann {

void PrintTo(const json& value, std::ostream* out);  // for GoogleTest's messages

}  // namespace nlohmann

#endif  // OCTET_TESTS_SUPPORT_JSON_H_
