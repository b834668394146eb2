// A check of a batch job's inputs, by their first lines.

#ifndef OCTET_LAUNCH_BATCH_INPUT_CHECK_H_
#define OCTET_LAUNCH_BATCH_INPUT_CHECK_H_

#include <absl/status/status.h>

#include <string>
#include <vector>

#include "runtime/io/file.h"

namespace octet {

// Returns an error if a file cannot have lines of JSON objects (runtime/io/input_kind.h), or if its
// first request has a text, which a model without a tokenizer cannot read. Does not open pipes:
// that is possible only once.
absl::Status CheckInputs(FileSystem& files, const std::vector<std::string>& inputs,
                         bool has_tokenizer);

}  // namespace octet

#endif  // OCTET_LAUNCH_BATCH_INPUT_CHECK_H_
