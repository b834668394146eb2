// The variables of a scope while a template runs.

#ifndef OCTET_RUNTIME_TEXT_JINJA_FRAME_H_
#define OCTET_RUNTIME_TEXT_JINJA_FRAME_H_

#include <absl/container/flat_hash_map.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/text/jinja_ast.h"
#include "runtime/text/jinja_run.h"

namespace octet {

struct JinjaFrame {
  JinjaFrame* outer = nullptr;
  std::vector<std::optional<JinjaValue>> slots;  // nothing: not assigned
  bool kept = false;                             // a macro may still look at it

  std::optional<JinjaValue>& At(JinjaVariable variable);
};

// The frames of a run. One that a macro was made in lives as long as the run.
class JinjaFrames {
 public:
  JinjaFrames(JinjaRun& run, const std::vector<std::pair<std::string, JinjaValue>>& variables);

  std::unique_ptr<JinjaFrame> Make(const JinjaLayout& layout, JinjaFrame* outer);
  // Gives all variables but parameters the values that they begin with.
  void Begin(JinjaFrame& frame, const JinjaLayout& layout);
  void Leave(std::unique_ptr<JinjaFrame> frame);
  static void Keep(JinjaFrame* frame);

 private:
  std::optional<JinjaValue> Variable(const std::string& name) const;

  JinjaRun& run_;
  absl::flat_hash_map<std::string, JinjaValue> variables_;
  std::vector<std::unique_ptr<JinjaFrame>> kept_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_JINJA_FRAME_H_
