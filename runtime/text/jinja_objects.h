// What values of templates hold.

#ifndef OCTET_RUNTIME_TEXT_JINJA_OBJECTS_H_
#define OCTET_RUNTIME_TEXT_JINJA_OBJECTS_H_

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/text/jinja_error.h"
#include "runtime/text/jinja_value.h"

namespace octet {

struct JinjaStatement;
struct JinjaFrame;
class JinjaRun;

// Prints as nothing, is false and iterates as empty; any other use fails with `message`.
struct JinjaUndefined {
  std::string message;
  JinjaErrorKind kind = JinjaErrorKind::kUndefined;
};

struct JinjaList {
  enum class Kind { kList, kTuple, kGroup };  // a group is groupby's tuple (grouper, list)

  JinjaList(Kind list_kind, std::vector<JinjaValue> list_items);

  Kind kind;
  std::vector<JinjaValue> items;
  int depth = 1;
  bool any_outside = false;
};

// In order of insertion. Keys are none, numbers, strings and tuples of these; 1, 1.0 and true are
// one key.
class JinjaDict {
 public:
  using Item = std::pair<JinjaValue, JinjaValue>;

  static bool MayBeKey(const JinjaValue& key);

  // `key` may be a key. A known one keeps its place and takes the new value.
  void Set(const JinjaValue& key, JinjaValue value);
  // null where there is none, also for what can't be a key.
  const JinjaValue* Find(const JinjaValue& key) const;
  const JinjaValue* Find(std::string_view key) const;

  const std::vector<Item>& items() const { return items_; }
  int depth() const { return depth_; }
  bool any_outside() const { return any_outside_; }

 private:
  std::vector<Item> items_;
  absl::flat_hash_map<std::string, size_t> index_;  // by the key's spelling
  int depth_ = 1;
  bool any_outside_ = false;
};

struct JinjaRange {
  int64_t start = 0, stop = 0, step = 1;

  uint64_t size() const;
  int64_t At(uint64_t index) const;  // below size()
};

struct JinjaView {
  enum class Kind { kKeys, kValues, kItems };

  Kind kind = Kind::kKeys;
  JinjaValue dict;

  JinjaValue At(size_t index) const;
};

// What Python computes when it is asked for is computed before; an error is kept until its item.
struct JinjaIterator {
  explicit JinjaIterator(std::vector<JinjaValue> all);

  std::vector<JinjaValue> items;
  int depth = 1;
  size_t next = 0;
  std::optional<JinjaUndefined> error;  // behind the last item
};

// Belongs to a run.
struct JinjaNamespace {
  JinjaDict attributes;
};

// The variable `loop`. Belongs to a run.
struct JinjaLoop {
  std::vector<JinjaValue> items;
  size_t index0 = 0;
  int depth0 = 0;
  std::optional<JinjaValue> last_changed;     // what changed() was asked for
  const JinjaStatement* recursive = nullptr;  // the statement, where it is marked so
  JinjaFrame* outer = nullptr;                // where that stands
};

struct JinjaArguments {
  std::vector<JinjaValue> positional;
  std::vector<std::pair<std::string, JinjaValue>> named;
};

// `self` is the value before the | of a filter or the dot of a method, or what a test is asked of.
using JinjaFunction = JinjaValue (*)(JinjaRun& run, const JinjaValue& self,
                                     const JinjaArguments& arguments);

// A function, a method with its object, or a macro with the frame that it was made in.
struct JinjaCallable {
  std::string name;
  JinjaFunction function = nullptr;
  JinjaValue self;
  const JinjaStatement* macro = nullptr;
  JinjaFrame* frame = nullptr;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_JINJA_OBJECTS_H_
