// Arguments of a call, given to parameters.

#ifndef OCTET_RUNTIME_TEXT_JINJA_PARAMETERS_H_
#define OCTET_RUNTIME_TEXT_JINJA_PARAMETERS_H_

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <vector>

#include "runtime/text/jinja/run.h"
#include "runtime/text/jinja/value.h"

namespace octet::jinja {

// What was given to each parameter of a function of the library; by Python's rules, or an error.
// What was not given reads as the default that the reader names.
class Parameters {
 public:
  // `names` in order; an empty one can only be given by its place. The first `required` must be.
  Parameters(Run& run, std::string_view function, const Arguments& arguments,
             std::initializer_list<std::string_view> names, size_t required = 0);

  bool Has(size_t index) const { return index < given_.size() && given_[index] != nullptr; }
  Value Get(size_t index) const { return Has(index) ? *given_[index] : Value(); }

  // Errors where another type was given. None counts as not given for an integer or a text that
  // may be none.
  int64_t Integer(size_t index, int64_t otherwise) const;
  bool Truth(size_t index, bool otherwise) const;
  // str() of what was given.
  jinja::Text Text(size_t index, std::string_view otherwise) const;
  // What must be a string.
  const jinja::Text& String(size_t index) const;

 private:
  void Fail(std::string_view message) const;

  Run& run_;
  std::string_view function_;
  std::vector<const Value*> given_;
};

}  // namespace octet::jinja

#endif  // OCTET_RUNTIME_TEXT_JINJA_PARAMETERS_H_
