#include <unroll/autograd/op.h>
#include <unroll/autograd/tape_state.h>
#include <unroll/tensor/math.h>
#include <unroll/tensor/reduce.h>

namespace unroll {
namespace {

thread_local GradientFlow* t_flow = nullptr;

bool is_some(const Tensor& g) {
  return g.numel() > 0 && sum(equal(g, 0.0)).item() < static_cast<double>(g.numel());
}

}  // namespace

GradientFlow::GradientFlow()
    : tape_(Tape::current()->state_.get()), outer_(std::exchange(t_flow, this)) {}
GradientFlow::~GradientFlow() { t_flow = outer_; }

GradientFlow* GradientFlow::of(const Tape::State& tape) {
  return t_flow && t_flow->tape_ == &tape ? t_flow : nullptr;
}

void GradientFlow::arrived(std::size_t entry, const Tensor& g) {
  Seen& seen = seen_[entry];
  seen.arrived = seen.arrived || is_some(g);
}

void GradientFlow::gave(std::size_t entry, std::uint32_t slot, const Tensor& g) {
  seen_[entry].edges.push_back({slot, is_some(g)});
}

void GradientFlow::mark(const std::vector<Var>& watched, const NamedParams& params,
                        int order) const {
  std::vector<std::uint32_t> leaves;
  for (const Var& v : watched) leaves.push_back(tape_->slot_of(v, "gradcheck"));
  for (const NamedParam& p : params) {
    const auto leaf = tape_->leaf_of_param.find(p.param->id());
    if (leaf != tape_->leaf_of_param.end()) leaves.push_back(leaf->second);
  }
  std::vector<bool> hands_on(tape_->entries.size());
  const auto leads_to_a_leaf = [&](std::uint32_t slot) {
    if (std::find(leaves.begin(), leaves.end(), slot) != leaves.end()) return true;
    return !(slot & kLeaf) && hands_on[tape_->slots[slot].entry];
  };
  for (const auto& [entry, seen] : seen_)  // inputs of an entry are recorded before it
    for (const Edge& edge : seen.edges) {
      if (!seen.arrived || !leads_to_a_leaf(edge.slot)) continue;
      tape_->entries[entry].op->mark_checked(order);
      if (edge.some) hands_on[entry] = true;
    }
}

}  // namespace unroll
