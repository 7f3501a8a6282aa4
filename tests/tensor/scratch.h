// A directory that goes with its owner, and the ways in which a file can be bad.
#pragma once

#include "tests/support.h"

#include <unroll/tensor/file.h>

#include <stdlib.h>

#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>

namespace unroll {

class Scratch {
 public:
  Scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "unroll.XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Scratch() { std::filesystem::remove_all(path_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  Index files() const {
    Index n = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(path_)) ++n;
    return n;
  }

 private:
  std::filesystem::path path_;
};

// What loading says of these bytes in a file: it must be a std::runtime_error that names the file,
// or nothing (an empty text).
inline std::string refusal(const std::string& path, const std::string& bytes,
                           const std::function<void(const std::string&)>& load) {
  write_file(path, bytes);
  try {
    load(path);
  } catch (const std::runtime_error& e) {
    const std::string text = e.what();
    CHECK_MESSAGE(text.find(path) != std::string::npos, "the file is not named in: ", text);
    return text;
  }
  return "";
}

// A file cut short anywhere is refused; so are nothing, garbage, a directory and no file at all.
inline void check_refuses_damage(const Scratch& scratch, const std::string& valid,
                                 const std::function<void(const std::string&)>& load) {
  const std::string path = scratch / "damaged";
  CHECK(refusal(path, valid, load).empty());
  for (std::size_t cut = 0; cut < valid.size(); ++cut)
    CHECK_MESSAGE(!refusal(path, valid.substr(0, cut), load).empty(), "cut at ", cut, " of ",
                  valid.size());
  CHECK(!refusal(path, valid + "x", load).empty());
  Generator g(1);
  for (int round = 0; round < 200; ++round) {
    std::string garbage;
    for (Index i = g.below(300); i > 0; --i) garbage += static_cast<char>(g.below(256));
    CHECK(!refusal(path, garbage, load).empty());
  }
  check_says(message_of([&] { load(scratch / "none"); }), "none: cannot be opened: No such file");
  check_says(message_of([&] { load(scratch / "."); }), "a regular file was required");
}

// Damage to single bytes is refused, or gives something whole: never a crash.
inline Index flips_refused(const Scratch& scratch, const std::string& valid, std::size_t end,
                           const std::function<void(const std::string&)>& load) {
  Index refused = 0;
  for (std::size_t at = 0; at < end; ++at)
    for (int bit = 0; bit < 8; ++bit) {
      std::string bytes = valid;
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << bit));
      refused += !refusal(scratch / "flipped", bytes, load).empty();
    }
  return refused;
}

}  // namespace unroll
