#include "runtime/text/jinja.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "runtime/text/jinja_ast.h"
#include "runtime/text/jinja_content.h"
#include "runtime/text/jinja_frame.h"
#include "runtime/text/jinja_interpreter.h"
#include "runtime/text/jinja_parser.h"
#include "runtime/text/jinja_run.h"
#include "runtime/text/jinja_variables.h"

namespace octet {

struct JinjaProgram {
  JinjaBody body;
  JinjaVariables variables;
  bool walks_over_content = false;
};

absl::StatusOr<JinjaTemplate> JinjaTemplate::Parse(std::string_view source) {
  auto program = std::make_unique<JinjaProgram>();
  auto body = ParseJinja(source);
  if (!body.ok()) return body.status();
  program->body = *std::move(body);
  auto variables = ResolveJinjaVariables(program->body);
  if (!variables.ok()) return variables.status();
  program->variables = *std::move(variables);
  program->walks_over_content = octet::WalksOverContent(program->body);
  return JinjaTemplate(std::move(program));
}

JinjaTemplate::JinjaTemplate(std::unique_ptr<const JinjaProgram> program)
    : program_(std::move(program)) {}
JinjaTemplate::JinjaTemplate(JinjaTemplate&&) noexcept = default;
JinjaTemplate& JinjaTemplate::operator=(JinjaTemplate&&) noexcept = default;
JinjaTemplate::~JinjaTemplate() = default;

absl::StatusOr<RenderedText> JinjaTemplate::Render(
    const std::vector<std::pair<std::string, JinjaValue>>& variables, int64_t now) const {
  JinjaRun run(now);
  JinjaFrames frames(run, variables);
  JinjaInterpreter interpreter(run, frames);
  JinjaText text = interpreter.Render(program_->body, program_->variables.layout);
  if (!run.ok()) return run.status();
  return std::move(text).Rendered();
}

bool JinjaTemplate::WalksOverContent() const { return program_->walks_over_content; }

bool JinjaTemplate::Uses(std::string_view variable) const {
  return program_->variables.free.contains(variable);
}

}  // namespace octet
