#include "runtime/checkpoint/gguf_file.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <array>
#include <bit>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <tuple>

#include "runtime/checkpoint/gguf_reader.h"
#include "runtime/io/git_lfs.h"
#include "runtime/io/strict_json.h"

namespace octet {
namespace {

constexpr std::string_view kMagic = "GGUF";
constexpr char kAlignmentKey[] = "general.alignment";
constexpr uint32_t kDefaultAlignment = 32;
constexpr uint32_t kArrayType = 9;
constexpr uint32_t kMostDims = 4;

// Bytes of an entry with an empty key and a value of one byte, and of a tensor without a name and
// dimensions.
constexpr uint64_t kLeastEntryBytes = 8 + 4 + 1;
constexpr uint64_t kLeastTensorBytes = 8 + 4 + 4 + 8;

absl::Status CheckVersion(const std::string& path, uint32_t version) {
  if (version == 2 || version == 3) return absl::OkStatus();
  const uint32_t swapped = __builtin_bswap32(version);
  if (swapped >= 1 && swapped <= 3) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": is a big-endian GGUF file of version ", swapped,
                     ", and Octet reads little-endian ones; convert it with gguf-convert-endian"));
  }
  return InvalidGguf(path, absl::StrCat("has version ", version,
                                        " of GGUF, and Octet reads the versions 2 and 3"));
}

template <typename T>
GgufValue ReadNumbers(GgufReader& reader, uint64_t count) {
  return reader.Numbers<T>(count, "array");
}

std::vector<std::string> ReadStrings(GgufReader& reader, uint64_t count) {
  std::vector<std::string> strings;
  if (!reader.HasElements(count, sizeof(uint64_t), "array")) return strings;
  for (uint64_t i = 0; i < count && reader.ok(); ++i) strings.push_back(reader.String("string"));
  return strings;
}

std::vector<bool> ReadBools(GgufReader& reader, uint64_t count) {
  std::vector<bool> bools;
  if (!reader.HasElements(count, 1, "array")) return bools;
  for (uint64_t i = 0; i < count && reader.ok(); ++i) bools.push_back(reader.Bool("element"));
  return bools;
}

// The types of values by their numbers in the format.
struct ValueType {
  GgufValue (*read)(GgufReader& reader);
  GgufValue (*read_array)(GgufReader& reader, uint64_t count);
};

template <typename T>
constexpr ValueType NumberType() {
  return {[](GgufReader& reader) -> GgufValue { return reader.Number<T>("value"); },
          ReadNumbers<T>};
}

constexpr std::array<ValueType, 13> kValueTypes = {{
    NumberType<uint8_t>(),
    NumberType<int8_t>(),
    NumberType<uint16_t>(),
    NumberType<int16_t>(),
    NumberType<uint32_t>(),
    NumberType<int32_t>(),
    NumberType<float>(),
    {[](GgufReader& reader) -> GgufValue { return reader.Bool("value"); },
     [](GgufReader& reader, uint64_t count) -> GgufValue { return ReadBools(reader, count); }},
    {[](GgufReader& reader) -> GgufValue { return reader.String("value"); },
     [](GgufReader& reader, uint64_t count) -> GgufValue { return ReadStrings(reader, count); }},
    {nullptr, nullptr},  // kArrayType
    NumberType<uint64_t>(),
    NumberType<int64_t>(),
    NumberType<double>(),
}};

GgufValue ReadArray(GgufReader& reader) {
  const auto type = reader.Number<uint32_t>("type of elements");
  const auto count = reader.Number<uint64_t>("count of elements");
  if (type == kArrayType) {
    reader.Fail("its value is an array of arrays, which Octet does not read");
  } else if (type >= kValueTypes.size()) {
    reader.Fail(absl::StrCat("its elements have the type ", type, ", which is not of the format"));
  }
  if (!reader.ok()) return {};
  return kValueTypes[type].read_array(reader, count);
}

GgufValue ReadValue(GgufReader& reader) {
  const auto type = reader.Number<uint32_t>("type");
  if (type >= kValueTypes.size()) {
    reader.Fail(absl::StrCat("its value has the type ", type, ", which is not of the format"));
  }
  if (!reader.ok()) return {};
  return type == kArrayType ? ReadArray(reader) : kValueTypes[type].read(reader);
}

// Returns the bytes of a tensor, or an error in words.
std::variant<uint64_t, std::string> ByteSize(const GgmlType& type,
                                             const std::vector<uint64_t>& shape) {
  const std::string text = absl::StrCat(type.name, " of shape [", absl::StrJoin(shape, ", "), "]");
  const uint64_t row = shape.empty() ? 1 : shape.back();
  if (row % type.block_elements != 0) {
    return absl::StrCat(text, " has rows of ", row, " elements, which are no whole blocks of ",
                        type.block_elements);
  }
  uint64_t bytes = 0;
  bool overflows = __builtin_mul_overflow(row / type.block_elements, type.block_bytes, &bytes);
  for (size_t i = 0; i + 1 < shape.size(); ++i) {
    overflows |= __builtin_mul_overflow(bytes, shape[i], &bytes);
  }
  if (overflows) return absl::StrCat(text, " overflows 64 bits");
  return bytes;
}

// Reads the type and sets what follows from it.
void ReadType(GgufReader& reader, GgufTensor& tensor) {
  const auto type = reader.Number<uint32_t>("type");
  if (!reader.ok()) return;
  tensor.type = FindGgmlType(type);
  if (tensor.type == nullptr) {
    return reader.Fail(absl::StrCat("has the type ", type, ", which Octet does not know; it knows ",
                                    GgmlTypeList()));
  }
  const auto size = ByteSize(*tensor.type, tensor.shape);
  if (const auto* error = std::get_if<std::string>(&size)) return reader.Fail(*error);
  tensor.bytes = std::get<uint64_t>(size);
}

// Reads the entry of one tensor. Its offset still counts from the start of the data. The name may
// be longer than llama.cpp's 63 bytes, because other programs write such files.
GgufTensor ReadTensor(GgufReader& reader, uint64_t alignment) {
  GgufTensor tensor;
  tensor.name = reader.String("name");
  if (reader.ok()) reader.SetPlace(absl::StrCat("tensor ", Quoted(tensor.name)));
  const auto num_dims = reader.Number<uint32_t>("number of dimensions");
  if (num_dims > kMostDims) {
    reader.Fail(absl::StrCat("has ", num_dims, " dimensions, but at most ", kMostDims,
                             " are of the format"));
  }
  if (!reader.ok()) return tensor;
  tensor.shape = reader.Numbers<uint64_t>(num_dims, "shape");
  std::reverse(tensor.shape.begin(), tensor.shape.end());
  ReadType(reader, tensor);
  tensor.offset = reader.Number<uint64_t>("offset");
  if (tensor.offset % alignment != 0) {
    reader.Fail(absl::StrCat("begins at data byte ", tensor.offset,
                             ", which is not a multiple of the alignment ", alignment));
  }
  return tensor;
}

// Checks that the tensors, in the order of their offsets, do not overlap and lie in the data.
absl::Status CheckPlaces(const std::string& path, const std::vector<GgufTensor>& tensors,
                         uint64_t data_bytes) {
  uint64_t covered = 0;
  for (const GgufTensor& tensor : tensors) {
    const std::string where = absl::StrCat(path, ": tensor ", Quoted(tensor.name));
    if (tensor.offset < covered) {
      return InvalidGguf(where,
                         absl::StrCat("begins at data byte ", tensor.offset,
                                      ", inside the tensor before it, which ends at ", covered));
    }
    if (tensor.offset > data_bytes || tensor.bytes > data_bytes - tensor.offset) {
      return InvalidGguf(where, absl::StrCat("has ", tensor.bytes, " bytes from data byte ",
                                             tensor.offset, ", but the file has only ", data_bytes,
                                             " bytes of data: the file is cut short"));
    }
    covered = tensor.offset + tensor.bytes;
  }
  return absl::OkStatus();
}

}  // namespace

bool HasGgufMagic(const RandomAccessFile& file) {
  std::string begin(kMagic.size(), '\0');
  return file.size() >= begin.size() &&
         file.Read(0, std::as_writable_bytes(std::span(begin))).ok() && begin == kMagic;
}

void GgufFile::ReadMetadata(GgufReader& reader, uint64_t count) {
  for (uint64_t i = 0; i < count && reader.ok(); ++i) {
    reader.SetPlace(absl::StrCat("metadata entry ", i + 1, " of ", count));
    const std::string key = reader.String("key");
    if (!reader.ok()) return;
    reader.SetPlace(absl::StrCat("metadata ", Quoted(key)));
    GgufValue value = ReadValue(reader);
    if (reader.ok() && !metadata_.Add(key, std::move(value))) reader.Fail("is there twice");
  }
}

absl::Status GgufFile::ReadAlignment() {
  alignment_ = kDefaultAlignment;
  if (metadata_.Find(kAlignmentKey) == nullptr) return absl::OkStatus();
  const auto stated = metadata_.Get<uint32_t>(kAlignmentKey);
  if (!stated.ok()) return stated.status();
  if (!std::has_single_bit(*stated)) {
    return InvalidGguf(absl::StrCat(file_->path(), ": metadata ", Quoted(kAlignmentKey)),
                       absl::StrCat("is ", *stated, ", which is not a power of two"));
  }
  alignment_ = *stated;
  return absl::OkStatus();
}

void GgufFile::ReadTensors(GgufReader& reader, uint64_t count) {
  std::set<std::string> names;
  for (uint64_t i = 0; i < count && reader.ok(); ++i) {
    reader.SetPlace(absl::StrCat("tensor ", i + 1, " of ", count));
    tensors_.push_back(ReadTensor(reader, alignment_));
    if (reader.ok() && !names.insert(tensors_.back().name).second) reader.Fail("is there twice");
  }
}

absl::Status GgufFile::ReadHeader() {
  GgufReader reader(*file_);
  reader.SetPlace("header");
  reader.Number<uint32_t>("magic");
  version_ = reader.Number<uint32_t>("version");
  if (!reader.ok()) return reader.status();
  if (absl::Status version = CheckVersion(file_->path(), version_); !version.ok()) return version;
  const auto num_tensors = reader.Number<uint64_t>("count of tensors");
  const auto num_entries = reader.Number<uint64_t>("count of metadata");
  reader.HasElements(num_entries, kLeastEntryBytes, "metadata");
  reader.HasElements(num_tensors, kLeastTensorBytes, "list of tensors");
  ReadMetadata(reader, num_entries);
  if (!reader.ok()) return reader.status();
  if (absl::Status alignment = ReadAlignment(); !alignment.ok()) return alignment;
  ReadTensors(reader, num_tensors);
  if (!reader.ok()) return reader.status();
  header_bytes_ = reader.offset();

  std::sort(tensors_.begin(), tensors_.end(), [](const GgufTensor& a, const GgufTensor& b) {
    return std::tie(a.offset, a.bytes, a.name) < std::tie(b.offset, b.bytes, b.name);
  });
  const uint64_t data_start = (reader.offset() + alignment_ - 1) / alignment_ * alignment_;
  const uint64_t data_bytes = file_->size() - std::min(file_->size(), data_start);
  if (absl::Status places = CheckPlaces(file_->path(), tensors_, data_bytes); !places.ok()) {
    return places;
  }
  for (GgufTensor& tensor : tensors_) tensor.offset += data_start;
  return absl::OkStatus();
}

absl::StatusOr<GgufFile> GgufFile::Open(FileSystem& files, const std::string& path) {
  auto file = files.Open(path);
  if (!file.ok()) return file.status();
  if (absl::Status pointer = RefuseGitLfsPointer(files, path); !pointer.ok()) return pointer;
  if (!HasGgufMagic(**file)) {
    return InvalidGguf(path, "does not begin with 'GGUF': not a GGUF file");
  }
  GgufFile result(*std::move(file));
  if (absl::Status header = result.ReadHeader(); !header.ok()) return header;
  return result;
}

}  // namespace octet
