// One rendering of a template: what it has used up, and what went wrong.

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

// The first error stays: after it every function of the engine returns at once, with a value that
// nobody uses. This takes the place of exceptions; who loops asks ok().
class Run {
 public:
  explicit Run(int64_t now) : now_(now) {}

  int64_t now() const { return now_; }
  bool ok() const { return status_.ok(); }
  const absl::Status& status() const { return status_; }

  // The line of the template that messages name.
  void SetLine(int line) { line_ = line; }

  // Returns none, for a function that has to return something.
  Value Fail(ErrorKind kind, std::string_view message);
  Value FailType(std::string_view message) { return Fail(ErrorKind::kType, message); }
  Value FailUnsupported(std::string_view what);
  Value FailUndefined(const Value& undefined);

  // Whether the run may go on after so much more work.
  bool Step(int64_t steps = 1);
  bool Read(size_t bytes) { return Step(1 + static_cast<int64_t>(bytes / 64)); }
  // Before a value of so many bytes is made.
  bool Make(size_t bytes);
  bool MakeText(size_t bytes);
  // Before so many bytes are added to a text that has `size`.
  bool Grow(size_t size, size_t bytes);

  // Values within the limits, or an error. jinja::Text and the like are what values hold.
  Value Text(jinja::Text text);
  Value Text(std::string_view text);
  Value List(std::vector<Value> items);
  Value Tuple(std::vector<Value> items);
  Value Dict(std::shared_ptr<jinja::Dict> dict);
  Value Iterator(std::vector<Value> items);
  Value Namespace(jinja::Dict attributes);
  Value Function(std::string_view name, jinja::Function function, const Value& self = {});

  // Recursion: false, with an error, where it is too deep. Each Enter() is followed by a Leave().
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

// Counts a level of recursion while it lives.
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
