#include <unroll/nn/ctc.h>
#include <unroll/tensor/reduce.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace unroll::nn {
namespace {

constexpr double kNone = -INFINITY;

double log_add(double a, double b) {
  const double top = std::max(a, b);
  return top == kNone ? top : top + std::log1p(std::exp(std::min(a, b) - top));
}

void check_logits(const char* name, const Sequence& logits, Index blank) {
  check_defined(name, logits.rows);
  check(logits.rows.rank() == 2 && logits.rows.shape()[0] == logits.layout.rows() &&
            logits.rows.shape()[1] >= 1,
        "{}: logits [{}, V], V at least 1, were required: got {}", name, logits.layout.rows(),
        logits.rows.shape());
  check(blank >= 0 && blank < logits.rows.shape()[1], "{}: a blank in [0, {}) was required: got {}",
        name, logits.rows.shape()[1], blank);
  const double top = max(logits.rows.value()).item();  // NaN if any is
  check(top < INFINITY, "{}: logits that are numbers below infinity were required: got {}", name,
        top);
}

// The prefixes of one search. Prefix 0 is empty.
class Search {
 public:
  Search(Index classes, const CTCBeamOptions& o) : classes_(classes), o_(o) {
    prefixes_.push_back({});
    beams_.push_back({.prefix = 0, .blank = 0, .label = kNone});
  }

  // Reads one frame: log probabilities [V].
  void read(const double* log_p) {
    const double limit = o_.cutoff > 0 ? std::log(o_.cutoff) : kNone;
    std::vector<Beam> found;
    for (const Beam& b : beams_) {  // prefixes that stay as they are
      const Prefix& p = prefixes_[b.prefix];
      found.push_back({.prefix = b.prefix,
                       .blank = b.total() + log_p[o_.blank],
                       .label = p.last < 0 ? kNone : b.label + log_p[p.last],
                       .extra = b.extra});
    }
    for (std::size_t i = 0; i < beams_.size(); ++i) {
      const Beam& b = beams_[i];
      for (Index v = 0; v < classes_; ++v) {
        if (v == o_.blank || log_p[v] < limit || log_p[v] == kNone) continue;
        // A repeated label is a new one only after a blank.
        const double p = (v == prefixes_[b.prefix].last ? b.blank : b.total()) + log_p[v];
        if (p == kNone) continue;
        const auto known = children_.find({b.prefix, v});
        const Index beam = known == children_.end() ? -1 : prefixes_[known->second].beam;
        if (beam >= 0) {
          found[static_cast<std::size_t>(beam)].label =
              log_add(found[static_cast<std::size_t>(beam)].label, p);
        } else {
          found.push_back({.prefix = b.prefix,
                           .next = v,
                           .label = p,
                           .extra = b.extra + language_score(b.prefix, v) + o_.label_bonus});
        }
      }
    }
    for (const Beam& b : beams_) prefixes_[b.prefix].beam = -1;
    const auto kept = std::min(found.size(), static_cast<std::size_t>(o_.beams));
    std::stable_sort(found.begin(), found.end(),
                     [](const Beam& a, const Beam& b) { return a.score() > b.score(); });
    found.resize(kept);
    for (std::size_t i = 0; i < kept; ++i) {
      Beam& b = found[i];
      if (b.next >= 0) b.prefix = child(b.prefix, b.next), b.next = -1;
      prefixes_[b.prefix].beam = static_cast<Index>(i);
    }
    beams_ = std::move(found);
  }

  std::vector<CTCDecoded> results() const {
    std::vector<CTCDecoded> out;
    for (const Beam& b : beams_) {
      if (std::ssize(out) == o_.results || b.total() == kNone) break;
      out.push_back({labels(b.prefix), b.total(), b.score()});
    }
    return out;
  }

 private:
  struct Prefix {
    Index parent = -1, last = -1;  // the prefix without its last label, and that label
    Index beam = -1;               // its place among the beams; -1: none
  };
  struct Beam {
    Index prefix;
    Index next = -1;  // a label that follows the prefix; -1: none
    double blank = kNone,
           label = kNone;  // log probability of the alignments that end with blank, or not
    double extra = 0;      // what is added for the score
    double total() const { return log_add(blank, label); }
    double score() const { return total() + extra; }
  };

  Index child(Index parent, Index label) {
    const auto [place, fresh] =
        children_.try_emplace({parent, label}, static_cast<Index>(prefixes_.size()));
    if (fresh) prefixes_.push_back({.parent = parent, .last = label});
    return place->second;
  }
  std::vector<Index> labels(Index prefix) const {
    std::vector<Index> out;
    for (; prefix != 0; prefix = prefixes_[prefix].parent) out.push_back(prefixes_[prefix].last);
    std::reverse(out.begin(), out.end());
    return out;
  }
  double language_score(Index prefix, Index next) {
    if (!o_.language_model) return 0;
    const double score = o_.language_model(labels(prefix), next);
    check(!std::isnan(score) && score < INFINITY,
          "ctc_beam_search: a score of the language model that is a number, or -inf, was required: "
          "got {} for label {}",
          score, next);
    return o_.language_weight * score;
  }

  Index classes_;
  const CTCBeamOptions& o_;
  std::vector<Prefix> prefixes_;
  std::map<std::pair<Index, Index>, Index> children_;
  std::vector<Beam> beams_;
};

}  // namespace

std::vector<std::vector<Index>> ctc_greedy(const Sequence& logits, const CTCGreedyOptions& o) {
  check_logits("ctc_greedy", logits, o.blank);
  const IndexTensor best = argmax(logits.rows.value(), 1);  // [N]
  std::vector<std::vector<Index>> out(static_cast<std::size_t>(logits.size()));
  for (Index b = 0; b < logits.size(); ++b) {
    Index before = o.blank;
    for (Index row : logits.layout.rows_of(b)) {
      if (best[row] != before && best[row] != o.blank) out[b].push_back(best[row]);
      before = best[row];
    }
  }
  return out;
}

std::vector<std::vector<CTCDecoded>> ctc_beam_search(const Sequence& logits,
                                                     const CTCBeamOptions& o) {
  check_logits("ctc_beam_search", logits, o.blank);
  check(o.beams >= 1 && o.results >= 1 && o.results <= o.beams,
        "ctc_beam_search: at least one beam, and results in [1, beams], were required: got {} "
        "beams and {} results",
        o.beams, o.results);
  check(o.cutoff >= 0 && o.cutoff < 1 && std::isfinite(o.language_weight) &&
            std::isfinite(o.label_bonus),
        "ctc_beam_search: a cutoff in [0, 1), a finite language_weight and a finite label_bonus "
        "were required: got {}, {} and {}",
        o.cutoff, o.language_weight, o.label_bonus);
  const Tensor log_p = log_softmax(logits.rows.value().to(f64)).contiguous();  // [N, V]
  const Index classes = log_p.size(1);
  std::vector<std::vector<CTCDecoded>> out;
  for (Index b = 0; b < logits.size(); ++b) {
    Search search(classes, o);
    for (Index row : logits.layout.rows_of(b)) search.read(log_p.data<double>() + row * classes);
    out.push_back(search.results());
  }
  return out;
}

}  // namespace unroll::nn
