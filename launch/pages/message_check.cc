#include "launch/pages/message_check.h"

#include <absl/strings/str_cat.h>
#include <google/protobuf/message.h>

#include <cmath>
#include <set>
#include <string>

namespace octet {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

absl::Status BadField(const std::string& field, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(field, " ", what));
}

// Numbers that may be less than 0; a gap is so by rounding.
bool MayBeNegative(const FieldDescriptor& field) {
  return field.name() == "seed" || field.name() == "exit_code" || field.name() == "gap_percent";
}

absl::Status CheckNumbers(const Message& message);

constexpr int kOnlyValue = -1;  // instead of the number of an element

absl::Status CheckNumber(const Message& message, const FieldDescriptor& field, int i) {
  const Reflection& r = *message.GetReflection();
  double value = 0;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return CheckNumbers(i == kOnlyValue ? r.GetMessage(message, &field)
                                          : r.GetRepeatedMessage(message, &field, i));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      value =
          i == kOnlyValue ? r.GetDouble(message, &field) : r.GetRepeatedDouble(message, &field, i);
      break;
    case FieldDescriptor::CPPTYPE_INT64:
      value = static_cast<double>(i == kOnlyValue ? r.GetInt64(message, &field)
                                                  : r.GetRepeatedInt64(message, &field, i));
      break;
    case FieldDescriptor::CPPTYPE_INT32:
      value =
          i == kOnlyValue ? r.GetInt32(message, &field) : r.GetRepeatedInt32(message, &field, i);
      break;
    default:
      return absl::OkStatus();
  }
  if (!std::isfinite(value)) return BadField(field.name(), "is not finite");
  if (value < 0 && !MayBeNegative(field)) return BadField(field.name(), "is negative");
  return absl::OkStatus();
}

absl::Status CheckNumbers(const Message& message) {
  const Reflection& r = *message.GetReflection();
  for (int f = 0; f < message.GetDescriptor()->field_count(); ++f) {
    const FieldDescriptor& field = *message.GetDescriptor()->field(f);
    if (field.has_presence() && !r.HasField(message, &field)) continue;
    const bool is_list = field.is_repeated();
    const int end = is_list ? r.FieldSize(message, &field) : 0;
    for (int i = is_list ? 0 : kOnlyValue; i < end; ++i) {
      absl::Status status = CheckNumber(message, field, i);
      if (!status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

absl::Status CheckSquare(const std::string& field, int size, int side) {
  const bool is_square = size == 0 || static_cast<int64_t>(side) * side == size;
  return is_square ? absl::OkStatus() : BadField(field, absl::StrCat("must be of [ranks, ranks]"));
}

}  // namespace

absl::Status CheckMessage(const RunReport& report) {
  absl::Status status = CheckNumbers(report);
  if (!status.ok()) return status;
  if (report.ranks() < 1) return BadField("ranks", "must be positive");
  for (const LayerLoad& layer : report.expert_load()) {
    const LayerLoad& first = report.expert_load(0);
    if (layer.tokens_size() != first.tokens_size() ||
        layer.rank_tokens_size() != first.rank_tokens_size()) {
      return BadField("expert_load", "has layers with unlike numbers of experts or ranks");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckMessage(const RoutingStats& stats) {
  absl::Status status = CheckNumbers(stats);
  if (!status.ok()) return status;
  if (stats.layers().empty()) return BadField("layers", "must have a layer");
  for (const LayerRouting& layer : stats.layers()) {
    if (layer.load_size() == stats.num_experts()) continue;
    return BadField("load",
                    absl::StrCat("of layer ", layer.layer(), " must have num_experts numbers"));
  }
  const RankTraffic& traffic = stats.traffic();
  status = CheckSquare("dispatch_bytes", traffic.dispatch_bytes_size(), stats.ranks());
  if (!status.ok()) return status;
  if (traffic.return_bytes_size() != traffic.dispatch_bytes_size()) {
    return BadField("return_bytes", "must be as long as dispatch_bytes");
  }
  return absl::OkStatus();
}

absl::Status CheckMessage(const PlacementPlan& plan) {
  absl::Status status = CheckNumbers(plan);
  if (!status.ok()) return status;
  if (plan.policies().empty()) return BadField("policies", "must have a policy");
  return absl::OkStatus();
}

absl::Status CheckMessage(const ReplayComparison& comparison) {
  absl::Status status = CheckNumbers(comparison);
  if (!status.ok()) return status;
  if (comparison.choices().empty()) return BadField("choices", "must have a choice");
  for (const ReplayChoice& choice : comparison.choices()) {
    if (choice.ranks() < 1) return BadField("ranks", "must be positive");
  }
  return absl::OkStatus();
}

absl::Status CheckMessage(const Replay& replay) {
  absl::Status status = CheckNumbers(replay);
  if (!status.ok()) return status;
  if (replay.ranks() < 1) return BadField("ranks", "must be positive");
  return CheckSquare("sent_bytes", replay.sent_bytes_size(), replay.ranks());
}

absl::Status CheckMessage(const SweepRun& run) {
  absl::Status status = CheckNumbers(run);
  if (!status.ok()) return status;
  if (run.point().empty()) return BadField("point", "must have a name");
  std::set<std::string> axes;
  for (const SweepSetting& setting : run.settings()) {
    if (!axes.insert(setting.axis()).second) {
      return BadField("settings", "names an axis twice");
    }
  }
  return absl::OkStatus();
}

}  // namespace octet
