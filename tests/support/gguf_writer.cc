#include "tests/support/gguf_writer.h"

namespace octet {
namespace {

std::string Padded(std::string bytes, uint64_t alignment) {
  bytes.append((alignment - bytes.size() % alignment) % alignment, '\0');
  return bytes;
}

}  // namespace

std::string GgufString(const std::string& text) {
  return LittleEndian<uint64_t>(text.size()) + text;
}

void GgufWriter::Add(const std::string& key, uint32_t type, const std::string& value) {
  metadata += GgufString(key) + LittleEndian(type) + value;
  ++num_entries;
}

void GgufWriter::AddString(const std::string& key, const std::string& value) {
  Add(key, 8, GgufString(value));
}

void GgufWriter::AddUint32(const std::string& key, uint32_t value) {
  Add(key, 4, LittleEndian(value));
}

void GgufWriter::AddArray(const std::string& key, uint32_t type, uint64_t count,
                          const std::string& elements) {
  Add(key, 9, LittleEndian(type) + LittleEndian(count) + elements);
}

void GgufWriter::AddTensor(const std::string& name, const std::vector<uint64_t>& dims,
                           uint32_t type, const std::string& bytes) {
  data = Padded(data, alignment);
  tensors.push_back({name, dims, type, data.size()});
  data += bytes;
}

void GgufWriter::AddSplit(uint16_t number, uint16_t count, int32_t num_tensors) {
  Add("split.no", 2, LittleEndian(number));
  Add("split.count", 2, LittleEndian(count));
  Add("split.tensors.count", 5, LittleEndian(num_tensors));
}

std::string GgufWriter::Header() const {
  std::string header = magic + LittleEndian(version) + LittleEndian<uint64_t>(tensors.size()) +
                       LittleEndian(num_entries) + metadata;
  for (const Tensor& tensor : tensors) {
    header += GgufString(tensor.name) + LittleEndian(static_cast<uint32_t>(tensor.dims.size()));
    for (const uint64_t dim : tensor.dims) header += LittleEndian(dim);
    header += LittleEndian(tensor.type) + LittleEndian(tensor.offset);
  }
  return header;
}

std::string GgufWriter::Bytes() const { return Padded(Header(), alignment) + data; }

}  // namespace octet
