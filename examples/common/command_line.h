// CLI11, and options with integer values, for files that declare options. Separate from options.h,
// since CLI11 takes seconds to compile.
#pragma once

#include <CLI/CLI.hpp>

#include <cstdint>
#include <string>

namespace program {

// Accepts an integer in [min, max].
CLI::Validator whole_number(std::uint64_t min, std::uint64_t max);
template <class T>
CLI::Option* add_number(CLI::App& app, const std::string& name, T& target, std::uint64_t min,
                        std::uint64_t max, const std::string& text) {
  return app.add_option(name, target, text)->type_name("N")->transform(whole_number(min, max));
}

}  // namespace program
