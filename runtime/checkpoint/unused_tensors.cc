#include "runtime/checkpoint/unused_tensors.h"

#include <absl/strings/str_cat.h>

#include "runtime/io/strict_json.h"

namespace octet {

constexpr int kMostOfAKind = 3;

void UnusedTensors::Add(const std::string& name, const std::string& why) {
  if (++counts_[why] > kMostOfAKind) return;
  first_.push_back(absl::StrCat("tensor ", Quoted(name), " is not used: ", why));
}

void UnusedTensors::Warn(std::vector<std::string>& warnings) const {
  warnings.insert(warnings.end(), first_.begin(), first_.end());
  for (const auto& [why, count] : counts_) {
    if (count <= kMostOfAKind) continue;
    warnings.push_back(absl::StrCat(count - kMostOfAKind, " more tensors are not used: ", why));
  }
}

}  // namespace octet
