#include "launch/bench/machine_profile.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cmath>

#include "launch/files/proto_json.h"
#include "launch/files/proto_text.h"
#include "launch/files/result_file.h"

namespace octet {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

bool IsJson(const std::string& path) { return path.ends_with(".json"); }

// Returns the value of element `i` of a field, or its only value if `i` is negative.
double Number(const Message& message, const FieldDescriptor& field, int i) {
  const Reflection& r = *message.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return i < 0 ? r.GetDouble(message, &field) : r.GetRepeatedDouble(message, &field, i);
    case FieldDescriptor::CPPTYPE_INT32:
      return i < 0 ? r.GetInt32(message, &field) : r.GetRepeatedInt32(message, &field, i);
    case FieldDescriptor::CPPTYPE_INT64:
      return static_cast<double>(i < 0 ? r.GetInt64(message, &field)
                                       : r.GetRepeatedInt64(message, &field, i));
    default:
      return 1;  // not a number
  }
}

absl::Status CheckNumbers(const Message& message, const std::string& prefix);

absl::Status CheckField(const Message& message, const FieldDescriptor& field, int i,
                        const std::string& name) {
  const Reflection& r = *message.GetReflection();
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    return CheckNumbers(
        i < 0 ? r.GetMessage(message, &field) : r.GetRepeatedMessage(message, &field, i),
        name + ".");
  }
  const double value = Number(message, field, i);
  const bool is_time =
      absl::EndsWith(field.name(), "seconds") || absl::EndsWith(field.name(), "per_second");
  if (std::isfinite(value) && (value > 0 || (value == 0 && !is_time))) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(name, " is ", value, ", and must ",
                                                 is_time ? "be positive" : "not be negative"));
}

// Checks a message and all that it contains. `prefix` precedes the names of its fields.
absl::Status CheckNumbers(const Message& message, const std::string& prefix) {
  const Reflection& r = *message.GetReflection();
  for (int f = 0; f < message.GetDescriptor()->field_count(); ++f) {
    const FieldDescriptor& field = *message.GetDescriptor()->field(f);
    const std::string name = prefix + field.name();
    absl::Status status;
    if (field.is_repeated()) {
      for (int i = 0; i < r.FieldSize(message, &field) && status.ok(); ++i) {
        status = CheckField(message, field, i, absl::StrCat(name, "[", i, "]"));
      }
    } else if (!field.has_presence() || r.HasField(message, &field)) {
      status = CheckField(message, field, -1, name);
    }
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

// Returns whether a new measurement replaces the old one.
bool IsOfTheSame(const LayerProfile& a, const LayerProfile& b) {
  return TextOf(a.shape()) == TextOf(b.shape()) && a.numerics_class() == b.numerics_class() &&
         a.ranks() == b.ranks() && a.threads() == b.threads();
}

void UpdateLayers(const MachineProfile& fresh, OldLayerTimes old_times, MachineProfile& profile) {
  auto& layers = *profile.mutable_layers();
  for (const LayerProfile& layer : fresh.layers()) {
    const auto old = std::ranges::find_if(
        layers, [&](const LayerProfile& other) { return IsOfTheSame(layer, other); });
    if (old == layers.end()) {
      *layers.Add() = layer;
    } else if (old_times == OldLayerTimes::kKeep) {
      old->mutable_parts()->MergeFrom(layer.parts());
      old->mutable_slowdown()->MergeFrom(layer.slowdown());
      old->mutable_jitter()->MergeFrom(layer.jitter());
    } else {
      *old = layer;
    }
  }
}

}  // namespace

absl::StatusOr<MachineProfile> ReadMachineProfile(FileSystem& files, const std::string& path) {
  const absl::StatusOr<std::string> text = files.ReadWhole(path);
  if (!text.ok()) return text.status();
  MachineProfile profile;
  absl::Status status =
      IsJson(path) ? ParseJsonProto(*text, profile) : ParseTextProto(*text, profile);
  const char* before_reason = IsJson(path) || status.ok() ? ": " : ":";  // else LINE:COLUMN follows
  if (status.ok()) status = CheckNumbers(profile, "");
  if (status.ok()) return profile;
  return absl::InvalidArgumentError(
      absl::StrCat(path, before_reason, std::string(status.message()),
                   " (a MachineProfile is expected: proto/machine_profile.proto)"));
}

absl::Status UpdateMachineProfile(FileSystem& files, const std::string& path,
                                  const MachineProfile& fresh, OldLayerTimes old_times) {
  MachineProfile profile;
  if (files.Exists(path)) {
    absl::StatusOr<MachineProfile> old = ReadMachineProfile(files, path);
    if (!old.ok()) return old.status();
    profile = *std::move(old);
  }
  if (fresh.has_kernels()) *profile.mutable_kernels() = fresh.kernels();
  if (fresh.has_exchange()) *profile.mutable_exchange() = fresh.exchange();
  UpdateLayers(fresh, old_times, profile);
  return WriteResultFile(files, path, IsJson(path) ? JsonOf(profile) : TextOf(profile));
}

absl::Status CheckCanUpdate(FileSystem& files, const std::string& path) {
  if (files.Exists(path)) {
    const absl::StatusOr<MachineProfile> old = ReadMachineProfile(files, path);
    if (!old.ok()) return old.status();
  }
  return CheckResultFile(files, "--save", path);
}

}  // namespace octet
