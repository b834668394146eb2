// Messages between the processes of a communicator of the double of NCCL.

#ifndef OCTET_TESTS_CUDA_EMU_NCCL_MAIL_H_
#define OCTET_TESTS_CUDA_EMU_NCCL_MAIL_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace octet::cuda_emu {

// Files of one directory, which appear whole. Nobody waits here: what is not there is asked for
// again.
class NcclMail {
 public:
  // Returns a new directory for the ranks of one communicator; empty: there can be none.
  static std::string MakeDirectory();

  NcclMail(std::string directory, int rank, int num_ranks)
      : directory_(std::move(directory)), rank_(rank), num_ranks_(num_ranks) {}

  // Tells all ranks a line of this one. The lines of all, by rank, when each has told its own.
  bool Tell(const std::string& line);
  std::optional<std::vector<std::string>> AllTold() const;

  // Puts a message to a rank; false: there is no room. Messages between two ranks have numbers.
  bool Put(int to, int64_t number, std::span<const std::byte> message);
  bool IsTaken(int to, int64_t number) const;

  // Takes a message, if it is there.
  std::optional<std::vector<std::byte>> Take(int from, int64_t number);

  // This rank is done. The last one removes the directory.
  void Leave();

 private:
  std::string PathOf(int from, int to, int64_t number) const;
  bool Write(const std::string& path, std::span<const std::byte> bytes) const;

  std::string directory_;
  int rank_;
  int num_ranks_;
};

}  // namespace octet::cuda_emu

#endif  // OCTET_TESTS_CUDA_EMU_NCCL_MAIL_H_
