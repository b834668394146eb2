// A strict reader of Prometheus's text format, and of its rules for names.

#ifndef OCTET_TESTS_SUPPORT_PROMETHEUS_READER_H_
#define OCTET_TESTS_SUPPORT_PROMETHEUS_READER_H_

#include <map>
#include <string>
#include <vector>

namespace octet {

struct PrometheusPage {
  std::map<std::string, double> samples;  // by name and labels, as they are written
  std::vector<std::string> faults;
};

PrometheusPage ReadPrometheus(const std::string& text);

}  // namespace octet

#endif  // OCTET_TESTS_SUPPORT_PROMETHEUS_READER_H_
