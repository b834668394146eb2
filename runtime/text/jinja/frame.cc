#include "runtime/text/jinja/frame.h"

#include "runtime/text/jinja/library.h"
#include "runtime/text/jinja/limits.h"

namespace octet::jinja {

std::optional<Value>& Frame::At(Variable variable) {
  Frame* frame = this;
  for (uint32_t i = 0; i < variable.hops; ++i) frame = frame->outer;
  return frame->slots[variable.slot];
}

Frames::Frames(Run& run, const std::vector<std::pair<std::string, Value>>& variables) : run_(run) {
  for (const Entry& entry : Globals()) {
    variables_.emplace(std::string(entry.name), run.Function(entry.name, entry.function));
  }
  for (const auto& [name, value] : variables) variables_[name] = value;
}

std::unique_ptr<Frame> Frames::Make(const Layout& layout, Frame* outer) {
  auto frame = std::make_unique<Frame>();
  frame->outer = outer;
  if (run_.Step(static_cast<int64_t>(layout.slots.size()))) {
    frame->slots.resize(layout.slots.size());
    Begin(*frame, layout);
  }
  return frame;
}

void Frames::Begin(Frame& frame, const Layout& layout) {
  for (size_t i = 0; i < frame.slots.size(); ++i) {
    const Layout::Load& load = layout.slots[i];
    switch (load.kind) {
      case Layout::Load::Kind::kGiven:
        break;
      case Layout::Load::Kind::kOuter:
        frame.slots[i] = frame.outer->At(load.outer);
        break;
      case Layout::Load::Kind::kVariable:
        frame.slots[i] = Variable(load.name);
        break;
      case Layout::Load::Kind::kMissing:
        frame.slots[i] = std::nullopt;
        break;
    }
  }
}

void Frames::Leave(std::unique_ptr<Frame> frame) {
  if (!frame->kept) return;
  if (kept_.size() == kMaxFrames || !run_.Make(frame->slots.size() * sizeof(Value))) {
    run_.Fail(ErrorKind::kLimit, "it makes too many macros in scopes of their own");
  }
  kept_.push_back(std::move(frame));
}

void Frames::Keep(Frame* frame) {
  for (; frame != nullptr && !frame->kept; frame = frame->outer) frame->kept = true;
}

std::optional<Value> Frames::Variable(const std::string& name) const {
  const auto found = variables_.find(name);
  return found == variables_.end() ? std::nullopt : std::optional<Value>(found->second);
}

}  // namespace octet::jinja
