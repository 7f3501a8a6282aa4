// For files that declare options: CLI11, and options that are numbers. Apart from options.h, since
// CLI11 takes seconds to compile.
#pragma once

#include <CLI/CLI.hpp>

#include <cstdint>
#include <string>

namespace program {

// Accepts an integer in [least, most].
CLI::Validator whole_number(std::uint64_t least, std::uint64_t most);
template <class T>
CLI::Option* add_number(CLI::App& app, const std::string& name, T& target, std::uint64_t least,
                        std::uint64_t most, const std::string& text) {
  return app.add_option(name, target, text)->type_name("N")->transform(whole_number(least, most));
}

}  // namespace program
