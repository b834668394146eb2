#include "tests/cuda_emu/nccl_fault.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_split.h>

#include <cstdlib>
#include <map>
#include <string>

#include "kernels/base/check.h"

namespace octet::cuda_emu {
namespace {

const std::map<std::string_view, NcclFault>& Effects() {
  static const std::map<std::string_view, NcclFault> kEffects = {
      {"error", NcclFault::kError},
      {"late_error", NcclFault::kLateError},
      {"hang", NcclFault::kHang},
      {"stall", NcclFault::kStall},
      {"loss", NcclFault::kLoss}};
  return kEffects;
}

// The fault that the environment asks for.
struct Planned {
  std::string text;
  std::string call;
  int rank = -1;
  int calls_left = 0;
  NcclFault effect = NcclFault::kNone;

  explicit Planned(const std::string& of_environment) : text(of_environment) {
    if (text.empty()) return;
    std::map<std::string, std::string> fields;
    for (const absl::string_view field : absl::StrSplit(text, ',')) {
      fields.insert(absl::StrSplit(field, absl::MaxSplits('=', 1)));
    }
    call = fields["call"];
    const auto found = Effects().find(fields["effect"]);
    OCTET_CHECK(fields.size() == 4 && absl::SimpleAtoi(fields["rank"], &rank) &&
                absl::SimpleAtoi(fields["count"], &calls_left) && found != Effects().end())
        << "OCTET_NCCL_DOUBLE_FAULT=" << text;
    effect = found->second;
  }
};

}  // namespace

NcclFault FaultOf(std::string_view call, int rank) {
  static Planned planned("");
  const char* text = std::getenv("OCTET_NCCL_DOUBLE_FAULT");
  if (planned.text != (text == nullptr ? "" : text)) planned = Planned(text == nullptr ? "" : text);
  if (planned.call != call || planned.rank != rank) return NcclFault::kNone;
  return --planned.calls_left == 0 ? planned.effect : NcclFault::kNone;
}

}  // namespace octet::cuda_emu
