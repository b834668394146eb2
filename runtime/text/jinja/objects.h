// The objects inside the values of templates.

#ifndef OCTET_RUNTIME_TEXT_JINJA_OBJECTS_H_
#define OCTET_RUNTIME_TEXT_JINJA_OBJECTS_H_

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/text/jinja/error.h"
#include "runtime/text/jinja/value.h"

namespace octet::jinja {

struct Statement;
struct Frame;
class Run;

// An undefined value. It prints as nothing, is false and iterates as empty. Any other use fails
// with `message`.
struct Undefined {
  std::string message;
  ErrorKind kind = ErrorKind::kUndefined;
};

struct List {
  enum class Kind { kList, kTuple, kGroup };  // a group is groupby's tuple (grouper, list)

  List(Kind list_kind, std::vector<Value> list_items);

  Kind kind;
  std::vector<Value> items;
  int depth = 1;
  bool any_outside = false;
};

// A dict in order of insertion. Keys are none, numbers, strings and tuples of these; 1, 1.0 and
// true are one key.
class Dict {
 public:
  using Item = std::pair<Value, Value>;

  static bool MayBeKey(const Value& key);

  // Sets the value of `key`, which must be allowed as a key. A known key keeps its place and takes
  // the new value.
  void Set(const Value& key, Value value);
  // Returns null if there is none, also for a value that cannot be a key.
  const Value* Find(const Value& key) const;
  const Value* Find(std::string_view key) const;

  const std::vector<Item>& items() const { return items_; }
  int depth() const { return depth_; }
  bool any_outside() const { return any_outside_; }

 private:
  std::vector<Item> items_;
  absl::flat_hash_map<std::string, size_t> index_;  // by the key's spelling
  int depth_ = 1;
  bool any_outside_ = false;
};

struct Range {
  int64_t start = 0, stop = 0, step = 1;

  uint64_t size() const;
  int64_t At(uint64_t index) const;  // below size()
};

struct View {
  enum class Kind { kKeys, kValues, kItems };

  Kind kind = Kind::kKeys;
  Value dict;

  Value At(size_t index) const;
};

// An iterator. Python computes its items on demand; here they are computed in advance, and an error
// is kept until its item is requested.
struct Iterator {
  explicit Iterator(std::vector<Value> all);

  std::vector<Value> items;
  int depth = 1;
  size_t next = 0;
  std::optional<Undefined> error;  // after the last item
};

// Belongs to a run.
struct Namespace {
  Dict attributes;
};

// The variable `loop`. Belongs to a run.
struct Loop {
  std::vector<Value> items;
  size_t index0 = 0;
  int depth0 = 0;
  std::optional<Value> last_changed;     // the latest arguments of changed()
  const Statement* recursive = nullptr;  // the statement, if it is marked recursive
  Frame* outer = nullptr;                // the frame of that statement
};

struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

// A function of the library. `self` is the value before the | of a filter or the dot of a method,
// or the operand of a test.
using Function = Value (*)(Run& run, const Value& self, const Arguments& arguments);

// A function, a method with its object, or a macro with the frame that it was made in.
struct Callable {
  std::string name;
  Function function = nullptr;
  Value self;
  const Statement* macro = nullptr;
  Frame* frame = nullptr;
};

}  // namespace octet::jinja

#endif  // OCTET_RUNTIME_TEXT_JINJA_OBJECTS_H_
