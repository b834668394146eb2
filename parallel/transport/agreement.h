// What all ranks must agree on before the first step.

#ifndef OCTET_PARALLEL_TRANSPORT_AGREEMENT_H_
#define OCTET_PARALLEL_TRANSPORT_AGREEMENT_H_

#include <absl/status/status.h>

#include <string>
#include <vector>

#include "parallel/transport/communicator.h"

namespace octet {

// Collective: OK when it is OK on every rank; otherwise, on every rank, the error of the lowest
// rank that has one, which is named with its host when there are several ranks.
absl::Status AgreeOnStatus(Communicator& comm, const absl::Status& mine);

// Something that must be the same everywhere, as a person would name it and as text.
struct Fact {
  std::string name;
  std::string value;
};

// Collective: OK when every rank gave the same facts; otherwise, on every rank, who differs from
// rank 0 in what. All ranks give the same names in the same order.
absl::Status AgreeOnFacts(Communicator& comm, const std::vector<Fact>& mine);

}  // namespace octet

#endif  // OCTET_PARALLEL_TRANSPORT_AGREEMENT_H_
