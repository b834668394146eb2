#include "runtime/text/jinja/template.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "runtime/text/jinja/ast.h"
#include "runtime/text/jinja/content.h"
#include "runtime/text/jinja/frame.h"
#include "runtime/text/jinja/interpreter.h"
#include "runtime/text/jinja/parser.h"
#include "runtime/text/jinja/run.h"
#include "runtime/text/jinja/variables.h"

namespace octet::jinja {

struct Program {
  Body body;
  Variables variables;
  bool walks_over_content = false;
};

absl::StatusOr<Template> Template::Parse(std::string_view source) {
  auto program = std::make_unique<Program>();
  auto body = ParseTemplate(source);
  if (!body.ok()) return body.status();
  program->body = *std::move(body);
  auto variables = ResolveVariables(program->body);
  if (!variables.ok()) return variables.status();
  program->variables = *std::move(variables);
  program->walks_over_content = jinja::WalksOverContent(program->body);
  return Template(std::move(program));
}

Template::Template(std::unique_ptr<const Program> program) : program_(std::move(program)) {}
Template::Template(Template&&) noexcept = default;
Template& Template::operator=(Template&&) noexcept = default;
Template::~Template() = default;

absl::StatusOr<RenderedText> Template::Render(
    const std::vector<std::pair<std::string, Value>>& variables, int64_t now) const {
  Run run(now);
  Frames frames(run, variables);
  Interpreter interpreter(run, frames);
  Text text = interpreter.Render(program_->body, program_->variables.layout);
  if (!run.ok()) return run.status();
  return std::move(text).Rendered();
}

bool Template::WalksOverContent() const { return program_->walks_over_content; }

bool Template::Uses(std::string_view variable) const {
  return program_->variables.free.contains(variable);
}

}  // namespace octet::jinja
