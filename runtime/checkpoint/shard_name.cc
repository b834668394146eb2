#include "runtime/checkpoint/shard_name.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_format.h>

#include <string_view>

namespace octet {

std::string ShardName::ToString() const {
  return absl::StrFormat("%s%05d-of-%05d%s", before, number, count, ending);
}

std::optional<ShardName> ShardName::Parse(const std::string& name, const std::string& ending) {
  const size_t tail_bytes = std::string_view("00001-of-00003").size() + ending.size();
  if (name.size() < tail_bytes) return std::nullopt;
  ShardName shard = {.before = name.substr(0, name.size() - tail_bytes), .ending = ending};
  const std::string tail = name.substr(name.size() - tail_bytes);
  const bool numbers = absl::SimpleAtoi(tail.substr(0, 5), &shard.number) &&
                       absl::SimpleAtoi(tail.substr(9, 5), &shard.count);
  if (!numbers || shard.number < 1 || shard.ToString() != name) return std::nullopt;
  return shard;
}

}  // namespace octet
