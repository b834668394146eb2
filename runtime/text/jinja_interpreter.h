// Carries out a parsed template.

#ifndef OCTET_RUNTIME_TEXT_JINJA_INTERPRETER_H_
#define OCTET_RUNTIME_TEXT_JINJA_INTERPRETER_H_

#include <deque>
#include <memory>
#include <vector>

#include "runtime/text/jinja_ast.h"
#include "runtime/text/jinja_frame.h"
#include "runtime/text/jinja_run.h"
#include "runtime/text/jinja_text.h"

namespace octet {

class JinjaInterpreter {
 public:
  JinjaInterpreter(JinjaRun& run, JinjaFrames& frames) : run_(run), frames_(frames) {}

  // The text that `body` prints; nothing of use after an error of the run.
  JinjaText Render(const JinjaBody& body, const JinjaLayout& layout);

 private:
  enum class Flow { kNext, kBreak, kContinue };

  // Makes a frame the current one while it lives.
  class Scope;

  Flow Execute(const JinjaBody& body);
  Flow Execute(const JinjaStatement& statement);
  Flow ExecuteIf(const JinjaStatement& statement);
  Flow ExecuteWith(const JinjaStatement& statement);
  Flow ExecuteSetBlock(const JinjaStatement& statement);
  Flow ExecuteFilterBlock(const JinjaStatement& statement);
  void ExecuteGeneration(const JinjaStatement& statement);
  void ExecuteCallBlock(const JinjaStatement& statement);
  void Assign(const JinjaExpression& target, JinjaValue value);
  void AssignAttribute(const JinjaExpression& target, const JinjaValue& value);
  void Print(const JinjaValue& value);
  void Print(const JinjaText& text);

  // What `body` prints, as a value of its own.
  Flow Capture(const JinjaBody& body, JinjaText& captured);

  Flow For(const JinjaStatement& statement, std::vector<JinjaValue> items, int depth0);
  std::vector<JinjaValue> Filtered(const JinjaStatement& statement, std::vector<JinjaValue> items);

  JinjaValue Evaluate(const JinjaExpression& expression);
  JinjaValue EvaluateOne(const JinjaExpression& expression);
  JinjaValue EvaluateOperator(const JinjaExpression& expression);
  JinjaValue EvaluateContainer(const JinjaExpression& expression);
  JinjaValue EvaluateName(const JinjaExpression& expression);
  JinjaValue EvaluateConditional(const JinjaExpression& expression);
  JinjaValue EvaluateComparison(const JinjaExpression& expression);
  JinjaValue EvaluateConcatenation(const JinjaExpression& expression);
  JinjaValue EvaluateSlice(const JinjaExpression& expression);
  JinjaValue EvaluateTest(const JinjaExpression& expression);
  // A chain of filters, of which the innermost takes `piped` where it has no operand.
  JinjaValue EvaluateFilter(const JinjaExpression& expression, const JinjaValue& piped);
  std::vector<JinjaValue> EvaluateAll(const std::vector<JinjaExpressionPtr>& expressions);
  JinjaArguments EvaluateArguments(const JinjaExpression& expression);
  void AddArgument(const JinjaArgument& argument, JinjaArguments& arguments);

  JinjaValue Call(const JinjaValue& callee, JinjaArguments arguments);
  JinjaValue CallMacro(const JinjaCallable& macro, JinjaArguments arguments);
  JinjaValue CallLoop(const JinjaLoop& loop, const JinjaArguments& arguments);
  void GiveParameters(const JinjaCallable& macro, JinjaFrame& frame, JinjaArguments& arguments);
  void GiveSpecials(const JinjaCallable& macro, JinjaFrame& frame, JinjaArguments& arguments);
  void GiveDefaults(const JinjaStatement& statement, JinjaFrame& frame);
  JinjaValue MakeMacro(const JinjaStatement& statement);

  JinjaRun& run_;
  JinjaFrames& frames_;
  JinjaFrame* frame_ = nullptr;
  JinjaText* output_ = nullptr;
  std::deque<JinjaLoop> loops_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_JINJA_INTERPRETER_H_
