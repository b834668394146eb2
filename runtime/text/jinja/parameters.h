// The arguments of a call, by parameter.

#ifndef OCTET_RUNTIME_TEXT_JINJA_PARAMETERS_H_
#define OCTET_RUNTIME_TEXT_JINJA_PARAMETERS_H_

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <vector>

#include "runtime/text/jinja/run.h"
#include "runtime/text/jinja/value.h"

namespace octet::jinja {

// The arguments for the parameters of a library function, assigned by Python's rules; otherwise an
// error. A missing argument has the default that the reader names.
class Parameters {
 public:
  // `names` are in order; a parameter with an empty name takes only a positional argument. The
  // first `required` ones must be given.
  Parameters(Run& run, std::string_view function, const Arguments& arguments,
             std::initializer_list<std::string_view> names, size_t required = 0);

  bool Has(size_t index) const { return index < given_.size() && given_[index] != nullptr; }
  Value Get(size_t index) const { return Has(index) ? *given_[index] : Value(); }

  // Report an error if the argument has another type. None counts as missing for an integer, or for
  // a text that may be none.
  int64_t Integer(size_t index, int64_t otherwise) const;
  bool Truth(size_t index, bool otherwise) const;
  // Returns str() of the argument.
  jinja::Text Text(size_t index, std::string_view otherwise) const;
  // Returns an argument that must be a string.
  const jinja::Text& String(size_t index) const;

 private:
  void Fail(std::string_view message) const;

  Run& run_;
  std::string_view function_;
  std::vector<const Value*> given_;
};

}  // namespace octet::jinja

#endif  // OCTET_RUNTIME_TEXT_JINJA_PARAMETERS_H_
