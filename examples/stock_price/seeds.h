// The models of several seeds as one: their forecasts are mixed, and one file holds them all.
#pragma once

#include "examples/common/sequence_size.h"
#include "examples/common/terminal.h"
#include "examples/stock_price/model.h"
#include "examples/stock_price/report.h"

#include <utility>

namespace stock {

// The models of several seeds. Their forecasts are mixed, and they are saved and loaded together.
struct Seeds {
  std::uint64_t first = 1;  // the seeds are first, first + 1, ...
  std::vector<Model> models;
  std::vector<program::Curves> curves;                // of each
  std::vector<program::Checkpoint> checkpoints = {};  // of each, to resume it; empty: none

  std::vector<Forecast> forecasts(const Market& m) const {
    std::vector<Forecast> out;
    for (const Model& model : models) out.push_back(forecast(model, m));
    return out;
  }
  // [K] the mean nll on the middle part of the mixture, which is what counts once it is loaded.
  void set_middle(const std::vector<double>& middle) {
    for (Model& model : models) {
      Fitted fitted = as_fitted(model.fitted.value());
      fitted.middle[3] = middle;
      model.fitted.set_value(as_tensor(fitted));
    }
  }
};

// The mixture as a forecast to compare, and the score of each seed on the test part if there is
// one.
inline Entry entry_of(const std::string& name, const Seeds& seeds, const Market& m) {
  Entry entry{name, {}, {}};
  entry.network = true;
  const std::vector<Forecast> forecasts = seeds.forecasts(m);
  for (const Forecast& f : forecasts)
    if (!m.split.test.empty()) entry.of_seeds.push_back(mean_nll(score(m, f, m.split.test)));
  entry.forecast = mixture_of(forecasts);
  return entry;
}

// Where the file of several seeds has the parameters of one: "seed2.network.head.bias". A single
// seed has no prefix, as in files of earlier versions.
std::string prefix_of(std::size_t seed, std::size_t seeds);

inline void save(const std::string& path, const Seeds& seeds, unroll::Metadata metadata) {
  unroll::NamedParams params;
  metadata["seeds"] = fmt::format("{}", seeds.models.size());
  metadata["first_seed"] = fmt::format("{}", seeds.first);
  metadata.merge(nn::metadata_of(seeds.models[0].network.layer.options()));
  for (std::size_t i = 0; i < seeds.models.size(); ++i) {
    const std::string prefix = prefix_of(i, seeds.models.size());
    for (auto& [parameter, value] : nn::state(seeds.models[i]))
      params.push_back({prefix + parameter, value});
    unroll::Metadata own;
    program::remember(seeds.curves[i], own);
    for (const auto& [key, text] : own) metadata[prefix + key] = text;
    if (i >= seeds.checkpoints.size() || seeds.checkpoints[i].epochs() == 0) continue;
    unroll::NamedTensors run;
    program::write_checkpoint(seeds.checkpoints[i], program::kRun + prefix, run, metadata);
    for (const auto& [name, value] : run)
      params.push_back({name, std::make_shared<unroll::ParamState>(value)});
  }
  nn::save(path, params, metadata);
  program::say("Model: {}\n", path);
}

// The numbers of seeds and the first of them in a file. Throws std::runtime_error if they are none.
std::pair<std::size_t, std::uint64_t> seeds_in(const std::string& path,
                                               const unroll::Metadata& metadata);
// The options of the network's layer. Files of earlier versions do not have them.
program::SequenceOptions layer_in(const unroll::Metadata& metadata);
// The metadata of one seed: the keys with its prefix, without it.
unroll::Metadata metadata_of_seed(const unroll::Metadata& metadata, const std::string& prefix);

// With `runs`, the checkpoints are read too.
inline Seeds load(const std::string& path, const unroll::Metadata& expected, Index columns,
                  bool runs = false) {
  program::ModelFile file = program::read_model(path, expected.at("program"));
  program::check_expected(path, file.metadata, expected);
  const auto [count, first] = seeds_in(path, file.metadata);
  Seeds out{first, {}, {}};
  const program::SequenceOptions layer = Network::for_columns(layer_in(file.metadata), columns);
  program::check_sizes(path, file, layer,
                       static_cast<double>(count - 1) * program::parameters_of(layer));
  for (std::size_t i = 0; i < count; ++i) {
    const std::string prefix = prefix_of(i, count);
    out.models.emplace_back(columns, layer);
    nn::assign(path, file.values, nn::state(out.models.back()),
               {.prefix = prefix, .layout = nn::WeightLayout::in_out});
    out.curves.push_back(program::remembered(path, metadata_of_seed(file.metadata, prefix)));
    if (runs)
      out.checkpoints.push_back(
          program::read_checkpoint(path, program::kRun + prefix, file.run, file.metadata));
  }
  return out;
}

// The epoch and validation loss of each seed: <name>.seed1.epoch and so on.
inline void report_origin(const Seeds& seeds, const std::string& name, program::Report& report) {
  for (std::size_t i = 0; i < seeds.curves.size(); ++i)
    program::report_origin(seeds.curves[i], fmt::format("{}.seed{}", name, seeds.first + i),
                           report);
}

}  // namespace stock
