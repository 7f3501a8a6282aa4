#include "examples/dna_sequence/motifs.h"

#include <algorithm>

namespace dna {
namespace {

// The unit of log-likelihoods, chosen so that gains are about 1.
constexpr double kUnit = 10;

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

}  // namespace

Motifs::Motifs(const Options& options, const Kmers& kmers,
               const std::optional<Positions>& positions)
    : motif({.in = 4 * kWindow, .out = kPatterns}),
      place({.vocab = kMaxSteps, .dim = kPatterns}),
      gru({.in = kPatterns, .hidden = kHidden, .bidirectional = true}),
      head({.in = 4 * kHidden, .out = options.classes}),
      gain(Tensor::zeros({1, positions ? 2 : 1, 1})),
      bias(Tensor::zeros({options.classes})),
      o_(options),
      kmers_(kmers),
      positions_(positions),
      dropout_matches_({.p = 0.2}),
      dropout_({.p = 0.5}) {
  place.weight.set_value(nn::normal({kMaxSteps, kPatterns}, 0, 0.1));
  head.weight.set_value(Tensor::zeros(head.weight.shape()));
}

void Motifs::start_from(const Calibration& words) {
  Tensor gains = Tensor::zeros(gain.shape());
  gains.set({0, 0, 0}, kUnit * words.sharpness);
  gain.set_value(gains);
  bias.set_value(Tensor::from(words.log_prior, {o_.classes}).to(unroll::f32));
}

Index Motifs::pool_for(Index longest) {
  return std::max<Index>(4, (std::min(longest, kMaxBases) + kMaxSteps - 1) / kMaxSteps);
}

Index Motifs::bases_read(std::size_t length) const {
  return std::min(static_cast<Index>(length), kMaxParts * kMaxBases);
}

Index Motifs::bases_trained(std::size_t length) const {
  return std::min(static_cast<Index>(length), kMaxBases);
}

std::vector<Motifs::Part> Motifs::parts_of(const std::vector<Bases>& sequences,
                                           bool training) const {
  std::vector<Part> out;
  for (Index b = 0; b < static_cast<Index>(sequences.size()); ++b) {
    const auto length = static_cast<Index>(sequences[at(b)].size());
    if (length <= kMaxBases) {
      out.push_back({b, 0, length});
    } else if (training) {  // a random part
      out.push_back({b, unroll::default_generator().below(length - kMaxBases + 1), kMaxBases});
    } else {
      const Index parts = std::min(kMaxParts, (length + kMaxBases - 1) / kMaxBases);
      for (Index p = 0; p < parts; ++p)
        out.push_back({b, (length - kMaxBases) * p / (parts - 1), kMaxBases});
    }
  }
  return out;
}

// The windows as one-hot rows. `pool` neighbours are adjacent, so that max pooling is a maximum
// over an axis. There is one column for each base at each position of a window. Windows extend
// beyond both ends of a part, where the columns are 0.
Tensor Motifs::windows(const std::vector<Bases>& sequences, const std::vector<Part>& parts,
                       const unroll::SequenceLayout& layout) const {
  Tensor out = Tensor::zeros({layout.rows() * o_.pool, 4 * kWindow});  // [S pool, 4 W]
  float* first = out.data<float>();
  for (Index b = 0; b < layout.sequences(); ++b) {
    const Part& part = parts[at(b)];
    const std::uint8_t* bases = sequences[at(part.sequence)].data() + part.begin;
    for (Index i = 0; i < layout.lengths()[at(b)] * o_.pool; ++i) {
      float* row = first + (layout.row(b, i / o_.pool) * o_.pool + i % o_.pool) * 4 * kWindow;
      const Index begin = i - kWindow / 2, low = std::max<Index>(0, -begin),
                  high = std::min(kWindow, part.length - begin);
      for (Index w = low; w < high; ++w)
        if (bases[begin + w] < 4) row[4 * w + bases[begin + w]] = 1;
    }
  }
  return out;
}

Var Motifs::operator()(const std::vector<Bases>& sequences,
                       const std::vector<Index>& counted) const {
  const std::vector<Part> parts = parts_of(sequences, !counted.empty());
  std::vector<Index> steps;
  for (const Part& part : parts) steps.push_back((part.length + o_.pool - 1) / o_.pool);
  const unroll::SequenceLayout layout(steps);
  const Var matches = relu(motif(windows(sequences, parts, layout)));          // [S pool, F]
  Var best = max(reshape(matches, {layout.rows(), o_.pool, kPatterns}), {1});  // [S, F]
  if (o_.aligned) best = best + place(places_of(layout));
  const auto read = gru(nn::Sequence(dropout_matches_(best), layout));  // [S, 2 H]
  const Var known =
      unroll::concat(std::vector<Var>{read.last(), read.sequence.mean()}, 1);  // [P, 4 H]
  Var logits = head(dropout_(known));                                          // [P, C]
  if (parts.size() > sequences.size()) {  // the mean over the parts of each sequence
    std::vector<double> count(sequences.size(), 0);
    for (const Part& part : parts) ++count[at(part.sequence)];
    Tensor share =
        Tensor::zeros({static_cast<Index>(sequences.size()), static_cast<Index>(parts.size())});
    for (std::size_t p = 0; p < parts.size(); ++p)
      share.set({parts[p].sequence, static_cast<Index>(p)}, 1 / count[at(parts[p].sequence)]);
    logits = matmul(share, logits);  // [B, C]
  }
  return logits + by_counts(sequences, counted) + bias;
}

unroll::IndexTensor Motifs::places_of(const unroll::SequenceLayout& layout) {
  std::vector<Index> places;
  for (const Index t : layout.time_of_rows()) places.push_back(std::min(t, kMaxSteps - 1));
  return places;
}

// Centred, which does not change the probabilities.
Var Motifs::by_counts(const std::vector<Bases>& sequences,
                      const std::vector<Index>& counted) const {
  const Index n = static_cast<Index>(sequences.size()), kinds = positions_ ? 2 : 1;
  Tensor found = Tensor::zeros({n, kinds, o_.classes});
  for (Index b = 0; b < n; ++b)
    for (Index kind = 0; kind < kinds; ++kind) {
      const Index own = counted.empty() ? kNew : counted[at(b)];
      const Bases& s = sequences[at(b)];
      // Positions cannot be compared if the length differs from that of the counted sequences.
      if (kind == 1 && static_cast<Index>(s.size()) != positions_->length()) continue;
      const std::vector<double> x =
          kind == 0 ? kmers_.log_likelihoods(s, own) : positions_->log_likelihoods(s, own);
      double mean = 0;
      for (const double v : x) mean += v / static_cast<double>(x.size());
      for (Index c = 0; c < o_.classes; ++c) found.set({b, kind, c}, (x[at(c)] - mean) / kUnit);
    }
  return sum(Var(found) * gain, {1});  // [B, C]
}

}  // namespace dna
