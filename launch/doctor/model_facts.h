// The files of a model, so that hosts can compare theirs.

#ifndef OCTET_LAUNCH_DOCTOR_MODEL_FACTS_H_
#define OCTET_LAUNCH_DOCTOR_MODEL_FACTS_H_

#include <cstdint>
#include <string>

#include "proto/doctor.pb.h"
#include "runtime/io/file.h"

namespace octet {

// How much of a model is read.
struct ModelReading {
  bool everything = false;                    // else a model of more than `most_bytes` is sampled
  uint64_t most_bytes = uint64_t{512} << 20;  // of all its files
  uint64_t head_bytes = uint64_t{4} << 20;    // of each file, where headers and vocabularies are
  uint64_t num_blocks = 64;                   // of each file, at even distances
};

// Looks at the files of a directory that can belong to a model, or at a GGUF file with its other
// parts. Hashes all of them or, if the model is large, a sample of each. Also tells why octet would
// refuse the model.
ModelFacts ReadModelFacts(FileSystem& files, const std::string& path,
                          const ModelReading& reading = {});

// Returns a hash of all bytes of a file; empty if it can't be read.
std::string HashOfFile(FileSystem& files, const std::string& path);

}  // namespace octet

#endif  // OCTET_LAUNCH_DOCTOR_MODEL_FACTS_H_
