// libFuzzer's side: the program's name says which target it runs. One program for all, as linking
// is most of the build.

#include <google/protobuf/stubs/logging.h>

#include <cstring>

#include "tests/fuzz/targets.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace octet::fuzz {
namespace {

std::string_view name;
Target target = nullptr;

// Mostly keeps the length of its header true, which no mutation would find.
size_t MutateSafetensors(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  uint64_t header = 0;
  if (size >= sizeof(header)) std::memcpy(&header, data, sizeof(header));
  const bool is_whole = size >= sizeof(header) && header <= size - sizeof(header);
  if (!is_whole || seed % 8 == 0) return LLVMFuzzerMutate(data, size, max_size);
  const size_t behind = size - sizeof(header) - header;
  const std::string tensors(data + size - behind, data + size);
  uint8_t* const json = data + sizeof(header);
  header = LLVMFuzzerMutate(json, header, max_size - sizeof(header) - behind);
  std::memcpy(data, &header, sizeof(header));
  std::memcpy(json + header, tensors.data(), behind);
  return sizeof(header) + header + behind;
}

}  // namespace
}  // namespace octet::fuzz

extern "C" int LLVMFuzzerInitialize(int*, char*** argv) {
  using namespace octet::fuzz;
  google::protobuf::SetLogHandler(nullptr);
  name = (*argv)[0];
  name.remove_prefix(name.rfind('/') + 1);
  target = FindTarget(name);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  octet::fuzz::target(std::string(reinterpret_cast<const char*>(data), size));
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  if (octet::fuzz::name != "safetensors") return LLVMFuzzerMutate(data, size, max_size);
  return octet::fuzz::MutateSafetensors(data, size, max_size, seed);
}
