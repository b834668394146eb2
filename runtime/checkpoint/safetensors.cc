#include "runtime/checkpoint/safetensors.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <span>
#include <tuple>
#include <utility>

#include "runtime/io/fingerprint.h"
#include "runtime/io/strict_json.h"

namespace octet {
namespace {

using nlohmann::json;

constexpr uint64_t kLengthBytes = 8;
constexpr uint64_t kMaxHeaderBytes = 100'000'000;

struct DTypeBits {
  const char* name;
  uint64_t bits;
};

constexpr std::array<DTypeBits, 22> kDTypes = {{
    {"BOOL", 8}, {"F4", 4},      {"F6_E2M3", 6},     {"F6_E3M2", 6},     {"U8", 8},
    {"I8", 8},   {"F8_E5M2", 8}, {"F8_E4M3", 8},     {"F8_E8M0", 8},     {"I16", 16},
    {"U16", 16}, {"F16", 16},    {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"BF16", 16},
    {"I32", 32}, {"U32", 32},    {"F32", 32},        {"C64", 64},        {"F64", 64},
    {"I64", 64}, {"U64", 64},
}};

absl::Status Invalid(const std::string& where, const std::string& rule) {
  return absl::InvalidArgumentError(absl::StrCat(
      where, ": ", rule, "; download the file again, or save it anew with safetensors"));
}

std::string TensorIn(const std::string& path, const std::string& name) {
  return absl::StrCat(path, ": tensor ", Quoted(name));
}

absl::StatusOr<std::string> ReadHeader(const RandomAccessFile& file) {
  std::array<std::byte, kLengthBytes> length_bytes;
  if (file.size() < length_bytes.size()) {
    return Invalid(
        file.path(),
        absl::StrCat("is ", file.size(), " bytes long, too short for the 8-byte header length"));
  }
  if (absl::Status read = file.Read(0, length_bytes); !read.ok()) return read;
  uint64_t length = 0;
  for (size_t i = 0; i < kLengthBytes; ++i)
    length |= static_cast<uint64_t>(length_bytes[i]) << (8 * i);
  if (length > kMaxHeaderBytes) {
    return Invalid(file.path(),
                   absl::StrCat("its header length ", length, " is above the format's limit of ",
                                kMaxHeaderBytes, " bytes: not a safetensors file"));
  }
  if (length > file.size() - kLengthBytes) {
    return Invalid(file.path(),
                   absl::StrCat("its header of ", length, " bytes does not fit in the file of ",
                                file.size(), " bytes: the file is cut short"));
  }
  std::string header(length, '\0');
  if (absl::Status read = file.Read(kLengthBytes, std::as_writable_bytes(std::span(header)));
      !read.ok()) {
    return read;
  }
  if (!header.starts_with('{')) return Invalid(file.path(), "its header does not begin with '{'");
  return header;
}

// Returns the tensor's size in bytes, or nullopt if it overflows 64 bits or is no whole number of
// bytes.
std::optional<uint64_t> ByteSize(const std::vector<uint64_t>& shape, uint64_t bits_per_element) {
  uint64_t elements = 1;
  for (const uint64_t dim : shape) {
    if (__builtin_mul_overflow(elements, dim, &elements)) return std::nullopt;
  }
  uint64_t bits = 0;
  if (__builtin_mul_overflow(elements, bits_per_element, &bits) || bits % 8 != 0) {
    return std::nullopt;
  }
  return bits / 8;
}

// Returns an array of unsigned integers, or nullopt if the value is anything else.
std::optional<std::vector<uint64_t>> UnsignedArray(const json& value) {
  if (!value.is_array()) return std::nullopt;
  std::vector<uint64_t> numbers;
  for (const json& number : value) {
    if (!number.is_number_unsigned()) return std::nullopt;
    numbers.push_back(number.get<uint64_t>());
  }
  return numbers;
}

absl::Status CheckFields(const std::string& where, const json& entry) {
  if (!entry.is_object()) return Invalid(where, "its entry in the header is not an object");
  for (const char* field : {"dtype", "shape", "data_offsets"}) {
    if (!entry.contains(field)) return Invalid(where, absl::StrCat("has no ", field));
  }
  for (const auto& [field, unused] : entry.items()) {
    if (field != "dtype" && field != "shape" && field != "data_offsets") {
      return Invalid(where, absl::StrCat("has the unknown field ", Quoted(field)));
    }
  }
  return absl::OkStatus();
}

// Returns "[2, 3]"; of many dimensions only the first ones.
std::string ShapeText(std::span<const uint64_t> shape) {
  constexpr size_t kMost = 8;
  if (shape.size() <= kMost) return absl::StrCat("[", absl::StrJoin(shape, ", "), "]");
  return absl::StrCat("[", absl::StrJoin(shape.first(kMost), ", "), ", …] with ", shape.size(),
                      " dimensions");
}

// Parses one entry, and checks what it shows by itself. Its offset still counts from the end of the
// header.
absl::StatusOr<SafetensorsTensor> ParseTensor(const std::string& where, const std::string& name,
                                              const json& entry) {
  if (absl::Status fields = CheckFields(where, entry); !fields.ok()) return fields;

  const json& dtype = entry["dtype"];
  if (!dtype.is_string()) return Invalid(where, "dtype is not a string");
  const auto known = std::find_if(kDTypes.begin(), kDTypes.end(),
                                  [&dtype](const DTypeBits& d) { return dtype == d.name; });
  if (known == kDTypes.end()) {
    return Invalid(
        where, absl::StrCat("dtype ", Quoted(dtype.get<std::string>()), " is not of the format"));
  }

  const auto shape = UnsignedArray(entry["shape"]);
  if (!shape) return Invalid(where, "shape is not an array of unsigned integers");
  const auto offsets = UnsignedArray(entry["data_offsets"]);
  if (!offsets || offsets->size() != 2) {
    return Invalid(where, "data_offsets is not an array of two unsigned integers");
  }
  const uint64_t begin = (*offsets)[0];
  const uint64_t end = (*offsets)[1];
  if (begin > end)
    return Invalid(where, absl::StrCat("data_offsets begin at ", begin, ", after their end ", end));

  const auto bytes = ByteSize(*shape, known->bits);
  if (!bytes) {
    return Invalid(where, absl::StrCat(known->name, " of shape ", ShapeText(*shape),
                                       " overflows 64 bits or is no whole number of bytes"));
  }
  if (*bytes != end - begin) {
    return Invalid(where, absl::StrCat(known->name, " of shape ", ShapeText(*shape), " takes ",
                                       *bytes, " bytes, but data_offsets span ", end - begin));
  }
  return SafetensorsTensor{name, known->name, *shape, begin, *bytes};
}

absl::StatusOr<std::map<std::string, std::string>> ParseMetadata(const std::string& path,
                                                                 const json& entry) {
  std::map<std::string, std::string> metadata;
  if (!entry.is_object()) return Invalid(path, "__metadata__ is not an object");
  for (const auto& [key, value] : entry.items()) {
    if (!value.is_string()) {
      return Invalid(path, absl::StrCat("__metadata__ ", Quoted(key), " is not a string"));
    }
    metadata[key] = value.get<std::string>();
  }
  return metadata;
}

// Checks that the tensors, in the order of their offsets, cover the data up to the file's end
// without hole or overlap. So no byte has two meanings, and none is hidden.
absl::Status CheckLayout(const std::string& path, const std::vector<SafetensorsTensor>& tensors,
                         uint64_t data_bytes) {
  uint64_t covered = 0;
  for (const SafetensorsTensor& tensor : tensors) {
    const std::string where = TensorIn(path, tensor.name);
    if (tensor.offset < covered) {
      return Invalid(where, absl::StrCat("begins at data byte ", tensor.offset,
                                         ", inside the tensor before it, which ends at ", covered));
    }
    if (tensor.offset > covered) {
      return Invalid(where, absl::StrCat("begins at data byte ", tensor.offset,
                                         ", which leaves a hole from ", covered));
    }
    covered += tensor.bytes;
    if (covered > data_bytes) {
      return Invalid(where, absl::StrCat("ends at data byte ", covered, ", but the file has only ",
                                         data_bytes, " bytes of data: the file is cut short"));
    }
  }
  if (covered < data_bytes) {
    return Invalid(path, absl::StrCat("the tensors end at data byte ", covered,
                                      ", but the file has ", data_bytes, " bytes of data: ",
                                      data_bytes - covered, " belong to no tensor"));
  }
  return absl::OkStatus();
}

}  // namespace

std::optional<DType> ComputableDType(const std::string& safetensors_dtype) {
  if (safetensors_dtype == "F32") return DType::kF32;
  if (safetensors_dtype == "BF16") return DType::kBF16;
  if (safetensors_dtype == "F16") return DType::kF16;
  return std::nullopt;
}

absl::Status SafetensorsFile::AddEntry(const std::string& name, const json& entry) {
  const std::string& path = file_->path();
  if (name == "__metadata__") {
    auto metadata = ParseMetadata(path, entry);
    if (!metadata.ok()) return metadata.status();
    metadata_ = *std::move(metadata);
    return absl::OkStatus();
  }
  auto tensor = ParseTensor(TensorIn(path, name), name, entry);
  if (!tensor.ok()) return tensor.status();
  tensors_.push_back(*std::move(tensor));
  return absl::OkStatus();
}

absl::StatusOr<SafetensorsFile> SafetensorsFile::Open(FileSystem& file_system,
                                                      const std::string& path) {
  auto file = file_system.Open(path);
  if (!file.ok()) return file.status();
  SafetensorsFile result;
  result.file_ = *std::move(file);

  const auto header = ReadHeader(*result.file_);
  if (!header.ok()) return header.status();
  const absl::Status entries = ParseStrictJsonObject(
      *header, absl::StrCat(path, ": its header"),
      [&](const std::string& name, const json& entry) { return result.AddEntry(name, entry); });
  if (!entries.ok()) return entries;

  std::sort(result.tensors_.begin(), result.tensors_.end(), [](const auto& a, const auto& b) {
    return std::tie(a.offset, a.bytes, a.name) < std::tie(b.offset, b.bytes, b.name);
  });
  const uint64_t data_start = kLengthBytes + header->size();
  const absl::Status layout = CheckLayout(path, result.tensors_, result.file_->size() - data_start);
  if (!layout.ok()) return layout;
  for (SafetensorsTensor& tensor : result.tensors_) tensor.offset += data_start;

  Fingerprint fingerprint;
  fingerprint.Add(*header);
  fingerprint.Add(result.file_->size());
  result.fingerprint_ = fingerprint.value();
  return result;
}

}  // namespace octet
