#include "kernels/cpu/isa.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>

namespace octet {
namespace {

std::string FlagsOfProcessor() {
  std::ifstream cpuinfo("/proc/cpuinfo");
  for (std::string line; std::getline(cpuinfo, line);) {
    if (line.starts_with("flags")) return line + " ";
  }
  return "";
}

TEST(IsaTest, NamesAreParsed) {
  std::istringstream names(IsaNames());
  Isa last = Isa::kAvx2;
  int count = 0;
  for (std::string name; names >> name; ++count) {
    if (name.ends_with(',')) name.pop_back();
    const std::optional<Isa> isa = ParseIsa(name);
    ASSERT_TRUE(isa.has_value()) << name;
    EXPECT_EQ(name, Name(*isa));
    EXPECT_LE(last, *isa);
    last = *isa;
  }
  EXPECT_EQ(last, Isa::kAmx);
  EXPECT_EQ(count, 6);
  EXPECT_FALSE(ParseIsa("avx").has_value());
}

// Linux lists a flag where the processor has the instructions and the system saves the registers.
TEST(IsaTest, SupportedPathsAreThoseThatLinuxLists) {
  const std::string flags = FlagsOfProcessor();
  const std::vector<Isa> supported = SupportedIsas();
  ASSERT_FALSE(supported.empty());
  EXPECT_TRUE(std::ranges::is_sorted(supported));
  for (const Isa isa : {Isa::kAvx2, Isa::kAvxVnni, Isa::kAvx512Vnni, Isa::kAvx512Bf16}) {
    const bool listed = flags.find(std::string(" ") + Name(isa) + " ") != std::string::npos;
    EXPECT_EQ(std::ranges::count(supported, isa), listed ? 1 : 0) << Name(isa);
  }
}

TEST(IsaTest, TheBestOfAllIsInEachList) {
  const std::vector<Isa> desktop = {Isa::kAvx2, Isa::kAvxVnni};
  const std::vector<Isa> server = {Isa::kAvx2, Isa::kAvx512, Isa::kAvx512Vnni};
  EXPECT_EQ(BestCommonIsa({server, server}), Isa::kAvx512Vnni);
  EXPECT_EQ(BestCommonIsa({server, {Isa::kAvx2, Isa::kAvx512}}), Isa::kAvx512);
  EXPECT_EQ(BestCommonIsa({desktop, server}), Isa::kAvx2);
  EXPECT_EQ(BestCommonIsa({desktop, {}}), std::nullopt);
}

}  // namespace
}  // namespace octet
