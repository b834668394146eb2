// The variables of one frame of a template, while they are found out.

#ifndef OCTET_RUNTIME_TEXT_JINJA_SCOPE_H_
#define OCTET_RUNTIME_TEXT_JINJA_SCOPE_H_

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "runtime/text/jinja/ast.h"

namespace octet::jinja {

// Names that a frame's statements read and assign. First they are all told in order, then
// Find() says where each lies.
class Scope {
 public:
  Scope(Scope* outer, Layout& layout) : outer_(outer), layout_(layout) {}

  // What a branch of an if reads and assigns.
  struct Branch {
    absl::flat_hash_map<std::string, Layout::Load> loads;
    absl::flat_hash_set<std::string> stores;
  };

  void Load(const std::string& name);
  void Store(const std::string& name);
  uint32_t Parameter(const std::string& name);  // its slot

  // Around each branch; then Merge() all of an if, also the empty ones.
  void BeginBranch() { open_.emplace_back(); }
  Branch EndBranch();
  void Merge(std::vector<Branch> branches);

  // Fills the layout. Adds the names that the template is given to `free`.
  void Finish(std::set<std::string, std::less<>>& free);
  std::optional<Variable> Find(const std::string& name) const;

 private:
  bool Refers(const std::string& name) const;
  bool Stores(const std::string& name) const;
  // A name that is not always assigned here: from outside, or else of `otherwise`.
  Layout::Load FromOutside(const std::string& name, Layout::Load::Kind otherwise) const;
  void Define(const std::string& name, Layout::Load load);

  Scope* outer_;
  Layout& layout_;
  absl::flat_hash_map<std::string, uint32_t> slots_;
  std::vector<Branch> open_ = std::vector<Branch>(1);  // the frame, and branches in each other
};

}  // namespace octet::jinja

#endif  // OCTET_RUNTIME_TEXT_JINJA_SCOPE_H_
