#ifndef OCTET_TESTS_SUPPORT_GGUF_WRITER_H_
#define OCTET_TESTS_SUPPORT_GGUF_WRITER_H_

#include <cstdint>
#include <string>
#include <vector>

namespace octet {

// A number as the format has it.
template <typename T>
std::string LittleEndian(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof value);
}

std::string GgufString(const std::string& text);

// Builds GGUF files, with anything in them: a test that wants a broken one says so.
struct GgufWriter {
  struct Tensor {
    std::string name;
    std::vector<uint64_t> dims;  // in the format's order, innermost first
    uint32_t type = 0;
    uint64_t offset = 0;  // from the start of the data
  };

  std::string magic = "GGUF";
  uint32_t version = 3;
  uint64_t alignment = 32;  // of the data; nothing is said of it in the metadata
  uint64_t num_entries = 0;
  std::string metadata;  // the bytes of all entries
  std::vector<Tensor> tensors;
  std::string data;

  // Adds metadata; `value` are its bytes behind the type.
  void Add(const std::string& key, uint32_t type, const std::string& value);
  void AddString(const std::string& key, const std::string& value);
  void AddUint32(const std::string& key, uint32_t value);
  void AddArray(const std::string& key, uint32_t type, uint64_t count, const std::string& elements);

  // Adds a tensor with its bytes behind the others, aligned.
  void AddTensor(const std::string& name, const std::vector<uint64_t>& dims, uint32_t type,
                 const std::string& bytes);

  // What makes a file part `number`, from 0, of `count`.
  void AddSplit(uint16_t number, uint16_t count, int32_t num_tensors);

  std::string Header() const;  // without the padding before the data
  std::string Bytes() const;
};

}  // namespace octet

#endif  // OCTET_TESTS_SUPPORT_GGUF_WRITER_H_
