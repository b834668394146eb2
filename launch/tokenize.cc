#include "launch/tokenize.h"

#include <absl/strings/str_cat.h>

#include <charconv>
#include <cstdint>
#include <span>
#include <string>

namespace octet {
namespace {

void AppendIds(std::span<const int32_t> ids, std::string& text) {
  for (const int32_t id : ids) {
    char digits[16];
    const auto end = std::to_chars(digits, digits + sizeof(digits), id).ptr;
    if (!text.empty()) text += ' ';
    text.append(digits, end);
  }
}

}  // namespace

absl::Status TokenizeLines(const Tokenizer& tokenizer, std::istream& in, std::ostream& out) {
  std::string line;
  std::string ids;
  for (uint64_t number = 1; std::getline(in, line); ++number) {
    if (line.size() > Tokenizer::kMaxTextBytes) {
      return absl::InvalidArgumentError(absl::StrCat("line ", number, " has ", line.size(),
                                                     " bytes; at most ", Tokenizer::kMaxTextBytes,
                                                     " can be tokenized at once"));
    }
    ids.clear();
    AppendIds(tokenizer.Encode(line), ids);
    ids += '\n';
    if (!out.write(ids.data(), static_cast<std::streamsize>(ids.size()))) break;
  }
  out.flush();
  if (!out) return absl::DataLossError("the ids could not be written; is the disk full?");
  if (in.bad()) return absl::DataLossError("the text could not be read to its end");
  return absl::OkStatus();
}

}  // namespace octet
