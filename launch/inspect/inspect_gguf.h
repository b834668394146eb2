#ifndef OCTET_LAUNCH_INSPECT_INSPECT_GGUF_H_
#define OCTET_LAUNCH_INSPECT_INSPECT_GGUF_H_

#include <string>

#include "runtime/checkpoint/gguf_model.h"

namespace octet {

// Lists the metadata, in the order of the file, and the tensors, by name.
std::string FormatGguf(const GgufModel& model);

}  // namespace octet

#endif  // OCTET_LAUNCH_INSPECT_INSPECT_GGUF_H_
