// Messages as JSON, for programs that plot them.

#ifndef OCTET_LAUNCH_FILES_PROTO_JSON_H_
#define OCTET_LAUNCH_FILES_PROTO_JSON_H_

#include <google/protobuf/message.h>

#include <string>

#include "runtime/io/json_writer.h"

namespace octet {

// Returns JSON with all fields, under their names in the .proto, and a newline. Signed integers of
// 64 bits are numbers; protobuf's own JSON has them as strings, and protobuf reads both. Unsigned
// ones, which are hashes, are strings. Leaves out a message that is not set.
std::string JsonOf(const google::protobuf::Message& message,
                   JsonWriter::Layout layout = JsonWriter::Layout::kIndented);

}  // namespace octet

#endif  // OCTET_LAUNCH_FILES_PROTO_JSON_H_
