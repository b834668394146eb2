// The variables of one frame of a template, during their resolution.

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

// The names that a frame's statements read and assign. First report all of them in order; then
// Find() returns the place of each.
class Scope {
 public:
  Scope(Scope* outer, Layout& layout) : outer_(outer), layout_(layout) {}

  // The names that a branch of an if reads and assigns.
  struct Branch {
    absl::flat_hash_map<std::string, Layout::Load> loads;
    absl::flat_hash_set<std::string> stores;
  };

  void Load(const std::string& name);
  void Store(const std::string& name);
  uint32_t Parameter(const std::string& name);  // its slot

  // Call these around each branch. Then call Merge() with all branches of an if, also the empty
  // ones.
  void BeginBranch() { open_.emplace_back(); }
  Branch EndBranch();
  void Merge(std::vector<Branch> branches);

  // Fills the layout. Adds the names of the template's inputs to `free`.
  void Finish(std::set<std::string, std::less<>>& free);
  std::optional<Variable> Find(const std::string& name) const;

 private:
  bool Refers(const std::string& name) const;
  bool Stores(const std::string& name) const;
  // Returns the load of a name that is not always assigned here: from an outer scope, or else of
  // kind `otherwise`.
  Layout::Load FromOutside(const std::string& name, Layout::Load::Kind otherwise) const;
  void Define(const std::string& name, Layout::Load load);

  Scope* outer_;
  Layout& layout_;
  absl::flat_hash_map<std::string, uint32_t> slots_;
  std::vector<Branch> open_ = std::vector<Branch>(1);  // the frame, and nested branches
};

}  // namespace octet::jinja

#endif  // OCTET_RUNTIME_TEXT_JINJA_SCOPE_H_
