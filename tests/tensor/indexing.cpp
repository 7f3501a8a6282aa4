// Joining, cutting, picking and spreading, against index functions.
#include "naive.h"
#include "tests/tensor/memory_order.h"

#include <unroll/tensor/indexing.h>

#include <limits>
#include <set>

using namespace unroll;

namespace {

constexpr Index kHuge = std::numeric_limits<Index>::max();

// A random tensor with at least one axis, and one of its axes.
struct Case {
  Tensor x;
  int axis;
  Naive n;
};
Case random_case(Generator& g) {
  const Shape shape = random_shape(g, 1, 4);
  const Tensor x = random_strided(g, shape, g.below(2) ? f32 : f64);
  return {x, static_cast<int>(g.below(shape.rank())), naive_of(x)};
}

Place sizes_of(const Tensor& x) { return Place(x.shape().begin(), x.shape().end()); }

IndexTensor random_index(Generator& g, const Shape& shape, Index limit) {
  return limit > 0 ? g.integers(shape, 0, limit) : IndexTensor({}, shape.with(0, 0));
}

}  // namespace

TEST_CASE("narrow undoes concat") {
  Generator g(1);
  for (int round = 0; round < 500; ++round) {
    const Case c = random_case(g);
    std::vector<Tensor> parts;
    for (Index i = 0, count = 1 + g.below(4); i < count; ++i)
      parts.push_back(random_strided(g, c.x.shape().with(c.axis, g.below(4)), c.x.dtype()));
    const Tensor whole = concat(parts, g.below(2) ? c.axis : c.axis - c.x.rank());
    Index start = 0;
    for (const Tensor& part : parts) {
      CHECK(same(whole.narrow(c.axis, start, part.size(c.axis)), naive_of(part)));
      start += part.size(c.axis);
    }
    CHECK(whole.size(c.axis) == start);
    CHECK(!whole.shares_storage_with(parts[0]));
  }
}

TEST_CASE("select undoes stack") {
  Generator g(2);
  for (int round = 0; round < 200; ++round) {
    const Shape shape = random_shape(g, 0, 3);
    std::vector<Tensor> parts;
    for (Index i = 0, count = 1 + g.below(4); i < count; ++i)
      parts.push_back(random_strided(g, shape, f64));
    const int axis = static_cast<int>(g.below(shape.rank() + 1));
    const Tensor all = stack(parts, g.below(2) ? axis : axis - shape.rank() - 1);
    CHECK(all.size(axis) == static_cast<Index>(parts.size()));
    for (std::size_t i = 0; i < parts.size(); ++i)
      CHECK(same(all.select(axis, static_cast<Index>(i)), naive_of(parts[i])));
  }
}

TEST_CASE("flip reverses one axis, twice is the identity, and the result shares no elements") {
  Generator g(3);
  for (int round = 0; round < 300; ++round) {
    const Case c = random_case(g);
    const auto axis = static_cast<std::size_t>(c.axis);
    const Tensor y = flip(c.x, c.axis);
    CHECK(same(y, naive(sizes_of(c.x), [&](Place at) {
                 at[axis] = c.n.shape[axis] - 1 - at[axis];
                 return c.n.at(at);
               })));
    CHECK(same(flip(y, c.axis - c.x.rank()), c.n));
    CHECK(!y.shares_storage_with(c.x));
    CHECK(is_dense(y));
    if (is_dense(c.x) && c.x.numel() > 0) CHECK(same_order(y, c.x));
  }
}

TEST_CASE("narrow undoes pad") {
  Generator g(4);
  for (int round = 0; round < 300; ++round) {
    const Case c = random_case(g);
    const Index before = g.below(4), after = g.below(4), n = c.x.size(c.axis);
    const auto axis = static_cast<std::size_t>(c.axis);
    const Tensor y = pad(c.x, c.axis, before, after, -2.5);
    CHECK(y.size(c.axis) == before + n + after);
    CHECK(same(y, naive(sizes_of(y), [&](Place at) {
                 at[axis] -= before;
                 return at[axis] < 0 || at[axis] >= n ? -2.5 : c.n.at(at);
               })));
  }
}

TEST_CASE("gather reads where scatter_add writes: each is the other's transpose") {
  Generator g(5);
  for (int round = 0; round < 500; ++round) {
    const Case c = random_case(g);
    Place sizes = sizes_of(c.x);
    const auto axis = static_cast<std::size_t>(c.axis);
    for (std::size_t i = 0; i < sizes.size(); ++i)
      sizes[i] = i == axis ? g.below(6) : g.below(sizes[i] + 1);
    if (c.x.size(c.axis) == 0) sizes[axis] = 0;
    const IndexTensor index(
        [&] {
          std::vector<Index> out;
          for (Index i = as_shape(sizes).numel(); i > 0; --i)
            out.push_back(g.below(c.x.size(c.axis)));
          return out;
        }(),
        as_shape(sizes));
    const Tensor y = gather(c.x, c.axis, index);
    const auto place_of = [&](Place at) {
      Index flat = 0;
      for (std::size_t i = 0; i < at.size(); ++i) flat = flat * sizes[i] + at[i];
      at[axis] = index[flat];
      return at;
    };
    CHECK(same(y, naive(sizes, [&](const Place& at) { return c.n.at(place_of(at)); })));
    const Tensor source = random_strided(g, as_shape(sizes), c.x.dtype());
    const Naive s = naive_of(source);
    const Tensor zeros = Tensor::zeros(c.x.shape(), c.x.dtype());
    CHECK(same(scatter_add(c.x.shape(), c.axis, index, source),
               naive_of(scatter_add(zeros, c.axis, index, source))));
    const Tensor z = scatter_add(c.x, c.axis, index, source);
    CHECK(!z.shares_storage_with(c.x));
    CHECK(same(z,
               naive(sizes_of(c.x),
                     [&](const Place& to) {
                       double value = c.n.at(to);
                       for_each_place(sizes, [&](const Place& at) {
                         if (place_of(at) == to) value += s.at(at);
                       });
                       return value;
                     }),
               1e-5));
  }
}

TEST_CASE("index_select picks slices, index_add adds them where they came from") {
  Generator g(6);
  for (int round = 0; round < 500; ++round) {
    const Case c = random_case(g);
    const Index n = c.x.size(c.axis);
    const IndexTensor index = random_index(g, {g.below(6)}, n);
    const Tensor y = index_select(c.x, c.axis, index);
    CHECK(y.size(c.axis) == index.numel());
    for (Index i = 0; i < index.numel(); ++i)
      CHECK(same(y.select(c.axis, i), naive_of(c.x.select(c.axis, index[i]))));
    Tensor expected = Tensor::zeros(c.x.shape().with(c.axis, n + 2), c.x.dtype());
    for (Index i = 0; i < index.numel(); ++i) {
      Tensor slice = expected.select(c.axis, index[i]);
      add_into(slice, y.select(c.axis, i));
    }
    CHECK(same(index_add(y, c.axis, index, n + 2), naive_of(expected), 1e-5));
  }
}

TEST_CASE("take_rows reads rows by ids of any shape, and add_rows_into adds them") {
  Generator g(7);
  for (int round = 0; round < 200; ++round) {
    const Index v = 1 + g.below(6), d = g.below(20);
    const Tensor table = random_strided(g, {v, d}, f64);
    const IndexTensor ids = g.integers(random_shape(g, 0, 3), 0, v);
    const Tensor rows = take_rows(table, ids);
    CHECK(rows.shape() == ids.shape().inserted(ids.rank(), d));
    CHECK(distance(rows.reshape({ids.numel(), d}),
                   index_select(table, 0, ids.reshape({ids.numel()}))) == 0);
    Tensor sums = Tensor::ones({v, d}, f64);
    add_rows_into(sums, ids, rows);
    const Tensor expected =
        add(index_add(rows.reshape({ids.numel(), d}), 0, ids.reshape({ids.numel()}), v), 1);
    CHECK(distance(sums, expected) < 1e-13);
  }
}

TEST_CASE("distinct gives the used ids in order, and each id's position among them") {
  Generator g(3);
  for (Index limit : {1, 5, 63, 64, 65, 1000, 100000})
    for (Index n : {0, 1, 7, 300}) {
      CAPTURE(limit);
      CAPTURE(n);
      const std::vector<IndexTensor> parts{g.integers({n}, 0, limit), g.integers({2, n}, 0, limit)};
      std::set<Index> expected;
      for (const IndexTensor& part : parts) expected.insert(part.begin(), part.end());
      const Distinct found = distinct("test", parts, limit);
      CHECK(found.ids == std::vector<Index>(expected.begin(), expected.end()));
      REQUIRE(found.places.size() == static_cast<std::size_t>(3 * n));
      std::size_t at = 0;
      for (const IndexTensor& part : parts)
        for (Index id : part)
          CHECK(found.ids.at(static_cast<std::size_t>(found.places[at++])) == id);
    }
  const std::vector<IndexTensor> last{IndexTensor({kHuge - 1, 0, kHuge - 1})};
  CHECK(distinct("test", last, kHuge).ids == std::vector<Index>{0, kHuge - 1});
  CHECK(distinct("test", last, kHuge).places == std::vector<Index>{1, 0, 1});
  check_refused([&] { distinct("test", last, 7); }, "test: ids in [0, 7) were required: got");
}

TEST_CASE("concat, pad and indexing refuse invalid arguments with a sentence") {
  const Tensor x = Tensor::zeros({2, 3});
  const auto says = [](const std::function<void()>& f, const std::string& part) {
    check_says(message_of(f), part);
  };
  const auto all = [](std::vector<Tensor> parts) { return parts; };
  says([] { concat(std::vector<Tensor>{}); }, "concat: at least one tensor was required: got none");
  says([] { stack(std::vector<Tensor>{}); }, "stack: at least one tensor was required: got none");
  says(
      [&] {
        concat(all({x, Tensor::zeros({2, 4})}));
      },
      "concat: shapes equal but on axis 0 were required: got [2, 3] and [2, 4]");
  says([&] { concat(all({x, Tensor::zeros({2})})); }, "got [2, 3] and [2]");
  says([&] { concat(all({x, x.to(f64)})); }, "concat: tensors of one type");
  says([&] { concat(all({x}), 2); }, "concat: an axis in [-2, 1]");
  says([] { concat(std::vector<Tensor>{Tensor::scalar(1)}); },
       "concat: an axis was required: got a scalar");
  says([&] { concat(all({x, Tensor()})); }, "undefined");
  const Tensor wide = Tensor::zeros({1}).expand({Index{1} << 62});
  says([&] { concat(all({wide, wide})); }, "concat: sizes whose sum fits 63 bits");
  says([&] { stack(all({x, Tensor::zeros({2})})); }, "stack: equal shapes were required");
  says([&] { stack(all({x}), 3); }, "stack: an axis in [-3, 2] was required: got 3");
  says([&] { flip(x, 2); }, "flip: an axis in [-2, 1]");
  says([&] { pad(x, 0, -1, 0); }, "pad: amounts of at least 0 were required: got -1 before and 0");
  says([&] { pad(x, 0, kHuge, kHuge); }, "pad: a size that fits 63 bits was required");
  says([&] { pad(x, 0, kHuge, 0); }, "pad: a size that fits 63 bits was required");
  says([&] { pad(x, 0, kHuge - 5, 0); }, "shape: the number of elements must fit 63 bits");
  says([&] { pad(x, 5, 0, 0); }, "pad: an axis in");
  const IndexTensor far({0, 3, 1, 0}, {2, 2}), flat({0, 1}), deep({0, 0, 0}, {3, 1});
  says([&] { gather(x, 1, far); }, "gather: ids in [0, 3) were required: got 3 at 1");
  says([&] { gather(x, 0, IndexTensor({0, -1}, {1, 2})); }, "got -1 at 1");
  says([&] { gather(x, 1, flat); }, "gather: an index of the rank of [2, 3]");
  says([&] { gather(x, 1, deep); }, "no larger beside axis 1 was required: got [3, 1]");
  says([&] { scatter_add(x, 1, far, x); }, "scatter_add: ids in [0, 3)");
  says(
      [&] {
        scatter_add(x, 0, IndexTensor({0}, {1, 1}), x);
      },
      "scatter_add: a source of the index's shape [1, 1] was required: got [2, 3]");
  says([&] { scatter_add(x, 0, deep, x.to(f64)); }, "scatter_add: tensors of one type");
  says(
      [&] {
        index_select(x, 0, flat.reshape({2, 1}));
      },
      "index_select: a 1-D index was required: got [2, 1]");
  says([&] { index_select(x, 0, IndexTensor({2})); },
       "index_select: ids in [0, 2) were required: got 2 at 0");
  says([&] { index_add(x, 0, flat, -1); }, "index_add: a size of at least 0");
  says([&] { index_add(x, 0, flat, 1); }, "index_add: ids in [0, 1) were required: got 1 at 1");
  says([&] { index_add(x, 1, flat, 9); },
       "index_add: one index for each of the 3 slices of [2, 3] was required: got [2]");
  says([&] { take_rows(Tensor::zeros({3}), flat); },
       "embedding: a table [V, D] was required: got [3]");
  says([&] { take_rows(x, IndexTensor({5})); },
       "embedding: ids in [0, 2) were required: got 5 at 0");
  Tensor table = x, vector = Tensor::zeros({3}), turned = x.transpose(), scalar = Tensor::scalar(1);
  says(
      [&] {
        add_rows_into(table, flat, Tensor::zeros({3, 3}));
      },
      "add_rows_into: a table [V, D] and rows [2, D]");
  says([&] { add_rows_into(vector, flat, x); }, "got [3] and [2, 3]");
  says([&] { add_rows_into(scalar, flat, x); }, "got [] and [2, 3]");
  says([&] { add_rows_into(turned, flat, Tensor::zeros({2, 2})); }, "add_rows_into");
  says([&] { add_rows_into(table, flat, x.to(f64)); }, "add_rows_into: tensors of one type");
  says([&] { add_rows_into(table, IndexTensor({0, 2}), x); }, "add_rows_into: ids in [0, 2)");
  CHECK(index_select(x, 0, IndexTensor()).shape() == Shape{0, 3});
}
