// The plans of all ranks together, carried out in this process.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <vector>

#include "parallel/dispatch/expert_plan.h"
#include "parallel/dispatch/replica_choice.h"
#include "parallel/dispatch/send_plan.h"
#include "tests/parallel/dispatch/scaling_experts.h"

namespace octet {
namespace {

struct Case {
  int ranks;
  int ranks_per_host;
  int experts;
  int topk;
  int replicas;  // most of an expert
};

HostTopology Hosts(const Case& c) {
  std::vector<std::string> names;
  for (int r = 0; r < c.ranks; ++r) names.push_back(std::to_string(r / c.ranks_per_host));
  return HostTopology(names);
}

Routing RandomRouting(const Case& c, std::mt19937& random) {
  Routing r = {.num_tokens = static_cast<int64_t>(random() % 12), .topk = c.topk};
  for (int64_t t = 0; t < r.num_tokens; ++t) {
    std::set<int> chosen;
    while (std::ssize(chosen) < c.topk) chosen.insert(static_cast<int>(random() % c.experts));
    std::vector<int> order(chosen.begin(), chosen.end());
    std::shuffle(order.begin(), order.end(), random);
    for (const int e : order) {
      r.topk_idx.push_back(e);
      r.topk_weights.push_back(static_cast<float>(random() % 1000) / 1000);
    }
  }
  return r;
}

// A token's hidden state is one number, and an expert multiplies it.
float Token(int home, int64_t token) { return static_cast<float>(1 + home * 100 + token); }
float Output(int expert, float x) { return x * static_cast<float>(expert + 1); }

float Expected(int home, int64_t token, const Routing& r) {
  float sum = 0;
  for (int64_t i = token * r.topk; i < (token + 1) * r.topk; ++i) {
    const float product = r.topk_weights[i] * Output(r.topk_idx[i], Token(home, token));
    sum = i == token * r.topk ? product : sum + product;
  }
  return sum;
}

float Sum(const RowSums& sums, int64_t result, const std::vector<float>& rows) {
  float sum = 0;
  for (int32_t j = sums.offsets[result]; j < sums.offsets[result + 1]; ++j) {
    const float product = sums.weights[j] * rows[sums.rows[j]];
    sum = j == sums.offsets[result] ? product : sum + product;
  }
  return sum;
}

class ExchangePlanTest : public testing::TestWithParam<Case> {
 protected:
  explicit ExchangePlanTest() : random_(11), topology_(Hosts(GetParam())) {}

  void MakePlans() {
    const Case& c = GetParam();
    placement_ = RandomReplicas(c.experts, c.ranks, c.replicas, random_);
    for (int r = 0; r < c.ranks; ++r) routing_.push_back(RandomRouting(c, random_));
    const auto owner_of = ChooseOwners(*placement_, topology_, ReplicaPolicy::kEven, 0, routing_);
    for (int r = 0; r < c.ranks; ++r) {
      plans_.push_back(PlanSend(routing_[r], owner_of[r], r, topology_));
    }
  }

  // What the rank's experts return to each home, in order.
  std::map<int, std::vector<float>> RunExperts(int rank) const {
    std::vector<float> rows;
    std::vector<IncomingPairs> incoming;
    std::vector<int> homes;  // of the rows that go back
    int32_t num_results = 0;
    for (int home = 0; home < GetParam().ranks; ++home) {
      const SendPlan& plan = plans_[home];
      for (const OwnerPairs& owner : plan.owners) {
        if (owner.rank != rank) continue;
        incoming.push_back(
            {.pairs = std::span(plan.pairs).subspan(owner.first_pair, owner.num_pairs),
             .first_row = static_cast<int32_t>(rows.size()),
             .first_result = num_results});
        num_results += owner.num_returns;
        homes.insert(homes.end(), owner.num_returns, home);
        AddRows(home, topology_.host_of(rank), rows);
      }
    }
    const std::vector<int> local = placement_->LocalExperts(0, rank);
    const ExpertPlan plan = PlanExperts(incoming, local, GetParam().experts, GetParam().topk);
    std::vector<float> outputs;
    for (size_t e = 0; e < local.size(); ++e) {
      for (int32_t i = plan.offsets[e]; i < plan.offsets[e + 1]; ++i) {
        outputs.push_back(Output(local[e], rows[plan.rows[i]]));
      }
    }
    std::map<int, std::vector<float>> returned;
    EXPECT_EQ(plan.returns.num_sums(), num_results);
    for (int32_t j = 0; j < num_results; ++j) {
      EXPECT_EQ(plan.returns.results[j], j);
      returned[homes[j]].push_back(Sum(plan.returns, j, outputs));
    }
    return returned;
  }

  // The tokens of `home`, as its pairs for a host number them.
  void AddRows(int home, int host, std::vector<float>& rows) const {
    if (topology_.host_of(home) == host) {
      for (int64_t t = 0; t < routing_[home].num_tokens; ++t) rows.push_back(Token(home, t));
    }
    for (const SendPlan::Host& h : plans_[home].hosts) {
      if (h.host != host) continue;
      for (int32_t i = 0; i < h.num_tokens; ++i) {
        rows.push_back(Token(home, plans_[home].tokens[h.first_token + i]));
      }
    }
  }

  std::mt19937 random_;
  const HostTopology topology_;
  std::optional<ExpertPlacement> placement_;
  std::vector<Routing> routing_;
  std::vector<SendPlan> plans_;
};

TEST_P(ExchangePlanTest, EveryTokenGetsTheSumOfItsExperts) {
  MakePlans();
  std::vector<std::map<int, std::vector<float>>> returned;
  for (int r = 0; r < GetParam().ranks; ++r) returned.push_back(RunExperts(r));
  for (int home = 0; home < GetParam().ranks; ++home) {
    std::vector<float> room;
    for (const OwnerPairs& owner : plans_[home].owners) {
      const std::vector<float>& rows = returned[owner.rank][home];
      ASSERT_EQ(std::ssize(room), owner.first_return);
      ASSERT_EQ(std::ssize(rows), owner.num_returns);
      room.insert(room.end(), rows.begin(), rows.end());
    }
    ASSERT_EQ(plans_[home].combine.num_sums(), routing_[home].num_tokens);
    for (int64_t t = 0; t < routing_[home].num_tokens; ++t) {
      EXPECT_EQ(Sum(plans_[home].combine, t, room), Expected(home, t, routing_[home]));
    }
  }
}

TEST_P(ExchangePlanTest, ATokenGoesOnceToEachOtherHost) {
  MakePlans();
  for (int home = 0; home < GetParam().ranks; ++home) {
    const SendPlan& plan = plans_[home];
    std::set<std::pair<int, int>> wanted;
    for (size_t i = 0; i < plan.owner_of.size(); ++i) {
      const int owner = plan.owner_of[i];
      const auto ranks = placement_->ranks(0, routing_[home].topk_idx[i]);
      EXPECT_TRUE(std::ranges::binary_search(ranks, owner));
      const int host = topology_.host_of(owner);
      if (host == topology_.host_of(home)) continue;
      wanted.emplace(host, static_cast<int>(i) / GetParam().topk);
    }
    std::set<std::pair<int, int>> sent;
    for (const SendPlan::Host& host : plan.hosts) {
      for (int32_t i = 0; i < host.num_tokens; ++i) {
        EXPECT_TRUE(sent.emplace(host.host, plan.tokens[host.first_token + i]).second);
      }
      for (int32_t i = 0; i < host.num_owners; ++i) {
        EXPECT_EQ(topology_.host_of(plan.owners[host.first_owner + i].rank), host.host);
      }
    }
    EXPECT_EQ(sent, wanted);
  }
}

std::vector<Case> Cases() {
  std::vector<Case> cases;
  for (const int ranks : {1, 2, 3, 5, 8, 12, 64}) {
    for (const int ranks_per_host : {1, 2, 3, 8}) {
      for (const int topk : {1, 2, 3}) {
        cases.push_back({ranks, ranks_per_host, 8, topk, 1 + static_cast<int>(cases.size() % 3)});
      }
    }
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Products, ExchangePlanTest, testing::ValuesIn(Cases()));

}  // namespace
}  // namespace octet
