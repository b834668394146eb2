#include "runtime/text/jinja/scope.h"

#include <algorithm>
#include <utility>

namespace octet::jinja {
namespace {

using LoadKind = Layout::Load::Kind;

}  // namespace

void Scope::Load(const std::string& name) {
  if (Refers(name) || (outer_ != nullptr && outer_->Find(name).has_value())) return;
  Define(name, {LoadKind::kVariable, {}, name});
}

void Scope::Store(const std::string& name) {
  open_.back().stores.insert(name);
  if (!Refers(name)) Define(name, FromOutside(name, LoadKind::kMissing));
}

uint32_t Scope::Parameter(const std::string& name) {
  open_.back().stores.insert(name);
  Define(name, {LoadKind::kGiven, {}, name});
  return slots_.at(name);
}

Scope::Branch Scope::EndBranch() {
  Branch branch = std::move(open_.back());
  open_.pop_back();
  return branch;
}

void Scope::Merge(std::vector<Branch> branches) {
  absl::flat_hash_map<std::string, size_t> times;  // that a name is assigned
  for (const Branch& branch : branches) {
    for (const std::string& name : branch.stores) {
      if (!Stores(name)) ++times[name];
    }
  }
  Branch& merged = open_.back();
  for (Branch& branch : branches) {
    for (auto& [name, load] : branch.loads) merged.loads[name] = std::move(load);
    merged.stores.merge(branch.stores);
  }
  for (const auto& [name, count] : times) {
    if (count < branches.size()) merged.loads[name] = FromOutside(name, LoadKind::kVariable);
  }
}

void Scope::Finish(std::set<std::string, std::less<>>& free) {
  layout_.slots.resize(slots_.size());
  for (auto& [name, load] : open_.front().loads) {
    if (load.kind == LoadKind::kVariable) free.insert(name);
    layout_.slots[slots_.at(name)] = std::move(load);
  }
}

std::optional<Variable> Scope::Find(const std::string& name) const {
  uint32_t hops = 0;
  for (const Scope* scope = this; scope != nullptr; scope = scope->outer_, ++hops) {
    const auto slot = scope->slots_.find(name);
    if (slot != scope->slots_.end()) return Variable{hops, slot->second};
  }
  return std::nullopt;
}

bool Scope::Refers(const std::string& name) const {
  return std::any_of(open_.begin(), open_.end(),
                     [&](const Branch& branch) { return branch.loads.contains(name); });
}

bool Scope::Stores(const std::string& name) const {
  return std::any_of(open_.begin(), open_.end(),
                     [&](const Branch& branch) { return branch.stores.contains(name); });
}

Layout::Load Scope::FromOutside(const std::string& name, LoadKind otherwise) const {
  if (outer_ != nullptr) {
    if (const auto found = outer_->Find(name)) return {LoadKind::kOuter, *found, name};
  }
  return {otherwise, {}, name};
}

void Scope::Define(const std::string& name, Layout::Load load) {
  slots_.try_emplace(name, static_cast<uint32_t>(slots_.size()));
  open_.back().loads[name] = std::move(load);
}

}  // namespace octet::jinja
