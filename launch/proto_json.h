// Messages as JSON, for programs that plot them.

#ifndef OCTET_LAUNCH_PROTO_JSON_H_
#define OCTET_LAUNCH_PROTO_JSON_H_

#include <google/protobuf/message.h>

#include <string>

namespace octet {

// Returns JSON with all fields, under their names in the .proto. 64-bit integers are numbers;
// protobuf's own JSON has them as strings, and protobuf reads both. Leaves out a message that is
// not set.
std::string JsonOf(const google::protobuf::Message& message);

}  // namespace octet

#endif  // OCTET_LAUNCH_PROTO_JSON_H_
