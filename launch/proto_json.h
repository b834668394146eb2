// Messages as JSON, for programs that plot them.

#ifndef OCTET_LAUNCH_PROTO_JSON_H_
#define OCTET_LAUNCH_PROTO_JSON_H_

#include <google/protobuf/message.h>

#include <string>

namespace octet {

// JSON with all fields, under their names in the .proto, and with 64-bit integers as numbers, which
// protobuf's own JSON has as strings; protobuf reads both. A message that is not set is left out.
std::string JsonOf(const google::protobuf::Message& message);

}  // namespace octet

#endif  // OCTET_LAUNCH_PROTO_JSON_H_
