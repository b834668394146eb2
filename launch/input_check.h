// Whether the inputs of a batch job are what it needs, by their first lines.

#ifndef OCTET_LAUNCH_INPUT_CHECK_H_
#define OCTET_LAUNCH_INPUT_CHECK_H_

#include <absl/status/status.h>

#include <string>
#include <vector>

#include "runtime/io/file.h"

namespace octet {

// Errors: a file can't be lines of JSON objects (runtime/io/input_kind.h), or its first request has
// a text, which a model without a tokenizer can't read. Pipes are not opened: that can be done
// once.
absl::Status CheckInputs(FileSystem& files, const std::vector<std::string>& inputs,
                         bool has_tokenizer);

}  // namespace octet

#endif  // OCTET_LAUNCH_INPUT_CHECK_H_
