#include "launch/files/proto_json.h"

#include <absl/strings/str_cat.h>

#include "kernels/base/check.h"

namespace octet {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

void WriteMessage(const Message& message, JsonWriter& json);

// Writes element `i` of a field, or its only value if `i` is negative.
void WriteValue(const Message& message, const FieldDescriptor& field, int i, JsonWriter& json) {
  const Reflection& r = *message.GetReflection();
  std::string scratch;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      json.Bool(i < 0 ? r.GetBool(message, &field) : r.GetRepeatedBool(message, &field, i));
      break;
    case FieldDescriptor::CPPTYPE_INT32:
      json.Integer(i < 0 ? r.GetInt32(message, &field) : r.GetRepeatedInt32(message, &field, i));
      break;
    case FieldDescriptor::CPPTYPE_INT64:
      json.Integer(i < 0 ? r.GetInt64(message, &field) : r.GetRepeatedInt64(message, &field, i));
      break;
    case FieldDescriptor::CPPTYPE_UINT64:
      json.String(absl::StrCat(i < 0 ? r.GetUInt64(message, &field)
                                     : r.GetRepeatedUInt64(message, &field, i)));
      break;
    case FieldDescriptor::CPPTYPE_DOUBLE:
      json.Double(i < 0 ? r.GetDouble(message, &field) : r.GetRepeatedDouble(message, &field, i));
      break;
    case FieldDescriptor::CPPTYPE_STRING:
      json.String(i < 0 ? r.GetStringReference(message, &field, &scratch)
                        : r.GetRepeatedStringReference(message, &field, i, &scratch));
      break;
    case FieldDescriptor::CPPTYPE_MESSAGE:
      WriteMessage(i < 0 ? r.GetMessage(message, &field) : r.GetRepeatedMessage(message, &field, i),
                   json);
      break;
    default:
      OCTET_CHECK(false) << field.full_name() << " is of a type that no report has";
  }
}

void WriteMessage(const Message& message, JsonWriter& json) {
  const Reflection& r = *message.GetReflection();
  json.BeginObject();
  for (int f = 0; f < message.GetDescriptor()->field_count(); ++f) {
    const FieldDescriptor& field = *message.GetDescriptor()->field(f);
    if (field.has_presence() && !r.HasField(message, &field)) continue;
    json.Key(field.name());
    if (field.is_repeated()) {
      json.BeginArray();
      for (int i = 0; i < r.FieldSize(message, &field); ++i) WriteValue(message, field, i, json);
      json.EndArray();
    } else {
      WriteValue(message, field, -1, json);
    }
  }
  json.EndObject();
}

}  // namespace

std::string JsonOf(const Message& message, JsonWriter::Layout layout) {
  JsonWriter json(layout);
  WriteMessage(message, json);
  return json.Take() + "\n";
}

}  // namespace octet
