#include "launch/process/last_resort.h"

#include <absl/strings/str_cat.h>

#include <iostream>
#include <new>
#include <stdexcept>

#include "kernels/base/check.h"
#include "runtime/io/strict_json.h"

namespace octet {
namespace {

void EndJobByException() {
  std::string what = "std::terminate was called";
  try {
    if (const std::exception_ptr exception = std::current_exception()) {
      std::rethrow_exception(exception);
    }
  } catch (const std::exception& exception) {
    what = DescribeException(exception);
  } catch (...) {
    what = "an exception of an unknown type";
  }
  const std::string who = ThreadLabel().empty() ? "octet" : "octet: " + ThreadLabel();
  std::cerr << absl::StrCat(who, ": ", what, "\n") << std::flush;
  EndJob();
}

}  // namespace

std::string DescribeException(const std::exception& exception) {
  if (dynamic_cast<const std::bad_alloc*>(&exception) != nullptr) {
    return "there is not enough memory for this: free some, or make sizes smaller";
  }
  if (dynamic_cast<const std::length_error*>(&exception) != nullptr) {
    return "a size is too large: make sizes smaller";
  }
  return absl::StrCat("ended by an exception: ", Quoted(exception.what()));
}

void EndJobOnUncaughtExceptions() { std::set_terminate(EndJobByException); }

}  // namespace octet
