// From facts about hosts to findings with remedies.

#ifndef OCTET_LAUNCH_DOCTOR_DIAGNOSIS_H_
#define OCTET_LAUNCH_DOCTOR_DIAGNOSIS_H_

#include <string>
#include <vector>

#include "proto/doctor.pb.h"

namespace octet {

// Returns what is wrong by the facts of `report`, the worst first. A function of the facts alone.
// Facts that are not known give no findings.
std::vector<DoctorFinding> Diagnose(const DoctorReport& report);

// Returns "node1", "node1 and node2", "node1 and 4 other hosts"; empty for no host.
std::string NameHosts(const std::vector<std::string>& hosts);

}  // namespace octet

#endif  // OCTET_LAUNCH_DOCTOR_DIAGNOSIS_H_
