// The interpreter of a parsed template.

#ifndef OCTET_RUNTIME_TEXT_JINJA_INTERPRETER_H_
#define OCTET_RUNTIME_TEXT_JINJA_INTERPRETER_H_

#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "runtime/text/jinja/ast.h"
#include "runtime/text/jinja/frame.h"
#include "runtime/text/jinja/run.h"
#include "runtime/text/jinja/text.h"

namespace octet::jinja {

class Interpreter {
 public:
  Interpreter(Run& run, Frames& frames) : run_(run), frames_(frames) {}

  // Returns the text that `body` prints. After an error of the run, the text has no meaning.
  Text Render(const Body& body, const Layout& layout);

 private:
  enum class Flow { kNext, kBreak, kContinue };

  class Scope;

  Flow Execute(const Body& body);
  Flow Execute(const Statement& statement);
  Flow ExecuteIf(const Statement& statement);
  Flow ExecuteWith(const Statement& statement);
  Flow ExecuteSetBlock(const Statement& statement);
  Flow ExecuteFilterBlock(const Statement& statement);
  void ExecuteGeneration(const Statement& statement);
  void ExecuteCallBlock(const Statement& statement);
  void Assign(const Expression& target, Value value);
  void AssignAttribute(const Expression& target, const Value& value);
  void Print(const Value& value);
  void Print(const Text& text);

  // Captures the text that `body` prints.
  Flow Capture(const Body& body, Text& captured);

  Flow For(const Statement& statement, std::vector<Value> items, int depth0);
  std::vector<Value> Filtered(const Statement& statement, std::vector<Value> items);

  Value Evaluate(const Expression& expression);
  Value EvaluateOne(const Expression& expression);
  Value EvaluateOperator(const Expression& expression);
  Value EvaluateContainer(const Expression& expression);
  Value EvaluateName(const Expression& expression);
  Value EvaluateConditional(const Expression& expression);
  Value EvaluateComparison(const Expression& expression);
  Value EvaluateConcatenation(const Expression& expression);
  Value EvaluateSlice(const Expression& expression);
  Value EvaluateTest(const Expression& expression);
  // Evaluates a chain of filters. The innermost takes `piped` if it has no operand.
  Value EvaluateFilter(const Expression& expression, const Value& piped);
  std::vector<Value> EvaluateAll(const std::vector<ExpressionPtr>& expressions);
  Arguments EvaluateArguments(const Expression& expression);
  void AddArgument(const Argument& argument, Arguments& arguments);

  Value Call(const Value& callee, Arguments arguments);
  Value CallMacro(const Callable& macro, Arguments arguments);
  Value CallLoop(const Loop& loop, const Arguments& arguments);
  void GiveParameters(const Callable& macro, Frame& frame, Arguments& arguments);
  void GiveSpecials(const Callable& macro, Frame& frame, Arguments& arguments);
  void GiveDefaults(const Statement& statement, Frame& frame);
  Value MakeMacro(const Statement& statement);

  Run& run_;
  Frames& frames_;
  Frame* frame_ = nullptr;
  Text* output_ = nullptr;
  std::deque<Loop> loops_;
};

// A scope whose frame is the current one while it lives.
class Interpreter::Scope {
 public:
  Scope(Interpreter& interpreter, const Layout& layout, Frame* outer)
      : interpreter_(interpreter),
        frame_(interpreter.frames_.Make(layout, outer)),
        before_(std::exchange(interpreter.frame_, frame_.get())) {}
  ~Scope() {
    interpreter_.frame_ = before_;
    interpreter_.frames_.Leave(std::move(frame_));
  }
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

  Frame& frame() { return *frame_; }

 private:
  Interpreter& interpreter_;
  std::unique_ptr<Frame> frame_;
  Frame* before_;
};

}  // namespace octet::jinja

#endif  // OCTET_RUNTIME_TEXT_JINJA_INTERPRETER_H_
