#include <unroll/data/text/bpe.h>
#include <unroll/data/text/saved_text.h>
#include <unroll/tensor/error.h>

#include <algorithm>
#include <limits>
#include <queue>

namespace unroll::data {
namespace {

using Id = std::int32_t;

constexpr std::string_view kKind = "bpe";
constexpr Index kMaxSize = Index{1} << 30;  // ids fit 32 bits
constexpr std::size_t kMaxPiece = 128;      // bytes: bounds the work for a piece
constexpr Index kMaxKnown = 100'000;        // pieces whose ids encode remembers

using Pair = PairIndex::Pair;

enum class Kind { space, letter, digit, other };

// Every byte of a character beyond ASCII counts as a letter.
Kind kind_of(char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (byte == ' ' || (byte >= '\t' && byte <= '\r')) return Kind::space;
  if (byte >= 0x80 || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z'))
    return Kind::letter;
  return byte >= '0' && byte <= '9' ? Kind::digit : Kind::other;
}

// The length of the first piece: one kind of characters, with one space before it; or white space,
// of which a last " " is left to the word after it.
std::size_t first_piece(std::string_view text) {
  std::size_t begin = text[0] == ' ' && text.size() > 1 ? 1 : 0;
  const Kind kind = kind_of(text[begin]);
  if (kind == Kind::space) begin = 0;
  std::size_t end = begin + 1;
  while (end < text.size() && end < kMaxPiece && kind_of(text[end]) == kind) ++end;
  if (end == text.size()) return end;
  if (kind == Kind::space && text[end - 1] == ' ' && kind_of(text[end]) != Kind::space && end > 1)
    return end - 1;
  // A piece that had to be cut ends before a character of UTF-8, if there is one near.
  const auto continues = [&](std::size_t at) {
    return (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
  };
  if (end == kMaxPiece)
    for (std::size_t back = 0; back < 4; ++back)
      if (!continues(end - back)) return end - back;
  return end;
}

// The pieces of a text while pairs are joined: each distinct piece once, with its count.
class Pieces {
 public:
  Pieces(std::string_view text, Id first_byte) {
    StringIndex distinct;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t n = first_piece(text.substr(at));
      const auto number = static_cast<std::size_t>(distinct.add(text.substr(at, n)));
      if (number == count_.size()) count_.push_back(0);
      ++count_[number];
      at += n;
    }
    begin_.push_back(0);
    for (const std::string& piece : distinct.strings()) {
      for (char c : piece) ids_.push_back(first_byte + static_cast<unsigned char>(c));
      begin_.push_back(ids_.size());
      length_.push_back(piece.size());
    }
    for (std::size_t p = 0; p < length_.size(); ++p)
      for (std::size_t i = 0; i + 1 < length_[p]; ++i)
        add({ids_[begin_[p] + i], ids_[begin_[p] + i + 1]}, p);
    queue_from(0);
  }

  // The most frequent pair; of equal ones that with the smallest ids. False if none occurs
  // min_count times.
  bool best(Index min_count, Pair& pair) {
    while (!queue_.empty()) {
      const Candidate top = queue_.top();
      queue_.pop();
      const Index count = found(top.pair).count;  // counts only fall after they were queued
      if (count < min_count) continue;
      pair = top.pair;
      if (count == top.count) return true;
      queue_.push({count, top.pair});
    }
    return false;
  }

  // Replaces the pair by one id, which is new, everywhere.
  void join(Pair pair, Id id) {
    const Index before = pairs_.size();
    const std::vector<std::uint32_t> where = std::move(found(pair).where);
    std::size_t last = length_.size();
    for (const std::uint32_t p : where) {
      if (p != last) join_in(p, pair, id);  // equal numbers stand together
      last = p;
    }
    found(pair).count = 0;
    queue_from(before);  // all pairs with the new id
  }

 private:
  struct Found {
    Index count = 0;
    std::vector<std::uint32_t> where;  // the pieces that have it, and perhaps some that had it
  };
  struct Candidate {
    Index count;
    Pair pair;
    bool operator<(const Candidate& other) const {
      return count != other.count ? count < other.count : pair > other.pair;
    }
  };

  Found& found(Pair pair) { return found_[static_cast<std::size_t>(pairs_.add(pair))]; }
  void add(Pair pair, std::size_t p) {
    const auto number = static_cast<std::size_t>(pairs_.add(pair));
    if (number == found_.size()) found_.emplace_back();
    Found& f = found_[number];
    f.count += count_[p];
    if (f.where.empty() || f.where.back() != p) f.where.push_back(static_cast<std::uint32_t>(p));
  }
  void queue_from(Index number) {
    for (; number < pairs_.size(); ++number)
      queue_.push({found(pairs_[number]).count, pairs_[number]});
  }

  void join_in(std::size_t p, Pair pair, Id id) {
    Id* const ids = &ids_[begin_[p]];
    const std::size_t n = length_[p];
    std::size_t to = 0;
    for (std::size_t i = 0; i < n; ++to) {
      if (i + 1 >= n || ids[i] != pair.left || ids[i + 1] != pair.right) {
        ids[to] = ids[i++];
        continue;
      }
      if (to > 0) {
        found({ids[to - 1], pair.left}).count -= count_[p];
        add({ids[to - 1], id}, p);
      }
      if (i + 2 < n) {
        found({pair.right, ids[i + 2]}).count -= count_[p];
        add({id, ids[i + 2]}, p);
      }
      ids[to] = id;
      i += 2;
    }
    length_[p] = to;
  }

  std::vector<Index> count_;                 // by piece: how often the text has it
  std::vector<std::size_t> begin_, length_;  // by piece: where its ids are
  std::vector<Id> ids_;
  PairIndex pairs_;
  std::vector<Found> found_;  // by the pair's number
  std::priority_queue<Candidate> queue_;
};

}  // namespace

BytePairEncoding::BytePairEncoding(const SpecialTokens& special) : special_(special) {
  check(special.unk.empty(),
        "bpe: special tokens without <unk> were required, since every byte has an id: got \"{}\"",
        excerpt(special.unk));
  const auto add = [this](const std::string& name) -> Index {
    if (name.empty()) return -1;
    check(std::find(units_.begin(), units_.end(), name) == units_.end(),
          "bpe: special tokens that differ were required: got \"{}\" twice", excerpt(name));
    units_.push_back(name);
    return size() - 1;
  };
  pad_ = add(special.pad), sos_ = add(special.sos), eos_ = add(special.eos);
  first_byte_ = static_cast<Id>(size());
  for (int byte = 0; byte < 256; ++byte) units_.emplace_back(1, static_cast<char>(byte));
}

BytePairEncoding::BytePairEncoding(std::string_view text, const BytePairOptions& o)
    : BytePairEncoding(o.special) {
  check(o.size >= size() && o.size <= kMaxSize && o.min_count >= 1,
        "bpe: a size in [{}, {}] and a min_count of at least 1 were required: got {} and {}",
        size(), kMaxSize, o.size, o.min_count);
  Pieces pieces(text, first_byte_);
  for (Pair pair{}; size() < o.size && pieces.best(o.min_count, pair);) {
    pieces.join(pair, static_cast<Id>(size()));
    join(pair);
  }
}

void BytePairEncoding::join(Pair pair) {
  (void)pairs_.add(pair);
  units_.push_back(unit(pair.left) + unit(pair.right));
}

// Joins pairs in the order in which they were learned, which is that of their ids.
void BytePairEncoding::encode_piece(std::string_view piece, std::vector<Index>& out) const {
  constexpr Id kNone = std::numeric_limits<Id>::max();
  Id ids[kMaxPiece], joins[kMaxPiece];  // joins[i]: the id of the pair of ids[i] and ids[i + 1]
  std::size_t n = piece.size();
  const auto find = [&](std::size_t i) {
    const Index number = pairs_.find({ids[i], ids[i + 1]});
    return number < 0 ? kNone : first_byte_ + 256 + static_cast<Id>(number);
  };
  for (std::size_t i = 0; i < n; ++i) ids[i] = first_byte_ + static_cast<unsigned char>(piece[i]);
  for (std::size_t i = 0; i + 1 < n; ++i) joins[i] = find(i);
  while (n > 1) {
    Id* const best = std::min_element(joins, joins + n - 1);
    if (*best == kNone) break;
    const auto at = static_cast<std::size_t>(best - joins);
    ids[at] = *best;
    std::copy(ids + at + 2, ids + n, ids + at + 1);
    std::copy(joins + at + 1, joins + n - 1, joins + at);
    --n;
    if (at + 1 < n) joins[at] = find(at);
    if (at > 0) joins[at - 1] = find(at - 1);
  }
  out.insert(out.end(), ids, ids + n);
}

std::vector<Index> BytePairEncoding::encode(std::string_view text, const Ends& ends) const {
  check(!ends.sos || sos_ >= 0, "bpe: a token <sos> was required: this encoding has none");
  check(!ends.eos || eos_ >= 0, "bpe: a token <eos> was required: this encoding has none");
  std::vector<Index> out;
  if (ends.sos) out.push_back(sos_);
  StringIndex known;                  // pieces that were met before
  std::vector<std::size_t> begin{0};  // of their ids
  std::vector<Index> ids;
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view piece = text.substr(at, first_piece(text.substr(at)));
    at += piece.size();
    Index number = known.find(piece);
    if (number < 0 && known.size() == kMaxKnown) {
      encode_piece(piece, out);
      continue;
    }
    if (number < 0) {
      number = known.add(piece);
      encode_piece(piece, ids);
      begin.push_back(ids.size());
    }
    const auto place = static_cast<std::size_t>(number);
    for (std::size_t i = begin[place]; i < begin[place + 1]; ++i) out.push_back(ids[i]);
  }
  if (ends.eos) out.push_back(eos_);
  return out;
}

std::string BytePairEncoding::decode(const std::vector<Index>& ids) const {
  std::string out;
  for (Index id : ids) {
    const std::string& text = unit(id);
    if (id >= first_byte_) out += text;
  }
  return out;
}

const std::string& BytePairEncoding::unit(Index id) const {
  check(id >= 0 && id < size(), "bpe: an id in [0, {}) was required: got {}", size(), id);
  return units_[static_cast<std::size_t>(id)];
}

// The names of the special tokens, the number of pairs, then a pair of ids in each line.
Metadata BytePairEncoding::metadata(const std::string& name) const {
  SavedText out(kKind);
  for (const std::string* token : {&special_.pad, &special_.sos, &special_.eos}) out.field(*token);
  out.end_line();
  out.field(pairs_.size());
  out.end_line();
  for (Index i = 0; i < pairs_.size(); ++i) {
    out.field(Index{pairs_[i].left});
    out.field(Index{pairs_[i].right});
    out.end_line();
  }
  return {{name, out.text()}};
}

BytePairEncoding BytePairEncoding::from_metadata(const Metadata& metadata,
                                                 const std::string& name) {
  SavedReader in(metadata, name, kKind);
  SpecialTokens special{.unk = ""};
  for (std::string* token : {&special.pad, &special.sos, &special.eos}) *token = in.field();
  in.end_line();
  BytePairEncoding out(special);
  const Index pairs = in.number(0, kMaxSize - out.size());
  in.end_line();
  for (Index i = 0; i < pairs; ++i) {
    const Id left = static_cast<Id>(in.number(out.first_byte_, out.size() - 1)),
             right = static_cast<Id>(in.number(out.first_byte_, out.size() - 1));
    if (out.pairs_.find({left, right}) >= 0) in.refuse("a pair that differs from those before");
    if (out.unit(left).size() + out.unit(right).size() > kMaxPiece)
      in.refuse(fmt::format("a pair of at most {} bytes", kMaxPiece));
    out.join({left, right});
    in.end_line();
  }
  if (!in.at_end()) in.refuse("the end");
  return out;
}

void BytePairEncoding::check_same(const Metadata& metadata, const std::string& name) const {
  const BytePairEncoding saved = from_metadata(metadata, name);
  check_io(saved.special_ == special_,
           "{}: the encoding of the model was required: got one with other special tokens", name);
  for (Index i = 0; i < std::max(pairs_.size(), saved.pairs_.size()); ++i)
    check_io(i < pairs_.size() && i < saved.pairs_.size() && pairs_[i] == saved.pairs_[i],
             "{}: the encoding of the model was required: it has {} units, this one {}, and the "
             "first {} are equal",
             name, saved.size(), size(), first_byte_ + 256 + i);
}

}  // namespace unroll::data
