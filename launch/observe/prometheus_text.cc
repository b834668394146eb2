#include "launch/observe/prometheus_text.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_replace.h>

namespace octet {

void PrometheusText::Begin(std::string_view name, std::string_view type, std::string_view help) {
  name_ = name;
  const std::string escaped =
      absl::StrReplaceAll(std::string(help), {{"\\", "\\\\"}, {"\n", "\\n"}});
  absl::StrAppend(&text_, "# HELP ", name_, " ", escaped, "\n# TYPE ", name_, " ",
                  std::string(type), "\n");
}

PrometheusText& PrometheusText::Counter(std::string_view name, std::string_view help) {
  Begin(name, "counter", help);
  return *this;
}

PrometheusText& PrometheusText::Gauge(std::string_view name, std::string_view help) {
  Begin(name, "gauge", help);
  return *this;
}

PrometheusText& PrometheusText::Sample(double value, Labels labels) {
  absl::StrAppend(&text_, name_);
  const char* before = "{";
  for (const auto& [label, text] : labels) {
    absl::StrAppend(&text_, before, std::string(label), "=\"",
                    absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"\n", "\\n"}, {"\"", "\\\""}}),
                    "\"");
    before = ",";
  }
  absl::StrAppendFormat(&text_, "%s %.15g\n", labels.size() > 0 ? "}" : "", value);
  return *this;
}

}  // namespace octet
