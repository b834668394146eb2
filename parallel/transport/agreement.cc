#include "parallel/transport/agreement.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include "kernels/base/check.h"
#include "parallel/transport/collectives.h"

namespace octet {
namespace {

// Separates facts on the wire. It is in no value.
constexpr char kSeparator = '\0';

std::string RankOnHost(const Communicator& comm, int rank) {
  return absl::StrCat("rank ", rank, " on ", comm.hosts()[rank]);
}

std::string WithoutSeparators(std::string text) {
  for (char& c : text) {
    if (c == kSeparator) c = ' ';
  }
  return text;
}

}  // namespace

absl::Status AgreeOnStatus(Communicator& comm, const absl::Status& mine) {
  std::string message;
  if (!mine.ok()) {
    message = absl::StrCat(static_cast<int>(mine.code()), " ", std::string(mine.message()));
  }
  const std::vector<std::string> all = AllGather(comm, {"agreement on errors"}, message);
  for (int r = 0; r < comm.size(); ++r) {
    if (all[r].empty()) continue;
    const auto code = static_cast<absl::StatusCode>(std::stoi(all[r]));
    const std::string text = all[r].substr(all[r].find(' ') + 1);
    return {code, comm.size() == 1 ? text : absl::StrCat(RankOnHost(comm, r), ": ", text)};
  }
  return absl::OkStatus();
}

absl::Status AgreeOnFacts(Communicator& comm, const std::vector<Fact>& mine) {
  std::string values;
  for (const Fact& fact : mine) values += WithoutSeparators(fact.value) + kSeparator;
  const std::vector<std::string> all = AllGather(comm, {"agreement on facts"}, values);
  const std::vector<std::string> first = absl::StrSplit(all[0], kSeparator);
  for (int r = 1; r < comm.size(); ++r) {
    const std::vector<std::string> other = absl::StrSplit(all[r], kSeparator);
    OCTET_CHECK_EQ(other.size(), first.size());
    for (size_t i = 0; i < mine.size(); ++i) {
      if (other[i] == first[i]) continue;
      return absl::FailedPreconditionError(
          absl::StrCat(RankOnHost(comm, r), " differs from ", RankOnHost(comm, 0), " in its ",
                       mine[i].name, ": ", other[i], " against ", first[i]));
    }
  }
  return absl::OkStatus();
}

}  // namespace octet
