// Tensors: views against a naive array, copies, types, and what is refused.
#include "naive.h"

#include <unroll/tensor/indexing.h>

#include <limits>
#include <new>

using namespace unroll;

namespace {

// A view and where each of its elements stands among the numbers of its base: both go through the
// same random operations.
struct Pair {
  Tensor view;
  Naive places;
};

Index pick(Generator& g, const Shape& shape) { return g.below(shape.rank()); }

// True where some strides show these places in the order of a new shape.
bool strides_exist(const Naive& places, const Place& shape) {
  const Naive moved{shape, places.values};
  Place steps;
  Place origin(shape.size(), 0);
  const double first = moved.at(origin);
  for (std::size_t i = 0; i < shape.size(); ++i) {
    Place one = origin;
    if (shape[i] > 1) one[i] = 1;
    steps.push_back(static_cast<Index>(moved.at(one) - first));
  }
  bool all = true;
  for_each_place(shape, [&](const Place& at) {
    double place = first;
    for (std::size_t i = 0; i < at.size(); ++i) place += static_cast<double>(at[i] * steps[i]);
    all = all && place == moved.at(at);
  });
  return all;
}

Place random_factors(Generator& g, Index n) {
  Place out;
  for (Index rest = n; out.size() < 5;) {
    if (g.below(4) == 0) out.push_back(1);
    if (rest == 1) break;
    Index factor = 1 + g.below(rest);
    while (rest % factor != 0) --factor;
    out.push_back(factor);
    rest /= factor;
    if (out.size() >= 4) {
      out.push_back(rest);
      break;
    }
  }
  return out;
}

Pair random_step(Generator& g, const Pair& p, std::string& story) {
  const Tensor& x = p.view;
  const Shape& shape = x.shape();
  const Place& sizes = p.places.shape;
  const Index kind = shape.rank() == 0 ? 4 + g.below(3) : g.below(7);
  if (kind == 0) {
    const Index a = pick(g, shape), b = pick(g, shape);
    story += fmt::format(" transpose({}, {})", a, b);
    Place to = sizes;
    std::swap(to[static_cast<std::size_t>(a)], to[static_cast<std::size_t>(b)]);
    return {x.transpose(static_cast<int>(a) - shape.rank(), static_cast<int>(b)),
            naive(to, [&](Place at) {
              std::swap(at[static_cast<std::size_t>(a)], at[static_cast<std::size_t>(b)]);
              return p.places.at(at);
            })};
  }
  if (kind == 1) {
    std::vector<int> axes;
    Place to;
    for (Index i : g.permutation(shape.rank())) {
      axes.push_back(static_cast<int>(i));
      to.push_back(sizes[static_cast<std::size_t>(i)]);
    }
    story += " permute";
    return {x.permute(axes), naive(to, [&](const Place& at) {
              Place from(at.size());
              for (std::size_t i = 0; i < at.size(); ++i)
                from[static_cast<std::size_t>(axes[i])] = at[i];
              return p.places.at(from);
            })};
  }
  if (kind == 2) {
    const Index axis = pick(g, shape), size = sizes[static_cast<std::size_t>(axis)];
    const Index start = g.below(size + 1), length = g.below(size - start + 1);
    story += fmt::format(" narrow({}, {}, {})", axis, start, length);
    Place to = sizes;
    to[static_cast<std::size_t>(axis)] = length;
    return {x.narrow(static_cast<int>(axis), start, length), naive(to, [&](Place at) {
              at[static_cast<std::size_t>(axis)] += start;
              return p.places.at(at);
            })};
  }
  if (kind == 3) {
    const Index axis = pick(g, shape), size = sizes[static_cast<std::size_t>(axis)];
    if (size == 0) return p;
    const Index index = g.below(size);
    story += fmt::format(" select({}, {})", axis, index);
    Place to = sizes;
    to.erase(to.begin() + axis);
    return {x.select(static_cast<int>(axis), g.below(2) ? index : index - size),
            naive(to, [&](Place at) {
              at.insert(at.begin() + axis, index);
              return p.places.at(at);
            })};
  }
  if (kind == 4) {
    Place to = sizes;
    for (Index& size : to)
      if (size == 1) size = g.below(4);
    if (to.size() < 5 && g.below(2)) to.insert(to.begin(), 1 + g.below(3));
    story += " expand " + as_shape(to).str();
    const std::size_t extra = to.size() - sizes.size();
    return {x.expand(as_shape(to)), naive(to, [&](const Place& at) {
              Place from(at.begin() + static_cast<std::ptrdiff_t>(extra), at.end());
              for (std::size_t i = 0; i < from.size(); ++i)
                if (sizes[i] == 1) from[i] = 0;
              return p.places.at(from);
            })};
  }
  if (kind == 5) {
    if (shape.rank() >= 6) return p;
    const Index axis = g.below(shape.rank() + 1);
    story += fmt::format(" unsqueeze({})", axis);
    Place to = sizes;
    to.insert(to.begin() + axis, 1);
    return {x.unsqueeze(static_cast<int>(g.below(2) ? axis : axis - shape.rank() - 1)),
            Naive{to, p.places.values}};
  }
  const Place to = x.numel() ? random_factors(g, x.numel()) : Place{0, 3};
  story += " reshape " + as_shape(to).str();
  const Pair out{x.reshape(as_shape(to)), Naive{to, p.places.values}};
  const bool possible = x.numel() == 0 || strides_exist(p.places, to);
  CHECK_MESSAGE(out.view.shares_storage_with(x) == possible, "in:", story);
  if (possible) return out;
  // The numbers were copied: places are counted anew.
  const Tensor fresh = Tensor::arange(x.numel(), f64).reshape(as_shape(to));
  CHECK(same(out.view, out.places));
  return {fresh, naive_of(fresh)};
}

}  // namespace

TEST_CASE("a chain of views shows the elements given by a chain of index functions") {
  Generator g(1);
  for (int round = 0; round < 3000; ++round) {
    const Shape shape = random_shape(g, 0, 4);
    const Tensor base = Tensor::arange(shape.numel(), f64).reshape(shape);
    std::string story = "from " + shape.str();
    Pair p{base, naive_of(base)};
    for (Index step = 0, steps = 1 + g.below(6); step < steps; ++step) {
      p = random_step(g, p, story);
      REQUIRE_MESSAGE(same(p.view, p.places), story);
      REQUIRE_MESSAGE(p.view.numel() == static_cast<Index>(p.places.values.size()), story);
    }
    REQUIRE_MESSAGE(p.view.to_vector<double>() == p.places.values, story);
    REQUIRE_MESSAGE(same(p.view.contiguous(), p.places), story);
    REQUIRE_MESSAGE(p.view.contiguous().is_contiguous(), story);
    REQUIRE_MESSAGE(same(p.view.to(f32), p.places), story);
    REQUIRE_MESSAGE(same(p.view.clone(), p.places), story);
    REQUIRE_MESSAGE(!p.view.clone().shares_storage_with(p.view), story);
  }
}

TEST_CASE("views share their elements: writing to one changes the other") {
  Generator g(2);
  for (int round = 0; round < 300; ++round) {
    const Shape shape = random_shape(g, 1, 4);
    if (shape.numel() == 0) continue;
    Tensor base = Tensor::zeros(shape, round % 2 ? f32 : f64);
    Tensor view = base.transpose(0, -1);
    const int axis = static_cast<int>(g.below(shape.rank()));
    const Index start = g.below(view.size(axis)), length = 1 + g.below(view.size(axis) - start);
    view = view.narrow(axis, start, length);
    CHECK(view.shares_storage_with(base));
    view.fill_(1);
    CHECK(sum(base).item() == static_cast<double>(view.numel()));
    view.copy_(Tensor::full(view.shape(), 2, round % 3 ? f32 : f64));
    CHECK(sum(base).item() == 2.0 * static_cast<double>(view.numel()));
    CHECK(min(view).item() == 2);
  }
}

TEST_CASE("copying within one storage reads everything before it writes") {
  Tensor x = Tensor::arange(9, f64).reshape({3, 3});
  x.copy_(x.transpose());
  CHECK(x.to_vector<double>() == std::vector<double>{0, 3, 6, 1, 4, 7, 2, 5, 8});
  Tensor y = Tensor::arange(6, f32);
  Tensor later = y.narrow(0, 1, 5);
  later.copy_(y.narrow(0, 0, 5));
  CHECK(y.to_vector<float>() == std::vector<float>{0, 0, 1, 2, 3, 4});
  Tensor z = Tensor::arange(6, f64);
  z.copy_(flip(z, 0));
  CHECK(z.to_vector<double>() == std::vector<double>{5, 4, 3, 2, 1, 0});
}

TEST_CASE("a tensor is unique until another handle shares its elements") {
  Tensor x = Tensor::zeros({4});
  CHECK(x.is_unique());
  {
    const Tensor copy = x;
    CHECK(!x.is_unique());
  }
  CHECK(x.is_unique());
  {
    const Tensor view = x.narrow(0, 0, 2);
    CHECK(!x.is_unique());
    CHECK(!view.is_unique());
  }
  CHECK(x.is_unique());
  Tensor moved = std::move(x);
  CHECK(moved.is_unique());
  moved = moved.narrow(0, 1, 2);  // the view keeps the numbers of a base that nobody names
  CHECK(moved.to_vector<float>() == std::vector<float>{0, 0});
}

TEST_CASE("zeros, ones, full, arange and eye have the elements they are named after") {
  CHECK(Tensor::zeros({2, 2}).to_vector<float>() == std::vector<float>(4, 0));
  CHECK(Tensor::ones({3}, f64).to_vector<double>() == std::vector<double>(3, 1));
  CHECK(Tensor::full({2}, 0.5).to_vector<double>() == std::vector<double>{0.5, 0.5});
  CHECK(Tensor::scalar(3).item() == 3);
  CHECK(Tensor::scalar(3).rank() == 0);
  CHECK(Tensor::arange(4).to_vector<float>() == std::vector<float>{0, 1, 2, 3});
  CHECK(Tensor::arange(0).numel() == 0);
  CHECK(same(Tensor::eye(4, f64), naive({4, 4}, [](const Place& at) { return at[0] == at[1]; })));
  CHECK(Tensor::of({{1, 2}, {3, 4}}).shape() == Shape{2, 2});
  CHECK(Tensor::of({{1, 2}, {3, 4}}).at({1, -2}) == 3);
  CHECK(Tensor::of({1, 2}, f64).dtype() == f64);
  CHECK(Tensor::arange(6).reshape({2, -1}).shape() == Shape{2, 3});
  CHECK(Tensor::arange(6).reshape({-1}).shape() == Shape{6});
  CHECK(Tensor::zeros({0}).reshape({-1}).shape() == Shape{0});
  CHECK(Tensor::zeros({3, 1}).squeeze(1).shape() == Shape{3});
}

TEST_CASE("to(dtype) keeps values that the new dtype can represent") {
  const double inf = std::numeric_limits<double>::infinity();
  const Tensor x = Tensor::of({0.1, -0.0, inf, -inf, NAN, 1e300, 1e-300}, f64);
  const auto y = x.to(f32).to_vector<double>();
  CHECK(y[0] == static_cast<double>(0.1F));
  CHECK(std::signbit(y[1]));
  CHECK(y[2] == inf);
  CHECK(y[3] == -inf);
  CHECK(std::isnan(y[4]));
  CHECK(y[5] == inf);
  CHECK(y[6] == 0);
}

TEST_CASE("invalid values, shapes and views are refused with a sentence") {
  const Tensor x = Tensor::zeros({2, 3});
  constexpr Index kHuge = std::numeric_limits<Index>::max();
  const auto says = [](const std::function<void()>& f, const std::string& part) {
    check_says(message_of(f), part);
  };
  says([] { Tensor::arange(-1); }, "arange: a length of at least 0 was required: got -1");
  says([] { Tensor::eye(-2); }, "got [-2, -2]");
  says([] { Tensor::zeros({2, -3}); }, "sizes must not be negative: got [2, -3]");
  says([] { Tensor::of({{1, 2}, {3}}); }, "rows of one length were required");
  says([] { Tensor::from(std::vector<float>(5), {2, 3}); }, "6 values were required");
  says([&] { x.reshape({-1, -1}); }, "reshape: at most one size of -1 was required: got [-1, -1]");
  says([&] { x.reshape({4, -1}); }, "a shape with 6 elements was required for [2, 3]: got [4, -1]");
  says([&] { x.reshape({-2, -3}); }, "negative: got [-2, -3]");
  says([&] { x.reshape({-2, -3, -1}); }, "negative: got [-2, -3, 1]");
  says([&] { x.reshape({kHuge, 4, -1}); }, "a shape with 6 elements was required");
  says([&] { x.reshape({0, -1}); }, "a shape with 6 elements was required");
  says([&] { x.reshape(Shape{7}); }, "got [7] with 7");
  says([&] { x.reshape({1, 1, 1, 1, 1, 1, 1, 2, 3}); }, "at most 8 axes");
  says([&] { x.transpose(0, 2); }, "transpose: an axis in [-2, 1] was required");
  says([&] { Tensor::scalar(1).transpose(); }, "transpose: an axis was required: got a scalar");
  says([&] { Tensor::zeros({3}).transpose(); },
       "transpose: an axis in [-1, 0] was required for the shape [3]: got -2");
  says([&] { x.permute({0}); }, "permute: each axis of [2, 3] once was required: got 1 axes");
  says([&] { x.permute({1, 1}); }, "axis 1 came twice");
  says([&] { x.permute({0, 5}); }, "permute: an axis in [-2, 1]");
  says([&] { x.narrow(1, 2, kHuge); }, "narrow: a range within [0, 3) was required");
  says([&] { x.narrow(1, kHuge, 2); }, "narrow: a range within [0, 3) was required");
  says([&] { x.narrow(1, -1, 1); }, "got start -1 and length 1");
  says([&] { x.narrow(1, 1, -1); }, "got start 1 and length -1");
  says([&] { x.narrow(2, 0, 1); }, "narrow: an axis in [-2, 1] was required for the shape [2, 3]");
  says([&] { x.select(0, 2); }, "select: an index in [-2, 2) was required on axis 0");
  says([&] { x.select(0, -3); }, "got -3");
  says([&] { x.expand({3, 3}); }, "expand: a shape that [2, 3] broadcasts to was required: got [3");
  says([&] { x.expand({3}); }, "expand: a shape that [2, 3] broadcasts to");
  says([&] { x.unsqueeze(3); }, "unsqueeze: an axis in [-3, 2]");
  says([&] { x.squeeze(0); }, "squeeze: a size of 1 was required on axis 0");
  says([&] { Tensor::scalar(1).squeeze(0); }, "squeeze: an axis was required: got a scalar");
  says([&] { (void)x.item(); },
       "item: a tensor with one element was required: got the shape [2, 3]");
  says([&] { (void)x.at({0}); }, "one index for each axis of [2, 3] was required: got 1 indices");
  says([&] { (void)x.at({0, 3}); }, "an index in [-3, 3) was required on axis 1 of [2, 3]: got 3");
  says([&] { Tensor(x).set({2, 0}, 1); }, "an index in [-2, 2)");
  says([&] { (void)x.data<double>(); }, "f64 were asked for: the tensor [2, 3] holds f32");
  says(
      [&] {
        Tensor(x).copy_(Tensor::zeros({3, 2}));
      },
      "copy_: one shape was required: got [3, 2]");
  says([&] { (void)x.size(2); }, "size: an axis in [-2, 1]");
  says([] { (void)Tensor().shape(); }, "a tensor with a value was required: got an undefined one");
  says([] { (void)Tensor().reshape({1}); }, "undefined");
  says([] { (void)Tensor().data<float>(); }, "undefined");
  says([] { (void)Tensor().transpose(); }, "undefined");
  says([] { Tensor().fill_(1); }, "undefined");
  says([] { Tensor().copy_(Tensor::zeros({1})); }, "undefined");
  says([&] { (void)x.shares_storage_with(Tensor()); }, "undefined");
  CHECK(Tensor().str() == "undefined");
}

TEST_CASE("a tensor that does not fit in memory is refused with its shape, without a leak") {
  for (const Shape& shape : {Shape{Index{1} << 61}, Shape{Index{1} << 40, Index{1} << 20}}) {
    CHECK_THROWS_AS(Tensor::empty(shape, f64), std::bad_alloc);
    check_says(message_of([&] { Tensor::zeros(shape); }), shape.str());
  }
}
