// What makes a struct a module: one line that lists its parts.
//
//   struct SpliceNet {
//     nn::Embedding embed; nn::GRU gru; nn::Linear head;
//     UNROLL_FIELDS(embed, gru, head)
//   };
//
// No base class, nothing virtual. Names come from the line: "gru.layers.0.wx". Parts may be Params,
// modules, and vectors, arrays and optionals of them.
#pragma once

#include <unroll/autograd/mode.h>
#include <unroll/autograd/ops.h>

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#define UNROLL_FIELDS(...)                                                               \
  template <class Visitor>                                                               \
  void visit_fields(Visitor&& visitor) {                                                 \
    ::unroll::nn::detail::visit_named(visitor, #__VA_ARGS__ __VA_OPT__(, ) __VA_ARGS__); \
  }                                                                                      \
  template <class Visitor>                                                               \
  void visit_fields(Visitor&& visitor) const {                                           \
    ::unroll::nn::detail::visit_named(visitor, #__VA_ARGS__ __VA_OPT__(, ) __VA_ARGS__); \
  }

namespace unroll::nn {

namespace detail {

// The first name of "a, b, c", which it takes off.
std::string next_name(std::string_view& names);

template <class Visitor, class... Parts>
void visit_named(Visitor&& visitor, [[maybe_unused]] std::string_view names, Parts&... parts) {
  (visitor(next_name(names), parts), ...);
}

struct AnyVisitor {
  template <class T>
  void operator()(const std::string&, T&) const {}
};

template <class T>
concept Module = requires(T& module) {
  module.visit_fields(AnyVisitor{});
};

// Calls f(name, param) for each Param below `part`, in the order of the lines.
template <class T, class F>
void for_each_param(const std::string& name, T& part, F& f) {
  const auto below = [&](const auto& child) {
    return name.empty() ? std::string(child) : name + "." + child;
  };
  using Plain = std::remove_const_t<T>;
  if constexpr (std::is_same_v<Plain, Param>) {
    if (part.defined()) f(name, part);
  } else if constexpr (Module<T>) {
    part.visit_fields(
        [&](const std::string& child, auto& value) { for_each_param(below(child), value, f); });
  } else if constexpr (requires { part.has_value(); }) {
    if (part.has_value()) for_each_param(name, *part, f);
  } else if constexpr (requires { part.begin(); }) {
    std::size_t i = 0;
    for (auto& value : part) for_each_param(below(std::to_string(i++)), value, f);
  } else if constexpr (requires { std::tuple_size<Plain>::value; }) {
    std::apply(
        [&](auto&... value) {
          std::size_t i = 0;
          (for_each_param(below(std::to_string(i++)), value, f), ...);
        },
        part);
  } else {
    static_assert(std::is_same_v<Plain, Param>,
                  "UNROLL_FIELDS lists Params, modules (structs with UNROLL_FIELDS), and vectors, "
                  "arrays and optionals of them");
  }
}

}  // namespace detail

// Every parameter under its name. The list stays valid when the model is moved. Each parameter
// remembers the name, for messages.
template <class M>
NamedParams parameters(const M& model) {
  NamedParams out;
  auto collect = [&](const std::string& name, const Param& param) {
    param.handle()->set_name(name);
    out.push_back({name, param.handle()});
  };
  detail::for_each_param(std::string(), model, collect);
  return out;
}

// Throws, with `op` first, when one of the list has no parameter under its name.
void check_params(const char* op, const NamedParams& params);

// The number of numbers that training can change.
Index parameter_count(const NamedParams& params);

// A table: name, shape, type, numbers, whether it is trained; and the sum.
std::string summary(const NamedParams& params);
template <class M>
std::string summary(const M& model) {
  return summary(parameters(model));
}

// A constant to the tape and to optimisers, and back.
template <class M>
void set_trainable(const M& model, bool trainable) {
  for (const NamedParam& p : parameters(model)) p.param->trainable = trainable;
}

using unroll::training;  // whether modules are in training: see autograd/mode.h

}  // namespace unroll::nn
