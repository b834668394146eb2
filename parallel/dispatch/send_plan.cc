#include "parallel/dispatch/send_plan.h"

#include <algorithm>
#include <numeric>
#include <span>

namespace octet {
namespace {

constexpr int kNoGroup = -1;

// Numbers items group by group, and keeps their order within a group. Calls place(item, number) for
// each item that has a group. begins: [groups + 1], the number where each group begins, and the
// end.
template <class GroupOf, class Place>
void NumberByGroup(int64_t num_items, int num_groups, GroupOf group_of, Place place,
                   std::vector<int32_t>& begins) {
  begins.assign(num_groups + 1, 0);
  for (int64_t i = 0; i < num_items; ++i) {
    if (group_of(i) != kNoGroup) ++begins[group_of(i)];
  }
  std::exclusive_scan(begins.begin(), begins.end(), begins.begin(), 0);
  for (int64_t i = 0; i < num_items; ++i) {
    if (group_of(i) != kNoGroup) place(i, begins[group_of(i)]++);
  }
  // Each begin has moved to where the next group begins.
  std::shift_right(begins.begin(), begins.end(), 1);
  begins[0] = 0;
}

// Gives each token its row in the message to each other host.
void DivideOverHosts(int topk, int home_host, const HostTopology& topology, SendPlan& plan) {
  const auto num_pairs = std::ssize(plan.owner_of);
  const auto host_of = [&](int64_t i) { return topology.host_of(plan.owner_of[i]); };
  const auto first_on_host = [&](int64_t i) {
    int64_t first = i - i % topk;
    while (host_of(first) != host_of(i)) ++first;
    return first;
  };
  const auto message_of = [&](int64_t i) {
    return host_of(i) == home_host || first_on_host(i) < i ? kNoGroup : host_of(i);
  };
  plan.tokens.resize(num_pairs);
  plan.row_of.resize(num_pairs);
  const auto place = [&](int64_t i, int32_t number) {
    plan.tokens[number] = static_cast<int32_t>(i / topk);
    plan.row_of[i] = number;
  };
  NumberByGroup(num_pairs, topology.num_hosts(), message_of, place, plan.begins);
  plan.tokens.resize(plan.begins.back());
  plan.hosts.clear();
  for (int h = 0; h < topology.num_hosts(); ++h) {
    const int32_t first = plan.begins[h];
    if (first == plan.begins[h + 1]) continue;
    plan.hosts.push_back(
        {.host = h, .first_token = first, .num_tokens = plan.begins[h + 1] - first});
  }
  for (int64_t i = 0; i < num_pairs; ++i) {
    if (host_of(i) == home_host) {
      plan.row_of[i] = static_cast<int32_t>(i / topk);
    } else if (const int64_t first = first_on_host(i); first < i) {
      plan.row_of[i] = plan.row_of[first];
    } else {
      plan.row_of[i] -= plan.begins[host_of(i)];
    }
  }
}

void DivideOverOwners(const Routing& routing, const HostTopology& topology, SendPlan& plan) {
  const auto num_pairs = std::ssize(plan.owner_of);
  plan.pairs.resize(num_pairs);
  plan.slot_of.resize(num_pairs);
  const auto place = [&](int64_t i, int32_t number) {
    plan.pairs[number] = {plan.row_of[i], routing.topk_idx[i], routing.topk_weights[i]};
    plan.slot_of[number] = static_cast<int32_t>(i);
  };
  NumberByGroup(
      num_pairs, topology.num_ranks(),
      [&](int64_t i) { return topology.place_of(plan.owner_of[i]); }, place, plan.begins);
  plan.owners.clear();
  for (int p = 0; p < topology.num_ranks(); ++p) {
    const int32_t first = plan.begins[p];
    if (first == plan.begins[p + 1]) continue;
    plan.owners.push_back({.rank = topology.rank_at(p),
                           .first_pair = first,
                           .num_pairs = plan.begins[p + 1] - first});
  }
}

// Owners lie in the order of their hosts, as the hosts do.
void DivideOwnersOverHosts(int home_host, const HostTopology& topology, SendPlan& plan) {
  const auto set_owners = [&](SendPlan::Host& host) {
    const auto host_of = [&](const OwnerPairs& owner) { return topology.host_of(owner.rank); };
    const auto first = std::ranges::lower_bound(plan.owners, host.host, {}, host_of);
    const auto end = std::ranges::upper_bound(plan.owners, host.host, {}, host_of);
    host.first_owner = static_cast<int32_t>(first - plan.owners.begin());
    host.num_owners = static_cast<int32_t>(end - first);
  };
  plan.own_host = {.host = home_host};
  set_owners(plan.own_host);
  for (SendPlan::Host& host : plan.hosts) set_owners(host);
}

// Returns whether `owner` has all slots of the token whose first pair is `number`.
bool HasWholeToken(const SendPlan& plan, const OwnerPairs& owner, int32_t number, int topk) {
  const int32_t last = number + topk - 1;
  if (last >= owner.first_pair + owner.num_pairs) return false;
  return plan.slot_of[number] % topk == 0 && plan.slot_of[last] == plan.slot_of[number] + topk - 1;
}

void NumberReturns(int topk, SendPlan& plan) {
  plan.return_of.resize(plan.owner_of.size());
  int32_t next = 0;
  for (OwnerPairs& owner : plan.owners) {
    owner.first_return = next;
    const int32_t end = owner.first_pair + owner.num_pairs;
    for (int32_t number = owner.first_pair; number < end;) {
      const int32_t summed = HasWholeToken(plan, owner, number, topk) ? topk : 1;
      for (int32_t i = 0; i < summed; ++i) plan.return_of[plan.slot_of[number++]] = next;
      ++next;
    }
    owner.num_returns = next - owner.first_return;
  }
}

void SumReturns(int topk, SendPlan& plan) {
  plan.combine.Clear();
  for (int64_t first = 0; first < std::ssize(plan.return_of); first += topk) {
    for (int64_t i = first; i < first + topk; ++i) {
      const bool is_summed = i > first && plan.return_of[i] == plan.return_of[first];
      if (!is_summed) plan.combine.Add(plan.return_of[i], 1);
    }
    plan.combine.EndSum();
  }
}

}  // namespace

void SendPlan::Reserve(int64_t num_pairs) {
  owners.reserve(num_pairs);
  pairs.reserve(num_pairs);
  hosts.reserve(num_pairs);
  combine.Reserve(num_pairs);
  for (std::vector<int32_t>* of_pairs : {&tokens, &owner_of, &row_of, &return_of, &slot_of}) {
    of_pairs->reserve(num_pairs);
  }
}

Letter SendPlan::LetterTo(const Host& host) const {
  const auto to = std::span(owners).subspan(host.first_owner, host.num_owners);
  if (to.empty()) return {};
  return Letter::Of(to, &pairs[to.front().first_pair]);
}

Parcel SendPlan::ParcelTo(const Host& host, int home) const {
  const Letter letter = LetterTo(host);
  return {.home = home,
          .host = host.host,
          .num_tokens = host.num_tokens,
          .num_owners = static_cast<int32_t>(letter.owners.size()),
          .num_pairs = static_cast<int32_t>(letter.pairs.size())};
}

SendPlan PlanSend(const Routing& routing, std::span<const int32_t> owner_of, int home,
                  const HostTopology& topology, SendPlan reuse) {
  SendPlan plan = std::move(reuse);
  plan.owner_of.assign(owner_of.begin(), owner_of.end());
  const int home_host = topology.host_of(home);
  DivideOverHosts(routing.topk, home_host, topology, plan);
  DivideOverOwners(routing, topology, plan);
  DivideOwnersOverHosts(home_host, topology, plan);
  NumberReturns(routing.topk, plan);
  SumReturns(routing.topk, plan);
  return plan;
}

}  // namespace octet
