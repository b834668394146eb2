// octet doctor: the hosts of a job, how fast they are, what is wrong with them and how to mend it.

#ifndef OCTET_LAUNCH_DOCTOR_DOCTOR_H_
#define OCTET_LAUNCH_DOCTOR_DOCTOR_H_

#include <memory>
#include <string>

#include "launch/subcommand.h"
#include "proto/doctor.pb.h"
#include "runtime/io/file.h"

namespace octet {

struct DoctorOptions {
  std::string model;      // empty: none is looked at
  bool read_all = false;  // every byte of the model
  bool quick = false;     // no speeds are measured
  int threads = 0;        // of each rank of the job to come; 0: not known
  std::string links;      // file for their matrices; empty: none
  std::string output_json;
};

// Collective. Gathers the facts of all ranks, and measures. On rank 0 the result is complete, with
// findings; on other ranks it is of no use.
DoctorReport ExamineHosts(Communicator& world, FileSystem& files, const DoctorOptions& options);

// Ends with kFailed if there is a finding of the kind error.
std::unique_ptr<Subcommand> AddDoctor(CommandLine& program);

}  // namespace octet

#endif  // OCTET_LAUNCH_DOCTOR_DOCTOR_H_
