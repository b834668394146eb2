#include "runtime/checkpoint/end_tokens.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <optional>
#include <set>

namespace octet {
namespace {

using Ids = std::set<int32_t>;

std::string Shown(const Ids& ids) {
  constexpr size_t kMost = 8;
  const auto end = std::next(ids.begin(), static_cast<ptrdiff_t>(std::min(ids.size(), kMost)));
  return absl::StrCat(absl::StrJoin(ids.begin(), end, ", "), ids.size() > kMost ? ", …" : "");
}

struct Named {
  std::string file;
  Ids ids;  // not empty
};

// "config.json says 2, generation_config.json 2, 32000".
std::string ShownAll(const std::vector<Named>& all) {
  return absl::StrJoin(all, ", ", [first = true](std::string* out, const Named& named) mutable {
    absl::StrAppend(out, named.file, first ? " says " : " ", Shown(named.ids));
    first = false;
  });
}

bool Agree(const std::vector<Named>& all) {
  return std::all_of(all.begin(), all.end(),
                     [&all](const Named& named) { return named.ids == all.front().ids; });
}

}  // namespace

std::vector<int32_t> JoinEndTokens(std::span<const NamedTokens> files,
                                   std::span<const int32_t> otherwise, int vocab_size,
                                   std::vector<std::string>& warnings) {
  Ids joined;
  std::vector<Named> ends;
  std::vector<Named> begins;
  for (const NamedTokens& file : files) {
    Ids beyond;
    for (const int32_t id : file.eos) (id < vocab_size ? joined : beyond).insert(id);
    if (!beyond.empty()) {
      warnings.push_back(absl::StrCat(file.file, ": eos_token_id ", Shown(beyond),
                                      " is not below vocab_size, ", vocab_size,
                                      ", so no answer ends with it"));
    }
    if (!file.eos.empty()) ends.push_back({file.file, {file.eos.begin(), file.eos.end()}});
    if (file.bos) begins.push_back({file.file, {*file.bos}});
  }
  if (ends.empty()) joined = {otherwise.begin(), otherwise.end()};
  std::erase_if(joined, [vocab_size](int32_t id) { return id >= vocab_size; });
  if (joined.empty()) {
    warnings.emplace_back(
        "no file of the model names a token that ends an answer: max_tokens and stop texts do "
        "alone");
  } else if (!Agree(ends)) {
    warnings.push_back(absl::StrCat("the model's files disagree on the tokens that end an answer: ",
                                    ShownAll(ends), "; each of ", Shown(joined), " does"));
  }
  if (!Agree(begins)) {
    warnings.push_back(
        absl::StrCat("the model's files disagree on the first token of a text: ", ShownAll(begins),
                     "; the tokenizer's counts, where there is one"));
  }
  return {joined.begin(), joined.end()};
}

}  // namespace octet
