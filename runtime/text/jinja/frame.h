// The variables of a scope while a template runs.

#ifndef OCTET_RUNTIME_TEXT_JINJA_FRAME_H_
#define OCTET_RUNTIME_TEXT_JINJA_FRAME_H_

#include <absl/container/flat_hash_map.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/text/jinja/ast.h"
#include "runtime/text/jinja/run.h"

namespace octet::jinja {

struct Frame {
  Frame* outer = nullptr;
  std::vector<std::optional<Value>> slots;  // nullopt if not assigned
  bool kept = false;                        // a macro may still use it

  std::optional<Value>& At(Variable variable);
};

// The frames of a run. A frame in which a macro was made lives as long as the run.
class Frames {
 public:
  Frames(Run& run, const std::vector<std::pair<std::string, Value>>& variables);

  std::unique_ptr<Frame> Make(const Layout& layout, Frame* outer);
  // Sets all variables but parameters to their initial values.
  void Begin(Frame& frame, const Layout& layout);
  void Leave(std::unique_ptr<Frame> frame);
  static void Keep(Frame* frame);

 private:
  std::optional<Value> Variable(const std::string& name) const;

  Run& run_;
  absl::flat_hash_map<std::string, Value> variables_;
  std::vector<std::unique_ptr<Frame>> kept_;
};

}  // namespace octet::jinja

#endif  // OCTET_RUNTIME_TEXT_JINJA_FRAME_H_
