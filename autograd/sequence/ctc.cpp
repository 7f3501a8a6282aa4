// CTC loss as one fused op. Saved for backward: two values per frame (its log softmax), and the
// forward probabilities alpha, T (2 L + 3) values per sequence.
#include <unroll/autograd/fused.h>
#include <unroll/autograd/ops/loss.h>
#include <unroll/autograd/sequence/ctc.h>
#include <unroll/tensor/kernels/ctc.h>
#include <unroll/tensor/kernels/parallel_rows.h>
#include <unroll/tensor/kernels/rows.h>
#include <unroll/tensor/kernels/scratch.h>
#include <unroll/tensor/reduce.h>

#include <cmath>

namespace unroll {
namespace {

const Op ctc_loss_op{"ctc_loss"};

// The arguments of the op other than the logits.
struct Call {
  SequenceLayout layout;
  std::vector<IndexTensor> rows;     // [B] of [T_b] the rows of each sequence
  std::vector<IndexTensor> symbols;  // [B] of [S_b] blank, label, blank, ..
  std::vector<Index> alpha;          // [B + 1] where each sequence's alpha begins
  bool zero_infinity = false;

  Index sequences() const { return layout.sequences(); }
  bool skips(Index b, Index s) const {
    const IndexTensor& id = symbols[b];
    return s >= 3 && s % 2 == 1 && id[s] != id[s - 2];
  }
  // Calls f(b, kernel arguments) for each sequence on the thread pool.
  template <class T, class F>
  void each(const Tensor& x, const Tensor& top, const Tensor& log_sum, F f) const {
    const T *x_at = x.data<T>(), *top_at = top.data<T>(), *log_sum_at = log_sum.data<T>();
    const Index cells = alpha.back() / sequences() + 1;
    kernels::parallel_runs(
        sequences(), std::max<Index>(1, tuning::kTaskAlphas / cells),
        [&](Index first, Index count) {
          for (Index b = first; b < first + count; ++b) {
            const Index states = symbols[b].numel();
            kernels::Scratch<T> skip(states + 2);
            for (Index s = 0; s < states + 2; ++s)
              skip.get()[s] = s < states && skips(b, s) ? T{0} : static_cast<T>(-INFINITY);
            f(b, kernels::CTC<T>{x_at, top_at, log_sum_at, x.size(1), rows[b].data(),
                                 rows[b].numel(), symbols[b].data(), skip.get(), states});
          }
        });
  }
};

Call checked_call(const Var& x, const SequenceLayout& layout,
                  const std::vector<std::vector<Index>>& targets, const CTCOptions& o) {
  check_defined("ctc_loss", x);
  const Index sequences = layout.sequences();
  check(x.rank() == 2 && x.shape()[0] == layout.rows() && x.shape()[1] >= 1,
        "ctc_loss: logits [{}, V], V at least 1, were required for {} sequences: got {}",
        layout.rows(), sequences, x.shape());
  check(std::ssize(targets) == sequences,
        "ctc_loss: a target for each of {} sequences was required: got {}", sequences,
        targets.size());
  const Index classes = x.shape()[1];
  check(o.blank >= 0 && o.blank < classes, "ctc_loss: a blank in [0, {}) was required: got {}",
        classes, o.blank);
  Call call{layout, {}, {}, {0}, o.zero_infinity};
  for (Index b = 0; b < sequences; ++b) {
    std::vector<Index> symbols{o.blank};
    symbols.reserve(2 * targets[b].size() + 1);
    for (Index label : targets[b]) {
      check(label >= 0 && label < classes && label != o.blank,
            "ctc_loss: labels in [0, {}) other than the blank, {}, were required: got {} in target "
            "{}",
            classes, o.blank, label, b);
      symbols.push_back(label);
      symbols.push_back(o.blank);
    }
    call.rows.push_back(layout.rows_of(b));
    const Index states = std::ssize(symbols), frames = call.rows.back().numel();
    call.alpha.push_back(call.alpha.back() + product_of("ctc_loss", frames, states + 2));
    call.symbols.emplace_back(std::move(symbols));
  }
  return call;
}

struct Saved {
  Tensor top, log_sum;  // [N]
  Tensor alpha;         // see kernels::ctc_forward
  std::vector<bool> fits;
};

FusedOutputs<Saved> forward(const Call& call, const FusedInputs& in) {
  const Tensor x = in[0].contiguous();  // [N, V]
  const LogSumExp lse = logsumexp_parts(x);
  Tensor alpha = Tensor::empty({call.alpha.back()}, x.dtype());
  std::vector<double> log_p(static_cast<std::size_t>(call.sequences()));
  dispatch(x.dtype(), [&]<class T>() {
    T* alpha_at = alpha.data<T>();
    call.each<T>(x, lse.top, lse.log_sum, [&](Index b, const kernels::CTC<T>& c) {
      log_p[b] = kernels::ctc_forward(c, alpha_at + call.alpha[b]);
    });
  });
  std::vector<bool> fits;
  for (double& p : log_p) {
    fits.push_back(p != -INFINITY);
    p = !fits.back() && call.zero_infinity ? 0 : -p;
  }
  return {{Tensor::from(log_p, {call.sequences()}, x.dtype())},
          {lse.top, lse.log_sum, std::move(alpha), std::move(fits)}};
}

// dx_t(v) = g (softmax_t(v) - P(frame t emits v)), and 0 for a target that does not fit.
void backward(const Call& call, const FusedInputs& in, const Saved& saved, FusedGradients g,
              Cotangents& d) {
  const Tensor x = in[0].contiguous(), gradient = g[0].contiguous();
  const Index classes = x.size(1);
  Tensor dx = Tensor::zeros(x.shape(), x.dtype());
  dispatch(x.dtype(), [&]<class T>() {
    const T *g_at = gradient.data<T>(), *alpha_at = saved.alpha.data<T>();
    T* dx_at = dx.data<T>();
    call.each<T>(x, saved.top, saved.log_sum, [&](Index b, const kernels::CTC<T>& c) {
      if (!saved.fits[b]) return;
      for (Index t = 0; t < c.frames; ++t) {
        const Index r = c.rows[t];
        kernels::scaled_softmax_rows<T>(c.logits + r * classes, c.top + r, c.log_sum + r, g_at + b,
                                        dx_at + r * classes, 1, classes);
      }
      kernels::ctc_backward(c, alpha_at + call.alpha[b], g_at[b], dx_at);
    });
  });
  d.add(0, Var(std::move(dx)));
}

// The recursion over alpha in plain ops, one sequence at a time. -kFar stands for -inf, whose
// derivatives would be NaN.
std::vector<Var> reference(const Call& call, const Var& x) {
  constexpr double kFar = 1e30;
  const DType dtype = x.dtype();
  const auto far = [&](Index n) { return Tensor::full({n}, -kFar, dtype); };
  std::vector<Var> losses;
  for (Index b = 0; b < call.sequences(); ++b) {
    const IndexTensor& symbols = call.symbols[b];
    const Index states = symbols.numel(), frames = call.rows[b].numel();
    Tensor no_skip = Tensor::ones({states}, dtype);
    for (Index s = 0; s < states; ++s)
      if (call.skips(b, s)) no_skip.set({s}, 0);
    // [N, V] -> [T, S]
    const Var y = index_select(log_softmax(index_select(x, 0, call.rows[b])), 1, symbols);
    Tensor start = far(states);
    start.set({0}, 0);
    Var alpha = start;  // [S]
    for (Index t = 0; t < frames; ++t) {
      // Each state's value of the previous frame, of one and of two states before.
      const Var padded = concat({far(2), alpha}, 0);  // [S + 2]
      const Var ways = stack({alpha, narrow(padded, 0, 1, states),
                              masked_fill(narrow(padded, 0, 0, states), no_skip, -kFar)},
                             0);                                           // [3, S]
      alpha = logsumexp(ways, 0) + reshape(narrow(y, 0, t, 1), {states});  // [S]
    }
    const Index ends = std::min<Index>(states, 2);
    const Var log_p = logsumexp(narrow(alpha, 0, states - ends, ends), 0);
    losses.push_back(log_p.item() > -kFar / 2 || std::isnan(log_p.item())
                         ? -log_p
                         : log_p * 0.0 + (call.zero_infinity ? 0 : INFINITY));
  }
  return {stack(losses, 0)};  // [B]
}

}  // namespace

Var ctc_loss(const In& logits, const SequenceLayout& layout,
             const std::vector<std::vector<Index>>& targets, const CTCOptions& o) {
  const Caller caller(logits.where());
  const Call call = checked_call(*logits, layout, targets, o);
  const Var losses = fused(
                         ctc_loss_op, {*logits}, logits.where(),
                         [&](const FusedInputs& in) { return forward(call, in); },
                         [call](const FusedInputs& in, const Saved& saved, FusedGradients g,
                                Cotangents& d) { backward(call, in, saved, g, d); },
                         [call](const std::vector<Var>& in) { return reference(call, in[0]); })
                         .front();  // [B]
  if (o.reduction != Reduction::mean) return detail::reduced("ctc_loss", losses, o.reduction);
  std::vector<double> lengths;
  for (const auto& target : targets)
    lengths.push_back(static_cast<double>(std::max<std::size_t>(1, target.size())));
  return mean(losses / Tensor::from(lengths, {layout.sequences()}, logits->dtype()));
}

}  // namespace unroll
