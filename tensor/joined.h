// Lists of numbers in messages, for if (!ok) fail(...). fmt::join would compile all of fmt's number
// formatting into each file that uses it: 12 to 44 KB.
#pragma once

#include <unroll/tensor/types.h>

#include <span>
#include <string>

namespace unroll::detail {

std::string joined(std::span<const Index> values, const char* separator = ", ");
std::string joined(std::span<const double> values, const char* separator = ", ");

}  // namespace unroll::detail
