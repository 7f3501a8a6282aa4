#include "examples/dna_sequence/counts.h"

#include <unroll/data/bio/fasta.h>
#include <unroll/tensor/error.h>

#include <algorithm>
#include <cmath>

namespace dna {
namespace {

constexpr Index kBases = unroll::data::kBases;

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

// The k-mers of a sequence as sorted numbers in [0, 4^k).
std::vector<std::uint32_t> words_of(const Bases& s, Index k) {
  const std::uint32_t mask = (std::uint32_t{1} << (2 * k)) - 1;
  std::vector<std::uint32_t> out;
  std::uint32_t word = 0;
  Index known = 0;  // number of bases since the last ambiguous one
  for (const auto base : s) {
    if (base >= 4) {
      known = 0;
      continue;
    }
    word = ((word << 2) | static_cast<std::uint32_t>(base)) & mask;
    if (++known >= k) out.push_back(word);
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

Kmers::Kmers(Index classes, const Options& options)
    : classes_(classes),
      words_(Index{1} << (2 * options.k)),
      o_(options),
      counts_(at(words_ * classes), 0.F) {
  unroll::check(options.k >= 1 && options.k <= 12, "Kmers: k in [1, 12] was required: got {}",
                options.k);
  finish();
}

Kmers::Kmers(const unroll::Tensor& counts, const Options& options)
    : Kmers(counts.shape()[1], options) {
  unroll::check(counts.shape() == unroll::Shape({words_, classes_}),
                "Kmers: counts [{}, {}] were required: got {}", words_, classes_, counts.shape());
  for (Index i = 0; i < counts.numel(); ++i)
    counts_[at(i)] = static_cast<float>(counts.at({i / classes_, i % classes_}));
  finish();
}

unroll::Tensor Kmers::counts() const {
  return unroll::Tensor::from(counts_, unroll::Shape({words_, classes_}));
}

void Kmers::learn(const Examples& e, const std::vector<Index>& which) {
  for (const Index i : which) {
    const Index c = e.labels[at(i)];
    for (const auto w : words_of(e.sequences[at(i)], o_.k)) ++counts_[w * at(classes_) + at(c)];
    if (!o_.both_strands) continue;
    for (const auto w : words_of(other_strand(e.sequences[at(i)]), o_.k))
      ++counts_[w * at(classes_) + at(c)];
  }
  finish();
}

void Kmers::finish() {
  const std::size_t classes = at(classes_), words = at(words_);
  totals_.assign(classes, 0);
  for (std::size_t i = 0; i < counts_.size(); ++i) totals_[i % classes] += counts_[i];
  logs_.resize(counts_.size());
  for (std::size_t first = 0; first < words; first += 4) {  // k-mers that differ in the last base
    for (std::size_t c = 0; c < classes; ++c) {
      double whole = totals_[c] + o_.prior * static_cast<double>(words);
      if (o_.chain) {
        whole = 4 * o_.prior;
        for (std::size_t w = first; w < first + 4; ++w) whole += counts_[w * classes + c];
      }
      for (std::size_t w = first; w < first + 4; ++w)
        logs_[w * classes + c] =
            static_cast<float>(std::log((counts_[w * classes + c] + o_.prior) / whole));
    }
  }
}

std::vector<double> Kmers::log_likelihoods(const Bases& sequence, Index own) const {
  std::vector<std::uint32_t> words = words_of(sequence, o_.k), counted;
  const std::size_t classes = at(classes_), mine = at(own);
  std::vector<double> out(classes, 0);
  const auto run = [](const std::vector<std::uint32_t>& sorted, std::size_t i) {
    std::size_t end = i;
    while (end < sorted.size() && sorted[end] == sorted[i]) ++end;
    return end - i;
  };
  for (std::size_t i = 0; i < words.size();) {
    const std::size_t times = run(words, i);
    const float* row = &logs_[words[i] * classes];
    for (std::size_t c = 0; c < classes; ++c) out[c] += static_cast<double>(times) * row[c];
    i += times;
  }
  if (own == kNew) return out;
  // The same for its own class, without its own counts.
  counted = words;
  if (o_.both_strands) {
    const auto back = words_of(other_strand(sequence), o_.k);
    counted.insert(counted.end(), back.begin(), back.end());
    std::sort(counted.begin(), counted.end());
  }
  const auto added = [&](std::uint32_t first, std::uint32_t last) {  // k-mers in [first, last]
    return static_cast<double>(std::upper_bound(counted.begin(), counted.end(), last) -
                               std::lower_bound(counted.begin(), counted.end(), first));
  };
  out[mine] = 0;
  for (std::size_t i = 0; i < words.size();) {
    const std::size_t times = run(words, i);
    const std::uint32_t w = words[i], first = w / 4 * 4;
    double whole = totals_[mine] - static_cast<double>(counted.size()) +
                   o_.prior * static_cast<double>(words_);
    if (o_.chain) {
      whole = 4 * o_.prior - added(first, first + 3);
      for (std::uint32_t v = first; v < first + 4; ++v) whole += counts_[v * classes + mine];
    }
    const double left = counts_[w * classes + mine] - added(w, w) + o_.prior;
    out[mine] += static_cast<double>(times) * std::log(left / whole);
    i += times;
  }
  return out;
}

Calibration calibrate(const Kmers& kmers, const Examples& e, const std::vector<Index>& which) {
  // An evenly spaced part of the sequences, if all would take too long.
  constexpr double kMaxWork = 4e8;           // additions
  constexpr double kMaxProbabilities = 1e6;  // each is computed some 30 times
  double work = 0;
  for (const Index i : which)
    work += static_cast<double>(e.sequences[at(i)].size()) * static_cast<double>(e.classes.size());
  const double all = static_cast<double>(which.size() * e.classes.size());
  const auto every = static_cast<std::size_t>(
      std::ceil(std::max({1.0, work / kMaxWork, all / kMaxProbabilities})));
  std::vector<std::vector<double>> found;
  std::vector<Index> labels;
  for (std::size_t i = 0; i < which.size(); i += every) {
    labels.push_back(e.labels[at(which[i])]);
    found.push_back(kmers.log_likelihoods(e.sequences[at(which[i])], labels.back()));
  }
  return calibrate(found, labels, log_prior(e, which));
}

Kmers best_kmers(const Examples& e, const std::vector<Index>& which, bool chain,
                 bool both_strands) {
  const Index classes = static_cast<Index>(e.classes.size());
  constexpr double kMaxCounts = 1 << 24;  // entries of a table
  Kmers::Options best;
  double least = 0;
  bool first = true;
  for (Index k = 1; k <= 8; ++k) {
    if (std::pow(4.0, static_cast<double>(k)) * static_cast<double>(classes) > kMaxCounts) break;
    for (const double prior : {1.0, 0.1}) {
      Kmers kmers(classes, {k, chain, prior, both_strands});
      kmers.learn(e, which);
      const double loss = calibrate(kmers, e, which).log_loss;
      if (!first && loss >= least) continue;
      first = false, least = loss, best = kmers.options();
    }
  }
  Kmers out(classes, best);
  out.learn(e, which);
  return out;
}

Positions::Positions(Index classes, Index length)
    : classes_(classes),
      length_(length),
      counts_(at(length * kBases * classes), 0.0),
      members_(at(classes), 0.0) {}

Positions::Positions(const unroll::Tensor& counts)
    : Positions(counts.shape()[2], counts.shape()[0]) {
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    const auto j = static_cast<Index>(i), c = j % classes_;
    counts_[i] = counts.at({j / classes_ / kBases, j / classes_ % kBases, c});
    if (j / classes_ < kBases) members_[at(c)] += counts_[i];  // at the first position
  }
}

unroll::Tensor Positions::counts() const {
  return unroll::Tensor::from(std::vector<float>(counts_.begin(), counts_.end()),
                              unroll::Shape({length_, kBases, classes_}));
}

void Positions::learn(const Examples& e, const std::vector<Index>& which) {
  for (const Index i : which) {
    const Index c = e.labels[at(i)];
    ++members_[at(c)];
    for (Index p = 0; p < length_; ++p)
      ++counts_[at((p * kBases + e.sequences[at(i)][at(p)]) * classes_ + c)];
  }
}

std::vector<double> Positions::log_likelihoods(const Bases& sequence, Index own) const {
  std::vector<double> out(at(classes_), 0);
  for (Index p = 0; p < length_; ++p)
    for (Index c = 0; c < classes_; ++c) {
      const double self = c == own ? 1 : 0;
      out[at(c)] +=
          std::log((counts_[at((p * kBases + sequence[at(p)]) * classes_ + c)] + 1 - self) /
                   (members_[at(c)] + kBases - self));
    }
  return out;
}

}  // namespace dna
