#include "tests/support/expected_tensors.h"

#include "kernels/base/check.h"

namespace octet {
namespace {

SafetensorsFile OpenOrDie(FileSystem& files, const std::string& path) {
  absl::StatusOr<SafetensorsFile> file = SafetensorsFile::Open(files, path);
  OCTET_CHECK(file.ok()) << file.status();
  return *std::move(file);
}

}  // namespace

ExpectedTensors::ExpectedTensors(const std::string& path) : file_(OpenOrDie(files_, path)) {}

const SafetensorsTensor* ExpectedTensors::Find(const std::string& name) const {
  for (const SafetensorsTensor& tensor : file_.tensors()) {
    if (tensor.name == name) return &tensor;
  }
  return nullptr;
}

std::vector<uint64_t> ExpectedTensors::Shape(const std::string& name) const {
  const SafetensorsTensor* tensor = Find(name);
  OCTET_CHECK(tensor != nullptr) << name;
  return tensor->shape;
}

template <class T>
std::vector<T> ExpectedTensors::Read(const std::string& name, const std::string& dtype) const {
  const SafetensorsTensor* tensor = Find(name);
  OCTET_CHECK(tensor != nullptr && tensor->dtype == dtype) << name;
  std::vector<T> values(tensor->bytes / sizeof(T));
  const absl::Status status =
      file_.file().Read(tensor->offset, std::as_writable_bytes(std::span(values)));
  OCTET_CHECK(status.ok()) << status;
  return values;
}

std::vector<int32_t> ExpectedTensors::Ints(const std::string& name) const {
  return Read<int32_t>(name, "I32");
}

std::vector<float> ExpectedTensors::Floats(const std::string& name) const {
  return Read<float>(name, "F32");
}

}  // namespace octet
