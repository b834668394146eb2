#include "tests/support/safetensors_writer.h"

#include <absl/strings/str_format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "kernels/base/check.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using Json = nlohmann::ordered_json;

template <typename T>
void Append(std::string& bytes, const T& value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

}  // namespace

uint16_t ToHalf(float x) {
  const uint16_t sign = std::signbit(x) ? 0x8000 : 0;
  if (std::isnan(x)) return sign | 0x7e00;
  if (std::isinf(x)) return sign | 0x7c00;
  if (x == 0) return sign;
  int exponent = 0;
  std::frexp(x, &exponent);
  // The value of the last fraction bit is 2^ulp; below the normal numbers it stays at 2^-24. A
  // count of 2048 carries into the exponent by itself.
  const int ulp = std::max(exponent - 11, -24);
  const long count = std::lrint(std::ldexp(std::fabs(x), -ulp));
  return sign | static_cast<uint16_t>(std::min(((ulp + 24L) << 10) + count, 0x7c00L));
}

std::string SafetensorsBytes(const std::string& header, const std::string& data) {
  std::string bytes;
  Append(bytes, static_cast<uint64_t>(header.size()));
  return bytes + header + data;
}

void SafetensorsWriter::Add(const std::string& name, DType dtype, const std::vector<int64_t>& shape,
                            std::span<const float> values) {
  std::string bytes;
  for (const float x : values) {
    if (dtype == DType::kF32) Append(bytes, x);
    if (dtype == DType::kBF16) Append(bytes, ToBF16(x).bits);
    if (dtype == DType::kF16) Append(bytes, ToHalf(x));
  }
  size_t elements = 1;
  for (const int64_t dim : shape) elements *= static_cast<size_t>(dim);
  OCTET_CHECK_EQ(values.size(), elements) << name;
  AddRaw(name, dtype == DType::kF32 ? "F32" : dtype == DType::kBF16 ? "BF16" : "F16", shape, bytes);
}

void SafetensorsWriter::AddRaw(const std::string& name, const std::string& dtype,
                               const std::vector<int64_t>& shape, const std::string& bytes) {
  tensors_.push_back({name, dtype, shape, bytes});
}

std::string SafetensorsWriter::Header(std::span<const Tensor> tensors) const {
  Json header = {{"__metadata__", metadata_}};
  size_t begin = 0;
  for (const Tensor& tensor : tensors) {
    OCTET_CHECK(!header.contains(tensor.name)) << tensor.name << " was added twice";
    const size_t end = begin + tensor.bytes.size();
    header[tensor.name] = {
        {"dtype", tensor.dtype}, {"shape", tensor.shape}, {"data_offsets", {begin, end}}};
    begin = end;
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');  // as the library does, so that the data are aligned
  return text;
}

std::string SafetensorsWriter::Data(std::span<const Tensor> tensors) {
  std::string data;
  for (const Tensor& tensor : tensors) data += tensor.bytes;
  return data;
}

std::map<std::string, std::string> SafetensorsWriter::Shards(int num_shards) const {
  std::map<std::string, std::string> files;
  Json weight_map = Json::object();
  for (int i = 0; i < num_shards; ++i) {
    const std::string shard = absl::StrFormat("model-%05d-of-%05d.safetensors", i + 1, num_shards);
    const size_t first = tensors_.size() * i / num_shards;
    const size_t last = tensors_.size() * (i + 1) / num_shards;
    const auto tensors = std::span(tensors_).subspan(first, last - first);
    files[shard] = SafetensorsBytes(Header(tensors), Data(tensors));
    for (const Tensor& tensor : tensors) weight_map[tensor.name] = shard;
  }
  const Json index = {{"metadata", {{"total_size", Data().size()}}}, {"weight_map", weight_map}};
  files["model.safetensors.index.json"] = index.dump(1);
  return files;
}

void SafetensorsWriter::WriteSharded(const std::string& directory, int num_shards) const {
  for (const auto& [name, bytes] : Shards(num_shards))
    WriteFile(absl::StrFormat("%s/%s", directory, name), bytes);
}

}  // namespace octet
