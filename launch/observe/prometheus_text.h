// The text format in which Prometheus reads metrics.

#ifndef OCTET_LAUNCH_OBSERVE_PROMETHEUS_TEXT_H_
#define OCTET_LAUNCH_OBSERVE_PROMETHEUS_TEXT_H_

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace octet {

// A writer of version 0.0.4 of the exposition format (prometheus.io, "Exposition formats"). The
// samples of a metric follow its name.
class PrometheusText {
 public:
  using Labels = std::initializer_list<std::pair<std::string_view, std::string>>;

  // Begins a metric; the names of counters end in _total.
  PrometheusText& Counter(std::string_view name, std::string_view help);
  PrometheusText& Gauge(std::string_view name, std::string_view help);

  // Adds a sample of the metric that was begun last.
  PrometheusText& Sample(double value, Labels labels = {});

  std::string Take() { return std::move(text_); }

 private:
  void Begin(std::string_view name, std::string_view type, std::string_view help);

  std::string name_;
  std::string text_;
};

}  // namespace octet

#endif  // OCTET_LAUNCH_OBSERVE_PROMETHEUS_TEXT_H_
