// The checks of octet doctor: each adds what it finds in the facts of the ranks.

#ifndef OCTET_LAUNCH_DOCTOR_CHECKS_H_
#define OCTET_LAUNCH_DOCTOR_CHECKS_H_

#include <string>
#include <vector>

#include "proto/doctor.pb.h"

namespace octet {

// The kinds of findings, the worst first.
inline constexpr char kDoctorError[] = "error";
inline constexpr char kDoctorWarning[] = "warning";
inline constexpr char kDoctorNote[] = "note";

// The ranks of a host, ascending; at least one.
struct DoctorHost {
  std::string name;
  std::vector<const RankFacts*> ranks;

  const RankFacts& facts() const { return *ranks.front(); }

  // Returns the bytes per second that all ranks read from memory together.
  double DramRate() const;
};

// Returns the hosts in the order of their first ranks. `report` must outlive the result.
std::vector<DoctorHost> HostsOfReport(const DoctorReport& report);

// What a check finds on a host.
struct Symptom {
  const char* severity;
  const char* check;
  std::string text;  // without the host
  std::string remedy;
};

// The findings so far. Hosts with the same symptom and remedy are one finding, with the text of the
// first.
class FindingList {
 public:
  void Add(const std::string& host, const Symptom& symptom);

  // Adds a finding about the job as a whole.
  void AddForJob(const Symptom& symptom) { Add("", symptom); }

  // Returns the findings, the worst kind first.
  std::vector<DoctorFinding> Sorted() const;

 private:
  std::vector<DoctorFinding> findings_;
};

struct CheckInput {
  const DoctorReport& report;
  const std::vector<DoctorHost>& hosts;
};

void CheckPrograms(const CheckInput& input, FindingList& findings);    // versions
void CheckClocks(const CheckInput& input, FindingList& findings);      // of the hosts
void CheckProcessors(const CheckInput& input, FindingList& findings);  // paths, governors
void CheckCores(const CheckInput& input, FindingList& findings);       // binding
void CheckNuma(const CheckInput& input, FindingList& findings);        // nodes
void CheckMemory(const CheckInput& input, FindingList& findings);      // also huge pages, swap
void CheckLimits(const CheckInput& input, FindingList& findings);      // of processes
void CheckSpace(const CheckInput& input, FindingList& findings);       // of /tmp and /dev/shm
void CheckNetwork(const CheckInput& input, FindingList& findings);     // interfaces
void CheckSpeeds(const CheckInput& input, FindingList& findings);      // links and DRAM
void CheckModel(const CheckInput& input, FindingList& findings);       // its files

}  // namespace octet

#endif  // OCTET_LAUNCH_DOCTOR_CHECKS_H_
