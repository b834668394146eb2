// One rendering of a template: the resources that it has used, and its error.

#ifndef OCTET_RUNTIME_TEXT_JINJA_RUN_H_
#define OCTET_RUNTIME_TEXT_JINJA_RUN_H_

#include <absl/status/status.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/text/jinja/error.h"
#include "runtime/text/jinja/objects.h"
#include "runtime/text/jinja/value.h"

namespace octet::jinja {

// The state of one rendering. The first error stays: after it every function of the engine returns
// at once, with a value that no caller uses. This replaces exceptions; loops check ok().
class Run {
 public:
  explicit Run(int64_t now) : now_(now) {}

  int64_t now() const { return now_; }
  bool ok() const { return status_.ok(); }
  const absl::Status& status() const { return status_; }

  // Sets the line of the template that messages name.
  void SetLine(int line) { line_ = line; }

  // Records the error. Returns none, for a function that must return something.
  Value Fail(ErrorKind kind, std::string_view message);
  Value FailType(std::string_view message) { return Fail(ErrorKind::kType, message); }
  Value FailUnsupported(std::string_view what);
  Value FailUndefined(const Value& undefined);

  // Counts `steps` more steps, and returns whether the run may go on.
  bool Step(int64_t steps = 1);
  bool Read(size_t bytes) { return Step(1 + static_cast<int64_t>(bytes / 64)); }
  // Counts `bytes` before a value of this size is made.
  bool Make(size_t bytes);
  bool MakeText(size_t bytes);
  // Counts `bytes` before they are added to a text of `size` bytes.
  bool Grow(size_t size, size_t bytes);

  // Make values within the limits, or report an error. jinja::Text and the like are the contents of
  // values.
  Value Text(jinja::Text text);
  Value Text(std::string_view text);
  Value List(std::vector<Value> items);
  Value Tuple(std::vector<Value> items);
  Value Dict(std::shared_ptr<jinja::Dict> dict);
  Value Iterator(std::vector<Value> items);
  Value Namespace(jinja::Dict attributes);
  Value Function(std::string_view name, jinja::Function function, const Value& self = {});

  // Enters a level of recursion. Returns false, with an error, if it is too deep. Call Leave()
  // after each Enter().
  bool Enter();
  void Leave() { --depth_; }

 private:
  Value OfList(jinja::List::Kind kind, std::vector<Value> items);
  Value Checked(Value value);

  int64_t now_;
  absl::Status status_;
  int line_ = 1;
  int depth_ = 0;
  int64_t steps_ = 0;
  size_t made_ = 0;  // bytes
  std::deque<jinja::Namespace> namespaces_;
};

// A level of recursion, counted while it lives.
class Level {
 public:
  explicit Level(Run& run) : run_(run), ok_(run.Enter()) {}
  ~Level() { run_.Leave(); }
  Level(const Level&) = delete;
  Level& operator=(const Level&) = delete;

  bool ok() const { return ok_; }

 private:
  Run& run_;
  bool ok_;
};

}  // namespace octet::jinja

#endif  // OCTET_RUNTIME_TEXT_JINJA_RUN_H_
