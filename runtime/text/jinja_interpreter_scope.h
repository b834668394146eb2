// The current frame of an interpreter.

#ifndef OCTET_RUNTIME_TEXT_JINJA_INTERPRETER_SCOPE_H_
#define OCTET_RUNTIME_TEXT_JINJA_INTERPRETER_SCOPE_H_

#include <memory>
#include <utility>

#include "runtime/text/jinja_interpreter.h"

namespace octet {

class JinjaInterpreter::Scope {
 public:
  Scope(JinjaInterpreter& interpreter, const JinjaLayout& layout, JinjaFrame* outer)
      : interpreter_(interpreter),
        frame_(interpreter.frames_.Make(layout, outer)),
        before_(std::exchange(interpreter.frame_, frame_.get())) {}
  ~Scope() {
    interpreter_.frame_ = before_;
    interpreter_.frames_.Leave(std::move(frame_));
  }
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

  JinjaFrame& frame() { return *frame_; }

 private:
  JinjaInterpreter& interpreter_;
  std::unique_ptr<JinjaFrame> frame_;
  JinjaFrame* before_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_JINJA_INTERPRETER_SCOPE_H_
