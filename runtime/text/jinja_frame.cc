#include "runtime/text/jinja_frame.h"

#include "runtime/text/jinja_library.h"
#include "runtime/text/jinja_limits.h"

namespace octet {

std::optional<JinjaValue>& JinjaFrame::At(JinjaVariable variable) {
  JinjaFrame* frame = this;
  for (uint32_t i = 0; i < variable.hops; ++i) frame = frame->outer;
  return frame->slots[variable.slot];
}

JinjaFrames::JinjaFrames(JinjaRun& run,
                         const std::vector<std::pair<std::string, JinjaValue>>& variables)
    : run_(run) {
  for (const JinjaEntry& entry : JinjaGlobals()) {
    variables_.emplace(std::string(entry.name), run.Function(entry.name, entry.function));
  }
  for (const auto& [name, value] : variables) variables_[name] = value;
}

std::unique_ptr<JinjaFrame> JinjaFrames::Make(const JinjaLayout& layout, JinjaFrame* outer) {
  auto frame = std::make_unique<JinjaFrame>();
  frame->outer = outer;
  if (run_.Step(static_cast<int64_t>(layout.slots.size()))) {
    frame->slots.resize(layout.slots.size());
    Begin(*frame, layout);
  }
  return frame;
}

void JinjaFrames::Begin(JinjaFrame& frame, const JinjaLayout& layout) {
  for (size_t i = 0; i < frame.slots.size(); ++i) {
    const JinjaLayout::Load& load = layout.slots[i];
    switch (load.kind) {
      case JinjaLayout::Load::Kind::kGiven:
        break;
      case JinjaLayout::Load::Kind::kOuter:
        frame.slots[i] = frame.outer->At(load.outer);
        break;
      case JinjaLayout::Load::Kind::kVariable:
        frame.slots[i] = Variable(load.name);
        break;
      case JinjaLayout::Load::Kind::kMissing:
        frame.slots[i] = std::nullopt;
        break;
    }
  }
}

void JinjaFrames::Leave(std::unique_ptr<JinjaFrame> frame) {
  if (!frame->kept) return;
  if (kept_.size() == kMaxJinjaFrames || !run_.Make(frame->slots.size() * sizeof(JinjaValue))) {
    run_.Fail(JinjaErrorKind::kLimit, "it makes too many macros in scopes of their own");
  }
  kept_.push_back(std::move(frame));
}

void JinjaFrames::Keep(JinjaFrame* frame) {
  for (; frame != nullptr && !frame->kept; frame = frame->outer) frame->kept = true;
}

std::optional<JinjaValue> JinjaFrames::Variable(const std::string& name) const {
  const auto found = variables_.find(name);
  return found == variables_.end() ? std::nullopt : std::optional<JinjaValue>(found->second);
}

}  // namespace octet
