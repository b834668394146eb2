// What the targets share.

#ifndef OCTET_TESTS_FUZZ_SUPPORT_H_
#define OCTET_TESTS_FUZZ_SUPPORT_H_

#include <absl/status/status.h>

#include <string>
#include <string_view>
#include <vector>

#include "runtime/text/tokenizer.h"

namespace octet::fuzz {

// A message for a person: one line of UTF-8, neither empty nor long.
void CheckMessage(std::string_view message);
void CheckError(const absl::Status& status);

// The texts between lines of "---", of which there are at most `most`.
std::vector<std::string> SplitTexts(const std::string& bytes, size_t most);

// That of the demo.
const Tokenizer& DemoTokenizer();

// What holds of every tokenizer, tried with a few texts.
void TryTokenizer(const Tokenizer& tokenizer);

}  // namespace octet::fuzz

#endif  // OCTET_TESTS_FUZZ_SUPPORT_H_
