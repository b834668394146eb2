#ifndef OCTET_LAUNCH_INSPECT_TENSOR_TABLE_H_
#define OCTET_LAUNCH_INSPECT_TENSOR_TABLE_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace octet {

// The tensors of a checkpoint as a table, and the sum of their bytes by type below it.
class TensorTable {
 public:
  // `shape` is outermost first; of the file's path only its name is shown.
  void Add(const std::string& name, const std::string& dtype, const std::vector<uint64_t>& shape,
           uint64_t bytes, const std::string& path);

  std::string ToString(size_t num_files) const;

 private:
  std::vector<std::vector<std::string>> rows_ = {{"tensor", "dtype", "shape", "bytes", "file"}};
  std::map<std::string, uint64_t> bytes_of_dtypes_;
  uint64_t bytes_ = 0;
};

}  // namespace octet

#endif  // OCTET_LAUNCH_INSPECT_TENSOR_TABLE_H_
