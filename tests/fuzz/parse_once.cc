// Gives one file to a target: parse_once TARGET FILE. What it takes is measured from outside
// (large_inputs_test.py).

#include <google/protobuf/stubs/logging.h>

#include <iostream>

#include "runtime/io/file.h"
#include "tests/fuzz/targets.h"

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: parse_once TARGET FILE\n";
    return 2;
  }
  google::protobuf::SetLogHandler(nullptr);
  octet::PosixFileSystem files;
  octet::fuzz::FindTarget(argv[1])(files.ReadWhole(argv[2]).value());
}
