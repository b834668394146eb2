#ifndef OCTET_RUNTIME_CHECKPOINT_UNUSED_TENSORS_H_
#define OCTET_RUNTIME_CHECKPOINT_UNUSED_TENSORS_H_

#include <map>
#include <string>
#include <vector>

namespace octet {

// The tensors of a file that the model does not use, each with the reason.
class UnusedTensors {
 public:
  void Add(const std::string& name, const std::string& why);

  // Adds the warnings. Of very many tensors with one reason, names only the first ones.
  void Warn(std::vector<std::string>& warnings) const;

 private:
  std::vector<std::string> first_;     // a warning each
  std::map<std::string, int> counts_;  // by reason
};

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_UNUSED_TENSORS_H_
