// The internals of a tape: entries, slots and leaves. Private to autograd/.
#pragma once

#include <unroll/autograd/op.h>
#include <unroll/autograd/tape.h>
#include <unroll/tensor/memory.h>

#include <algorithm>
#include <array>
#include <map>
#include <unordered_map>

namespace unroll {

// A slot identifies a value on the tape. Outputs of entries are numbered in order; leaves are
// numbered separately, with the top bit set.
inline constexpr std::uint32_t kLeaf = std::uint32_t{1} << 31;
inline constexpr std::uint32_t kNoSlot = ~std::uint32_t{0};

// Whether DetectAnomaly is on; whether a tensor holds a NaN; and the text for a line of code,
// preceded by the line of the caller if there is one.
bool detecting_anomaly();
bool has_nan(const Tensor& x);
std::string place(Where where, Where caller = {});

// Allocates closures one after another in chunks, and frees them all at once.
class Arena {
 public:
  struct Mark {
    std::size_t chunk = 0, used = 0;
  };

  ~Arena() { clear(); }
  void* take(std::size_t bytes) {
    bytes = (bytes + 15) / 16 * 16;
    if (at_.chunk == chunks_.size() || at_.used + bytes > kChunk) {
      if (at_.chunk < chunks_.size()) ++at_.chunk;
      if (at_.chunk == chunks_.size()) chunks_.push_back(memory::allocate(kChunk));
      at_.used = 0;
    }
    void* out = static_cast<std::byte*>(chunks_[at_.chunk]) + at_.used;
    at_.used += bytes;
    return out;
  }
  Mark mark() const { return at_; }
  void release(Mark mark) { at_ = mark; }
  // The first chunk is allocated with the tape, so that ops do not have to check for it.
  void begin() {
    if (chunks_.empty()) chunks_.push_back(memory::allocate(kChunk));
  }
  // Returns the chunks to the allocator, which caches them for the next tape.
  void clear() {
    for (void* chunk : chunks_) memory::deallocate(chunk, kChunk);
    chunks_.clear();
    at_ = {};
  }

 private:
  static constexpr std::size_t kChunk = kLargestClosure;
  std::vector<void*> chunks_;
  Mark at_;
};

struct Tape::Entry {  // one cache line
  const Op* op;
  const Recorder::Calls* calls = nullptr;  // nullptr after use
  void* closure = nullptr;
  Where where;
  std::uint64_t recorded = 0;  // time of recording, on the clock of tensor/saved.h
  std::uint32_t first_input, inputs;
  std::uint32_t first_output, outputs;

  void free() {
    if (calls) calls->destroy(closure);
    calls = nullptr;
  }
};

struct Tape::State {
  struct Slot {
    std::uint32_t dims;  // index of its first size
    std::uint8_t rank;
    DType dtype;
    std::uint32_t entry;  // the entry that produced it
  };
  struct Leaf {
    std::uint64_t id;
    Shape shape;
    DType dtype;
    std::shared_ptr<const ParamState> param;  // null for a watched value
  };
  struct Mark {
    std::size_t entries, inputs, slots, dims;
    Arena::Mark arena;
  };

  std::uint64_t serial = 0;
  Tape* previous = nullptr;
  bool recording = true;
  int running = 0;  // number of running backwards
  Arena arena;
  std::vector<Entry> entries;
  std::vector<Where> callers;  // callers of entries recorded in anomaly mode
  std::vector<std::uint32_t> inputs;
  std::vector<Slot> slots;
  std::vector<Index> dims;
  std::vector<Leaf> leaves;
  std::unordered_map<std::uint64_t, std::uint32_t> leaf_of_param;
  std::array<std::pair<std::uint64_t, std::uint32_t>, 64> recent_params{};  // cache for the map
  std::unordered_map<std::uint32_t, std::vector<std::function<Tensor(const Tensor&)>>> hooks;

  Shape shape_of(std::uint32_t slot) const {
    if (slot & kLeaf) return leaves[slot & ~kLeaf].shape;
    const Slot& s = slots[slot];
    return Shape(std::span(dims).subspan(s.dims, s.rank));
  }
  DType dtype_of(std::uint32_t slot) const {
    return (slot & kLeaf) ? leaves[slot & ~kLeaf].dtype : slots[slot].dtype;
  }
  bool has_shape(std::uint32_t slot, const Shape& shape) const {
    if (slot & kLeaf) return leaves[slot & ~kLeaf].shape == shape;
    const Slot& s = slots[slot];
    bool same = s.rank == shape.rank();
    for (int i = 0; same && i < s.rank; ++i) same = shape.begin()[i] == dims[s.dims + i];
    return same;
  }

  std::uint32_t add_leaf(std::uint64_t id, const Tensor& value,
                         std::shared_ptr<const ParamState> param = nullptr) {
    leaves.push_back({id, value.shape(), value.dtype(), std::move(param)});
    return static_cast<std::uint32_t>(leaves.size() - 1) | kLeaf;
  }
  std::uint32_t leaf_for(const std::shared_ptr<ParamState>& param) {
    const std::uint64_t id = param->id();
    auto& recent = recent_params[id % recent_params.size()];
    if (recent.first == id) return recent.second;
    const auto [at, fresh] = leaf_of_param.try_emplace(id, 0);
    if (fresh) at->second = add_leaf(id, param->value(), param);
    recent = {id, at->second};
    return at->second;
  }

  Mark mark() const {
    return {entries.size(), inputs.size(), slots.size(), dims.size(), arena.mark()};
  }
  // Removes everything recorded since the mark, except leaves.
  void truncate(const Mark& mark) {
    for (std::size_t e = entries.size(); e-- > mark.entries;) entries[e].free();
    entries.resize(mark.entries);
    callers.resize(std::min(callers.size(), mark.entries));
    inputs.resize(mark.inputs);
    slots.resize(mark.slots);
    dims.resize(mark.dims);
    std::erase_if(
        hooks, [&](const auto& hook) { return !(hook.first & kLeaf) && hook.first >= mark.slots; });
    arena.release(mark.arena);
  }
  void clear() {
    truncate({});
    arena.clear();
    leaves.clear();
    leaf_of_param.clear();
    recent_params.fill({});
    hooks.clear();
    recording = true;
  }

  // The slot of a Var on this tape; kNoSlot for a constant. Throws for a Var of another tape.
  std::uint32_t slot_of(const Var& v, const char* op) const {
    if (v.tape_ == 0) return kNoSlot;
    if (v.tape_ != serial) [[unlikely]]
      refuse_other_tape(v, op);
    return v.slot_;
  }
  [[noreturn]] static void refuse_other_tape(const Var& v, const char* op);
  static std::string described(const State* s, const Var& v);
  static void check_forward(const State* s, const Op& op, std::span<const Tensor> outputs,
                            std::span<const Var* const> inputs, Where where);
  std::string place_of(std::size_t entry) const {
    return place(entries[entry].where, entry < callers.size() ? callers[entry] : Where());
  }

  static Var var(Tensor value, std::uint64_t serial, std::uint32_t slot) {
    return Var(std::move(value), serial, slot);
  }
  // v with its value replaced, at the same place on the tape.
  static Var moved_to(const Var& v, Tensor value) {
    return Var(std::move(value), v.tape_, v.slot_, v.leaf_);
  }
};

// The parameter values used by a function, so that it can be rerun with the same ones. While a
// ParamUses is entered on a thread, Vars created from parameters are recorded in it; while it is
// entered to replay, such Vars get the recorded values.
class ParamUses {
 public:
  class Entered {
   public:
    Entered(ParamUses& uses, bool replay);
    ~Entered();
    Entered(const Entered&) = delete;

   private:
    friend class ParamUses;
    ParamUses& uses_;
    bool replay_;
    Entered* outer_;
  };
  // The value that a Var of this parameter gets here and now.
  static Tensor value_of(const Param& param);

 private:
  std::unordered_map<std::uint64_t, Tensor> values_;
};

// Ops are recorded in this scope, even inside a NoGrad.
class LiftNoGrad {
 public:
  LiftNoGrad();
  ~LiftNoGrad();
  LiftNoGrad(const LiftNoGrad&) = delete;

 private:
  int before_;
};

// While alive, records which derivatives ran in the backward of the recording tape and where their
// results went. gradcheck uses it to mark() the ops that were compared.
class GradientFlow {
 public:
  GradientFlow();
  ~GradientFlow();
  GradientFlow(const GradientFlow&) = delete;
  // The GradientFlow that observes the backward of this tape, or nullptr.
  static GradientFlow* of(const Tape::State& tape);

  // The derivative of an entry is called with this gradient of one of its outputs.
  void arrived(std::size_t entry, const Tensor& g);
  // The derivative of an entry added this gradient to a slot.
  void gave(std::size_t entry, std::uint32_t slot, const Tensor& g);
  // Marks the ops whose derivative was compared: the entry received a gradient other than 0, and
  // its own result reached a checked leaf, directly or through entries with nonzero gradients.
  void mark(const std::vector<Var>& watched, const NamedParams& params, int order) const;

 private:
  struct Edge {
    std::uint32_t slot;
    bool some;  // not all 0
  };
  struct Seen {
    bool arrived = false;
    std::vector<Edge> edges;
  };
  const Tape::State* tape_;
  GradientFlow* outer_;
  std::map<std::size_t, Seen> seen_;  // by entry
};

}  // namespace unroll
