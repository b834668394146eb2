// Messages as text for people and programs.

#ifndef OCTET_LAUNCH_FILES_PROTO_TEXT_H_
#define OCTET_LAUNCH_FILES_PROTO_TEXT_H_

#include <absl/status/status.h>
#include <google/protobuf/message.h>

#include <string>

namespace octet {

// Reads a text proto. The error is the first one, as LINE:COLUMN: REASON.
absl::Status ParseTextProto(const std::string& text, google::protobuf::Message& message);

// Returns a text proto.
std::string TextOf(const google::protobuf::Message& message);

// Reads protobuf's JSON. The error is REASON.
absl::Status ParseJsonProto(const std::string& json, google::protobuf::Message& message);

}  // namespace octet

#endif  // OCTET_LAUNCH_FILES_PROTO_TEXT_H_
