#include "examples/ecg/parts.h"

#include <unroll/data/split.h>
#include <unroll/tensor/error.h>

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

namespace ecg {
namespace {

using unroll::check_io;

Examples picked(const Examples& all, const std::vector<Index>& which) {
  Examples out;
  for (const Index i : which) out.push_back(all[static_cast<std::size_t>(i)]);
  return out;
}

Parts ucr_parts(const Choice& choice, std::uint64_t seed) {
  const std::string& path = choice.ucr[0];
  const Examples all = read_series(path);
  Parts out;
  out.classes = classes_of(all);
  const std::vector<Index> ids = ids_of(all, out.classes, path);
  unroll::Generator random(seed);
  unroll::data::Split split =
      unroll::data::random_split(std::ssize(all), {.train = 0.8, .validation = 0.2}, random, ids);
  // What rounding leaves over trains, and so does a class of which there is only one.
  split.train.insert(split.train.end(), split.test.begin(), split.test.end());
  for (Index c = 0; c < std::ssize(out.classes); ++c) {
    const auto is = [&](Index i) { return ids[static_cast<std::size_t>(i)] == c; };
    if (std::any_of(split.train.begin(), split.train.end(), is)) continue;
    const auto at = std::find_if(split.validation.begin(), split.validation.end(), is);
    split.train.push_back(*at);
    split.validation.erase(at);
  }
  out.train = picked(all, split.train), out.validation = picked(all, split.validation);
  out.test = read_series(choice.ucr[1]);
  out.test_path = choice.ucr[1];
  out.described = fmt::format("A fifth of {} stops the training early.", path);
  check_io(out.classes.size() >= 2 && !out.validation.empty(),
           "{}: at least 2 classes and 5 series were required: got {} and {}", path,
           out.classes.size(), all.size());
  return out;
}

Parts by_record(const std::vector<Examples>& records) {
  const std::size_t n = records.size(), few = std::max<std::size_t>(1, n / 5);
  Parts out;
  for (std::size_t i = 0; i < n; ++i) {
    Examples& part = i + few >= n ? out.test : i + 2 * few >= n ? out.validation : out.train;
    part.insert(part.end(), records[i].begin(), records[i].end());
  }
  out.described = fmt::format(
      "Split by record, in the order given: {} train, {} validate{}, the last {} test{}.",
      n - 2 * few, few, few == 1 ? "s" : "", few, few == 1 ? "s" : "");
  return out;
}

Parts by_time(const std::vector<Examples>& records) {
  Parts out;
  for (const Examples& beats : records) {
    const auto split = unroll::data::chronological_split(std::ssize(beats));
    for (const auto& [from, to] :
         {std::pair(&split.train, &out.train), std::pair(&split.validation, &out.validation),
          std::pair(&split.test, &out.test)}) {
      const Examples some = picked(beats, *from);
      to->insert(to->end(), some.begin(), some.end());
    }
  }
  out.described =
      "Fewer than 3 records cannot be split by patient: the first 60 % of the beats train, 20 % "
      "validate, the last 20 % test, of the same patient.";
  return out;
}

Parts wfdb_parts(const Choice& choice) {
  std::vector<Examples> records;
  for (const std::string& path : choice.wfdb)
    records.push_back(read_beats(path, choice.channel, std::ssize(records)));
  Parts out = records.size() >= 3 ? by_record(records) : by_time(records);
  out.classes = aami_classes();
  out.test_path = choice.wfdb.back();
  const std::size_t there = classes_of(out.train).size();
  check_io(there >= 2 && !out.validation.empty() && !out.test.empty(),
           "--wfdb: beats of at least 2 classes to train on were required: got {}", there);
  return out;
}

}  // namespace

Parts read_parts(const Choice& choice, const program::Options& o, std::uint64_t seed) {
  Parts out = choice.ucr.empty() ? wfdb_parts(choice) : ucr_parts(choice, seed);
  if (!o.test.empty()) {
    out.test = choice.ucr.empty() ? read_beats(o.test, choice.channel) : read_series(o.test);
    out.test_path = o.test;
  }
  return out;
}

}  // namespace ecg
