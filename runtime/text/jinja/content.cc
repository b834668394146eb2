#include "runtime/text/jinja/content.h"

#include <map>
#include <set>
#include <string_view>
#include <vector>

#include "runtime/text/jinja/walk.h"

namespace octet::jinja {
namespace {

using ExpressionKind = Expression::Kind;
using StatementKind = Statement::Kind;

// A variable, or one of its attributes or items if `key` is not empty.
struct Access {
  std::string_view name, key;
};

// Returns the source of an expression's value, also through filters, tests and slices.
Access AccessOf(const Expression* expression) {
  while (expression != nullptr && (expression->kind == ExpressionKind::kFilter ||
                                   expression->kind == ExpressionKind::kTest ||
                                   expression->kind == ExpressionKind::kSlice)) {
    expression = expression->operands[0].get();
  }
  if (expression == nullptr) return {};
  if (expression->kind == ExpressionKind::kName) return {expression->name, ""};
  const bool is_attribute = expression->kind == ExpressionKind::kAttribute;
  if (!is_attribute && expression->kind != ExpressionKind::kItem) return {};
  const Expression& object = *expression->operands[0];
  if (object.kind != ExpressionKind::kName) return {};
  if (is_attribute) return {object.name, expression->name};
  const Expression& index = *expression->operands[1];
  const bool is_text =
      index.kind == ExpressionKind::kConstant && index.value.Is(Value::Kind::kString);
  return is_text ? Access{object.name, index.value.text().view()} : Access{};
}

// A record of which names get their values from which others.
class ContentFinder {
 public:
  explicit ContentFinder(const Body& body) {
    ForEachStatement(body, [&](const Statement& statement) {
      const Access access = AccessOf(statement.subject.get());
      if (access.name.empty()) return;
      if (statement.kind == StatementKind::kSet && access.key.empty()) {
        assigned_[access.name].push_back(statement.target.get());
      } else if (statement.kind == StatementKind::kFor && access.key.empty()) {
        looped_[access.name].push_back(statement.target.get());
      } else if (statement.kind == StatementKind::kFor && access.key == "content") {
        content_looped_.insert(access.name);
      }
    });
  }

  bool Run() {
    std::vector<std::string_view> messages = {"messages"};
    std::set<std::string_view> known = {"messages"};
    for (size_t i = 0; i < messages.size(); ++i) {
      for (const std::string_view name : Names(assigned_[messages[i]])) {
        if (known.insert(name).second) messages.push_back(name);
      }
    }
    bool walks = false;
    for (const std::string_view name : messages) {
      for (const std::string_view item : Names(looped_[name])) {
        walks = walks || content_looped_.contains(item);
      }
    }
    return walks && !takes_apart_;
  }

 private:
  using Targets = std::vector<const Expression*>;

  std::vector<std::string_view> Names(const Targets& targets) {
    std::vector<std::string_view> names;
    for (const Expression* target : targets) {
      if (target->kind == ExpressionKind::kName) {
        names.push_back(target->name);
      } else {
        takes_apart_ = true;
      }
    }
    return names;
  }

  std::map<std::string_view, Targets> assigned_, looped_;  // by the name that values come from
  std::set<std::string_view> content_looped_;              // names whose content is looped over
  bool takes_apart_ = false;
};

}  // namespace

bool WalksOverContent(const Body& body) { return ContentFinder(body).Run(); }

}  // namespace octet::jinja
