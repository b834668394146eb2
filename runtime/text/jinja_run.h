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

#include "runtime/text/jinja_error.h"
#include "runtime/text/jinja_objects.h"
#include "runtime/text/jinja_value.h"

namespace octet {

// The first error stays: after it every function of the engine returns at once, with a value that
// nobody uses. This takes the place of exceptions; who loops asks ok().
class JinjaRun {
 public:
  explicit JinjaRun(int64_t now) : now_(now) {}

  int64_t now() const { return now_; }
  bool ok() const { return status_.ok(); }
  const absl::Status& status() const { return status_; }

  // The line of the template that messages name.
  void SetLine(int line) { line_ = line; }

  // Returns none, for a function that has to return something.
  JinjaValue Fail(JinjaErrorKind kind, std::string_view message);
  JinjaValue FailType(std::string_view message) { return Fail(JinjaErrorKind::kType, message); }
  JinjaValue FailUnsupported(std::string_view what);
  JinjaValue FailUndefined(const JinjaValue& undefined);

  // Whether the run may go on after so much more work.
  bool Step(int64_t steps = 1);
  bool Read(size_t bytes) { return Step(1 + static_cast<int64_t>(bytes / 64)); }
  // Before a value of so many bytes is made.
  bool Make(size_t bytes);
  bool MakeText(size_t bytes);
  // Before so many bytes are added to a text that has `size`.
  bool Grow(size_t size, size_t bytes);

  // Values within the limits, or an error.
  JinjaValue Text(JinjaText text);
  JinjaValue Text(std::string_view text);
  JinjaValue List(std::vector<JinjaValue> items);
  JinjaValue Tuple(std::vector<JinjaValue> items);
  JinjaValue Dict(std::shared_ptr<JinjaDict> dict);
  JinjaValue Iterator(std::vector<JinjaValue> items);
  JinjaValue Namespace(JinjaDict attributes);
  JinjaValue Function(std::string_view name, JinjaFunction function, const JinjaValue& self = {});

  // Recursion: false, with an error, where it is too deep. Each Enter() is followed by a Leave().
  bool Enter();
  void Leave() { --depth_; }

 private:
  JinjaValue OfList(JinjaList::Kind kind, std::vector<JinjaValue> items);
  JinjaValue Checked(JinjaValue value);

  int64_t now_;
  absl::Status status_;
  int line_ = 1;
  int depth_ = 0;
  int64_t steps_ = 0;
  size_t made_ = 0;  // bytes
  std::deque<JinjaNamespace> namespaces_;
};

// Counts a level of recursion while it lives.
class JinjaLevel {
 public:
  explicit JinjaLevel(JinjaRun& run) : run_(run), ok_(run.Enter()) {}
  ~JinjaLevel() { run_.Leave(); }
  JinjaLevel(const JinjaLevel&) = delete;
  JinjaLevel& operator=(const JinjaLevel&) = delete;

  bool ok() const { return ok_; }

 private:
  JinjaRun& run_;
  bool ok_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_JINJA_RUN_H_
