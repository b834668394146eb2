// The report of octet doctor as text.

#ifndef OCTET_LAUNCH_DOCTOR_DOCTOR_TEXT_H_
#define OCTET_LAUNCH_DOCTOR_DOCTOR_TEXT_H_

#include <string>

#include "proto/doctor.pb.h"

namespace octet {

// Returns a table of the hosts, what is the same on all of them, the links, and a line for each
// finding: "error  node2: what is wrong; what to do".
std::string FormatDoctorReport(const DoctorReport& report);

// Returns the links as two matrices or, if they join more than 8 ranks, as their least, median and
// most with the worst pairs; empty without links.
std::string FormatLinks(const DoctorReport& report);

// Returns a matrix of the latencies of all links in microseconds, and one of their bandwidths in
// GB/s, as CSV; empty without links.
std::string FormatLinksCsv(const DoctorReport& report);

// Returns "0-2,5" for ascending numbers.
std::string FormatRanges(const std::vector<int>& numbers);

}  // namespace octet

#endif  // OCTET_LAUNCH_DOCTOR_DOCTOR_TEXT_H_
