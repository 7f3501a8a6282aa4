// Hash tables that number their elements: one of strings, one of pairs of ids.
#pragma once

#include <unroll/tensor/types.h>

#include <compare>
#include <string>
#include <string_view>
#include <vector>

namespace unroll::data {

// Distinct strings, numbered in the order in which they were added.
class StringIndex {
 public:
  Index size() const { return static_cast<Index>(strings_.size()); }
  // The number of a string. If it is new, add() adds it and find() returns -1.
  Index add(std::string_view text);
  Index find(std::string_view text) const;
  const std::string& operator[](Index number) const {
    return strings_[static_cast<std::size_t>(number)];
  }
  const std::vector<std::string>& strings() const { return strings_; }

 private:
  std::size_t slot(std::string_view text) const;
  void grow();

  std::vector<std::string> strings_;
  std::vector<Index> slots_;  // numbers, -1 where empty; a power of two, at most half full
};

// Distinct pairs of 32-bit ids, numbered likewise.
class PairIndex {
 public:
  struct Pair {
    std::int32_t left, right;
    auto operator<=>(const Pair&) const = default;
  };

  Index size() const { return static_cast<Index>(pairs_.size()); }
  Index add(Pair pair);
  Index find(Pair pair) const;
  const Pair& operator[](Index number) const { return pairs_[static_cast<std::size_t>(number)]; }
  bool operator==(const PairIndex& other) const { return pairs_ == other.pairs_; }

 private:
  std::size_t slot(Pair pair) const;
  void grow();

  std::vector<Pair> pairs_;
  std::vector<Index> slots_;
};

}  // namespace unroll::data
