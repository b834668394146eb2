// octet tokenize: the ids of each line.

#ifndef OCTET_LAUNCH_INSPECT_TOKENIZE_H_
#define OCTET_LAUNCH_INSPECT_TOKENIZE_H_

#include <absl/status/status.h>

#include <istream>
#include <memory>
#include <ostream>

#include "launch/subcommand.h"
#include "runtime/text/tokenizer.h"

namespace octet {

// The meaning of a control or added token's spelling in a text.
enum class Spelling { kText, kToken };

// Writes for each line of `in` a line of its ids without BOS, with spaces between them, as
// spm_encode --output_format=id does. Memory is linear in the longest line. Errors name the line,
// or say that reading or writing failed. kInvalidArgument: nothing was written yet.
absl::Status TokenizeLines(const Tokenizer& tokenizer, Spelling spelling, std::istream& in,
                           std::ostream& out);

std::unique_ptr<Subcommand> AddTokenize(CommandLine& parent);

}  // namespace octet

#endif  // OCTET_LAUNCH_INSPECT_TOKENIZE_H_
