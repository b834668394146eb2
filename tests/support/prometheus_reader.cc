#include "tests/support/prometheus_reader.h"

#include <absl/strings/match.h>
#include <absl/strings/str_split.h>

#include <regex>
#include <set>

namespace octet {
namespace {

const std::regex& HelpLine() {
  static const std::regex kLine(R"re(# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) ([^\\]|\\\\|\\n)+)re");
  return kLine;
}

const std::regex& TypeLine() {
  static const std::regex kLine(R"(# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge))");
  return kLine;
}

const std::regex& SampleLine() {
  static const std::regex kLine(
      R"re(([a-zA-Z_:][a-zA-Z0-9_:]*)(\{([a-zA-Z_][a-zA-Z0-9_]*="([^"\\]|\\\\|\\"|\\n)*",?)+\})? )re"
      R"re((-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?))re");
  return kLine;
}

}  // namespace

PrometheusPage ReadPrometheus(const std::string& text) {
  PrometheusPage page;
  if (!absl::EndsWith(text, "\n")) page.faults.emplace_back("no newline at the end");
  std::string name;
  std::string type;
  std::set<std::string> names;
  const std::vector<std::string> lines = absl::StrSplit(text, '\n', absl::SkipEmpty());
  for (const std::string& line : lines) {
    std::smatch match;
    if (std::regex_match(line, match, HelpLine())) {
      name = match[1];
      type.clear();
      if (!names.insert(name).second) page.faults.push_back("twice: " + line);
    } else if (std::regex_match(line, match, TypeLine())) {
      type = match[2];
      const bool is_total = absl::EndsWith(name, "_total");
      if (match[1] != name || is_total != (type == "counter")) page.faults.push_back(line);
    } else if (std::regex_match(line, match, SampleLine())) {
      const double value = std::stod(match[5]);
      const std::string key = match[1].str() + match[2].str();
      if (match[1] != name || type.empty()) page.faults.push_back("out of place: " + line);
      if (!page.samples.emplace(key, value).second) page.faults.push_back("twice: " + line);
      if (type == "counter" && value < 0) page.faults.push_back("below 0: " + line);
    } else {
      page.faults.push_back("no line of metrics: " + line);
    }
  }
  return page;
}

}  // namespace octet
