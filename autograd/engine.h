// The engine of backward: a loop over the entries of a tape, from the last to the first, that calls
// their derivatives and sums the gradients they give. Private to autograd/*.cpp.
#pragma once

#include <unroll/autograd/op.h>
#include <unroll/autograd/tape_state.h>
#include <unroll/tensor/kernels/denormals.h>
#include <unroll/tensor/saved.h>

namespace unroll {

// The gradient of one value, accumulated so far. Tall-skinny products and table rows are collected
// and only summed when the sum is needed.
struct Pending {
  struct Waiting {
    std::vector<Tensor> left, right;  // gradient += sum of left_i^T right_i
    Index product_rows = 0;
    std::vector<IndexTensor> ids;  // gradient[ids_i] += rows_i
    std::vector<Tensor> rows;
    Shape table;
  };

  Var dense;
  std::unique_ptr<Waiting> waiting;

  Waiting& wait() {
    if (!waiting) waiting = std::make_unique<Waiting>();
    return *waiting;
  }
};

// One engine per backward, and a nested one per Cotangents::add_through. A nested engine passes
// gradients of values recorded before its own range to its parent.
class Engine {
 public:
  // Sets whether the tape records, for the lifetime of the object.
  class Recording {
   public:
    Recording(Tape::State& s, bool on) : s_(s), before_(std::exchange(s.recording, on)) {}
    ~Recording() { s_.recording = before_; }
    Recording(const Recording&) = delete;

   private:
    Tape::State& s_;
    bool before_;
  };

  // Marks one backward over a tape as running. A hook or a derivative may start another one, which
  // must not free the entries that this one still needs.
  class Running {
   public:
    Running(Tape::State& s, const char* op, bool retain, bool record)
        : s_(s), recording_(s, record) {
      check(s.running == 0 || retain,
            "{}: {{.retain = true}} was required inside of a hook or a derivative of the same tape",
            op);
      ++s.running;
    }
    ~Running() { --s_.running; }
    Running(const Running&) = delete;

   private:
    Tape::State& s_;
    Recording recording_;
    kernels::FlushDenormals flush_;      // once per backward instead of once per op
    detail::ReadsSaved reads_{nullptr};  // restored, also when a derivative throws
  };

  Engine(Tape::State& s, Engine* parent, const Tape::State::Mark& from, bool retain)
      : s_(s),
        parent_(parent),
        first_slot_(static_cast<std::uint32_t>(from.slots)),
        end_slot_(static_cast<std::uint32_t>(s.slots.size())),
        first_entry_(from.entries),
        began_(detail::next_write_time()),
        oldest_(from.entries < s.entries.size() ? s.entries[from.entries].recorded : began_),
        retain_(retain),
        flow_(parent ? parent->flow_ : GradientFlow::of(s)) {
    pending_.resize(s.slots.size() - from.slots);
  }

  void want(std::uint32_t slot) { wanted_.emplace_back(slot, Var()); }
  void run(std::size_t end_entry);
  Gradients collect();
  Var result(std::uint32_t slot);

  void add(std::uint32_t slot, Var g);
  void add_product(std::uint32_t slot, const Var& a, const Var& g);
  void add_rows(std::uint32_t slot, const IndexTensor& ids, const Var& g, const Shape& table);
  void add_narrow(std::uint32_t slot, int axis, Index start, const Var& g, const Shape& shape);
  void add_through(const std::function<std::vector<Var>(const std::vector<Var>&)>& f,
                   const std::vector<Var>& inputs, std::span<const Var> gradients);
  const char* name() const { return entry_ ? entry_->op->name() : "backward"; }
  Var output(const Tensor& value, std::uint32_t slot) const {
    return Tape::State::var(value, s_.serial, slot);
  }

 private:
  Pending& at(std::uint32_t slot) {
    if (slot & kLeaf) {
      if (parent_) return parent_->at(slot);
      if (leaves_.size() < s_.leaves.size()) leaves_.resize(s_.leaves.size());
      return leaves_[slot & ~kLeaf];
    }
    if (slot >= end_slot_) [[unlikely]]
      refuse_later(slot);
    return slot < first_slot_ ? parent_->at(slot) : pending_[slot - first_slot_];
  }
  [[noreturn]] void refuse_later(std::uint32_t slot) const;
  Var take(std::uint32_t slot);
  void flush_products(Pending& p);
  void call_hooks(std::uint32_t slot, Var& g);
  // Returns g, or a copy of it if its tensor was created before this backward and written to since
  // (possible for a seed or a hook's buffer). Without the copy, readers would report g as a saved
  // value modified in place.
  Var settled(const Var& g) const;
  // Check that a derivative returned the input's shape and dtype, and (with DetectAnomaly) no NaN
  // or infinity.
  void check_shape(std::uint32_t slot, const Shape& shape, DType dtype) const;
  void check_finite(std::uint32_t slot, const Tensor& g) const;
  // Tells gradcheck, if it is active, that the running derivative added g to a slot. Gradients
  // inside a reference function run by add_through are not reported: they are not entries of the
  // tape.
  void note(std::uint32_t slot, const Tensor& g) const {
    if (!flow_) [[likely]]
      return;
    if (parent_) {
      if ((slot & kLeaf) || slot < first_slot_) parent_->note(slot, g);
    } else if (entry_) {
      flow_->gave(entry_index_, slot, g);
    }
  }

  Tape::State& s_;
  Engine* parent_;
  // Slots that may get a gradient now: those recorded before the entry whose derivative is running.
  std::uint32_t first_slot_, end_slot_;
  std::size_t first_entry_;
  std::uint64_t began_, oldest_;  // time this backward began; time its first entry was recorded
  bool retain_;
  GradientFlow* flow_;
  const Tape::Entry* entry_ = nullptr;  // the entry whose derivative is running
  std::size_t entry_index_ = 0;
  std::vector<Pending> pending_, leaves_;
  std::vector<std::pair<std::uint32_t, Var>> wanted_;
};

}  // namespace unroll
