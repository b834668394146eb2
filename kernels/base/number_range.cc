#include "kernels/base/number_range.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <charconv>
#include <type_traits>

namespace octet {

template <class T>
std::optional<T> NumberRange<T>::Parse(std::string_view text) const {
  T value = 0;
  const char* end = text.data() + text.size();
  const auto [next, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || next != end || !Contains(value)) return std::nullopt;
  return value;
}

template <class T>
std::string NumberRange<T>::Limits() const {
  if constexpr (std::is_floating_point_v<T>) return absl::StrFormat("%.15g to %.15g", least, most);
  return absl::StrCat(least, " to ", most);
}

template <class T>
std::string NumberRange<T>::Rule() const {
  return absl::StrCat("must be a ", std::is_floating_point_v<T> ? "number" : "whole number",
                      " from ", Limits());
}

template struct NumberRange<int>;
template struct NumberRange<long>;
template struct NumberRange<unsigned long>;
template struct NumberRange<double>;

}  // namespace octet
