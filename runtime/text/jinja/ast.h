// A parsed template.

#ifndef OCTET_RUNTIME_TEXT_JINJA_AST_H_
#define OCTET_RUNTIME_TEXT_JINJA_AST_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/text/jinja/objects.h"
#include "runtime/text/jinja/value.h"

namespace octet::jinja {

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

// The place of a variable: the frame that is `hops` frames further out, and the slot in it.
struct Variable {
  uint32_t hops = 0;
  uint32_t slot = 0;
};

// An argument of a call, a filter or a test.
struct Argument {
  enum class Kind { kPositional, kNamed, kList, kDict };  // x, name=x, *x, **x

  Kind kind = Kind::kPositional;
  std::string name;
  ExpressionPtr value;
};

struct Expression {
  enum class Kind {
    kConstant,
    kName,
    kNamespaceTarget,  // name.attribute, assigned to; operands: the name
    kAttribute,        // operands: object
    kItem,             // operands: object, index
    kSlice,            // operands: object, start, stop, step, which may be null
    kTuple,
    kList,
    kDict,  // operands: key, value, key, value, …
    kCall,  // operands: the callee
    kFilter,
    kTest,
    kNot,
    kNegative,
    kPositive,
    kAnd,
    kOr,
    kBinary,       // name: the operator
    kConcatenate,  // of two or more operands
    kCompare,      // operands[0] names[0] operands[1] names[1] …
    kConditional,  // operands: condition, then, else (may be null)
  };

  Kind kind = Kind::kConstant;
  int line = 1;
  int height = 1;
  std::string name;                     // of a variable, attribute, filter or test; an operator
  Value value;                          // of a constant
  std::vector<ExpressionPtr> operands;  // a filter's is null in {% filter %} and {% set %}
  std::vector<Argument> arguments;
  std::vector<std::string> names;  // operators of a comparison
  Function function = nullptr;     // of a filter or test; null for one that jinja2 looks up late
  Variable variable;               // of a name
};

// The initial values of a frame's variables.
struct Layout {
  struct Load {
    enum class Kind { kGiven, kOuter, kVariable, kMissing };

    Kind kind = Kind::kMissing;
    Variable outer;    // kOuter: a copy of it; hops from the enclosing frame
    std::string name;  // kVariable: of the template's variables and globals
  };

  std::vector<Load> slots;
};

struct Statement;
using Body = std::vector<std::unique_ptr<Statement>>;

struct Statement {
  enum class Kind {
    kData,         // name: the text
    kPrint,        // subject
    kIf,           // branches, otherwise
    kFor,          // target in subject [if test]
    kSet,          // target = subject
    kSetBlock,     // target, filter (may be null), body
    kMacro,        // name, parameters, defaults, body; target: its variable
    kCallBlock,    // subject: the call; parameters, defaults, body
    kFilterBlock,  // filter, body
    kWith,         // parameters = defaults
    kGeneration,   // body
    kBreak,
    kContinue,
  };

  // Special parameters of macros, which follow the others in the layout.
  struct Special {
    bool used = false;
    uint32_t slot = 0;
  };

  Kind kind = Kind::kData;
  int line = 1;
  Value data;
  std::string name;
  ExpressionPtr target, subject, test, filter;
  std::vector<ExpressionPtr> parameters, defaults;
  Body body, otherwise;
  std::vector<std::unique_ptr<Statement>> branches;  // of an if: subject and body each
  bool recursive = false;
  Layout layout, test_layout, else_layout;
  Special loop, caller, varargs, kwargs;
};

}  // namespace octet::jinja

#endif  // OCTET_RUNTIME_TEXT_JINJA_AST_H_
