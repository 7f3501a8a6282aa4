// Tomorrow's distribution of the prices of several stock indexes, from their past.
//
// Forecasting the level is a trap: copying today's price has an R^2 above 0.99. What can be
// forecast is how far tomorrow may go. Returns come in calm and wild weeks, and an exponentially
// weighted mean of squares (EWMA, RiskMetrics 1996) knows that much already. So the network
// corrects EWMA instead of starting from nothing: log variance = log EWMA + its output, which
// begins at 0.
#include "examples/common/program.h"

#include <unroll/unroll.h>

#include <fmt/format.h>

#include <cmath>
#include <numbers>
#include <optional>

using namespace unroll;

namespace {

constexpr double kDecay = 0.94;

// --- the data ---

struct Market {
  std::vector<std::string> names;
  std::vector<std::vector<double>> prices;  // [index][day]
  Tensor returns;                           // [T, K] log returns; row t is from day t to t + 1
  Tensor log_ewma;    // [T, K] log variance forecast for row t, from rows before it
  data::Split split;  // of the rows
  Index days() const { return returns.shape()[0]; }
  Index indexes() const { return returns.shape()[1]; }
};

Market read_market(const std::string& path, const std::vector<std::string>& columns) {
  const data::Table table = data::read_csv(path);
  Market m;
  m.names = columns;
  for (const std::string& name : columns) {
    std::vector<double> prices;
    for (double p : table.numbers(name)) {
      // A day without a price is a day on which it did not change.
      if (std::isnan(p)) p = prices.empty() ? NAN : prices.back();
      check_io(!(p <= 0), "{}: prices above 0 were required in column {}: got {}", path, name, p);
      prices.push_back(p);
    }
    check_io(prices.size() >= 200 && !std::isnan(prices[0]),
             "{}: at least 200 prices, the first of them given, were required in column {}: got {}",
             path, name, prices.size());
    m.prices.push_back(std::move(prices));
  }
  const auto days = static_cast<Index>(m.prices[0].size()) - 1,
             k = static_cast<Index>(columns.size());
  m.returns = Tensor::empty({days, k});
  m.log_ewma = Tensor::empty({days, k});
  m.split = data::chronological_split(days, {0.6, 0.2});
  for (Index j = 0; j < k; ++j) {
    double start =
        0;  // the variance of the first month; all of it in the past of every day that counts
    for (Index t = 0; t < days; ++t)
      m.returns.set({t, j}, std::log(m.prices[j][t + 1] / m.prices[j][t]));
    for (Index t = 0; t < 20; ++t) start += m.returns.at({t, j}) * m.returns.at({t, j}) / 20;
    double variance = std::max(start, 1e-10);
    for (Index t = 0; t < days; ++t) {
      m.log_ewma.set({t, j}, std::log(variance));
      variance = std::max(
          kDecay * variance + (1 - kDecay) * m.returns.at({t, j}) * m.returns.at({t, j}), 1e-12);
    }
  }
  return m;
}

// --- the model ---

template <class Layer>
struct Forecaster {
  Layer layer;
  nn::Dropout dropout;
  nn::Linear head;
  Forecaster(Index indexes, Index hidden)
      : layer({.in = 2 * indexes, .hidden = hidden}),
        dropout({.p = 0.2}),
        head({.in = hidden, .out = 2 * indexes}) {
    head.weight.set_value(Tensor::zeros(head.weight.shape()));  // it starts as EWMA
    head.bias.set_value(Tensor::zeros(head.bias.shape()));
  }
  UNROLL_FIELDS(layer, head)

  // [N, 2 K]: the mean in units of EWMA's deviation, and the correction of the log variance.
  Var operator()(const nn::Sequence& x) const { return head(dropout(layer(x).rows)); }
};

// What the network sees on day t, to forecast row t + 1: the return in units of yesterday's
// forecast, and its size.
Tensor features(const Market& m) {
  Tensor z = div(m.returns, exp(mul(m.log_ewma, 0.5)));
  const Tensor size = add(log(add(square(z), 0.1)), 0.6);
  return concat(std::vector<Tensor>{z, mul(size, 0.5)}, 1);  // [T, 2 K]
}

struct Forecast {
  Tensor mean, log_variance;  // [days, K] for rows 1 .. T - 1
};

Var negative_log_likelihood(const Var& out, const Tensor& log_ewma, const Tensor& returns) {
  const Index k = returns.shape()[1];
  const Tensor deviation = exp(mul(log_ewma, 0.5));
  const Var mean = narrow(out, 1, 0, k) * deviation, log_variance = narrow(out, 1, k, k) + log_ewma;
  return (log_variance + square(returns - mean) * exp(-log_variance)) * 0.5 +
         0.5 * std::log(2 * std::numbers::pi);
}

double mean_over(const Tensor& rows, const std::vector<Index>& which, Index column) {
  double sum = 0;
  for (Index t : which) sum += rows.at({t, column});
  return sum / static_cast<double>(which.size());
}

struct Scores {
  std::vector<double> nll, rmse;  // for each index, on the test part
};

double rmse_of(const Market& m, Index j, const std::function<double(Index)>& mean_return) {
  double squares = 0;
  for (Index t : m.split.test) {
    const double error = m.prices[j][t] * std::exp(mean_return(t)) - m.prices[j][t + 1];
    squares += error * error;
  }
  return std::sqrt(squares / static_cast<double>(m.split.test.size()));
}

double gaussian(double r, double mean, double variance) {
  return 0.5 * (std::log(2 * std::numbers::pi * variance) + (r - mean) * (r - mean) / variance);
}

Scores baseline(const Market& m, bool ewma) {
  Scores s;
  for (Index j = 0; j < m.indexes(); ++j) {
    double variance = 0, nll = 0;
    const Index past =
        m.split.test.front();  // nothing is tuned here, so all that lies before the test may count
    for (Index t = 0; t < past; ++t)
      variance += m.returns.at({t, j}) * m.returns.at({t, j}) / static_cast<double>(past);
    for (Index t : m.split.test)
      nll += gaussian(m.returns.at({t, j}), 0, ewma ? std::exp(m.log_ewma.at({t, j})) : variance);
    s.nll.push_back(nll / static_cast<double>(m.split.test.size()));
    s.rmse.push_back(rmse_of(m, j, [](Index) { return 0.0; }));
  }
  return s;
}

struct Trained {
  Scores scores;
  std::vector<double> train_curve, validation_curve;
  Tensor mean, log_variance;  // [T, K], row 0 is EWMA's
};

template <class Layer>
class Experiment {
 public:
  Experiment(const Market& market, const program::Options& options)
      : m_(market), o_(options), x_(features(market)) {}

  Trained operator()(const std::string& name, std::uint64_t seed, Index epochs) {
    manual_seed(seed);
    Generator order(seed + 1000);
    Forecaster<Layer> model(m_.indexes(), 16);
    Trained out;
    if (!o_.load.empty()) {
      nn::load(o_.load, model);
    } else {
      fit(name, model, order, epochs, out);
    }
    if (!o_.save.empty()) nn::save(o_.save, model, {{"model", name}});
    finish(model, out);
    return out;
  }

 private:
  static constexpr Index kWindow = 60, kWarm = 20, kBatch = 32, kPatience = 12;

  // The network's output for rows 1 .. T - 1 in one pass, each from all days before it.
  Var whole(const Forecaster<Layer>& model) const {
    const Index n = m_.days() - 1;
    return model(nn::Sequence(x_.narrow(0, 0, n), SequenceLayout::equal(1, n)));
  }
  Tensor after_first(const Tensor& x) const { return x.narrow(0, 1, m_.days() - 1); }
  Tensor losses(const Var& out) const {
    return negative_log_likelihood(out, after_first(m_.log_ewma), after_first(m_.returns)).value();
  }
  double validation(const Tensor& losses) const {
    double sum = 0;
    for (Index j = 0; j < m_.indexes(); ++j)
      for (Index t : m_.split.validation) sum += losses.at({t - 1, j});
    return sum / static_cast<double>(m_.indexes() * static_cast<Index>(m_.split.validation.size()));
  }

  void fit(const std::string& name, Forecaster<Layer>& model, Generator& order, Index epochs,
           Trained& out) {
    optim::AdamW adam(nn::parameters(model), {.lr = 1e-3, .weight_decay = 0.02});
    const auto steps_in_epoch = static_cast<Index>(m_.split.train.size()) / kBatch;
    const Index last = m_.split.train.back() - kWindow;
    double best = validation(losses(whole(model)));
    Forecaster<Layer> kept = model;
    program::Progress bar(fmt::format("{} seed {}", name, o_.seed), epochs);
    Index since_best = 0;
    for (Index epoch = 0; epoch < epochs && since_best < kPatience && !program::interrupted();
         ++epoch) {
      double sum = 0;
      for (Index step = 0; step < steps_in_epoch; ++step) {
        std::vector<Index> ends, next;
        for (Index b = 0; b < kBatch; ++b)
          ends.push_back(kWindow - 1 + order.below(last - kWindow + 2));
        for (Index e : ends) next.push_back(e + 1);
        const data::Windows seen = data::windows_ending_at(x_, ends, kWindow);
        const Tensor target = data::windows_ending_at(m_.returns, next, kWindow).rows;
        const Tensor ewma = data::windows_ending_at(m_.log_ewma, next, kWindow).rows;
        Tape tape;
        const Var rows =
            negative_log_likelihood(model(nn::Sequence(seen.rows, seen.layout)), ewma, target);
        // The first days of a window are there to warm the state up.
        const Var loss = mean(narrow(rows, 0, kWarm * kBatch, (kWindow - kWarm) * kBatch));
        Gradients g = tape.backward(loss);
        optim::clip_norm(g, 1);
        adam.step(g);
        sum += loss.item();
      }
      const double now = validation(losses(whole(model)));
      out.train_curve.push_back(sum / static_cast<double>(steps_in_epoch));
      out.validation_curve.push_back(now);
      ++since_best;
      if (now < best) {
        best = now;
        kept = model;
        since_best = 0;
      }
      bar.step(fmt::format("validation {:.4f}, best {:.4f}", now, best));
    }
    model = kept;  // early stopping: the parameters that did best on the middle part
  }

  void finish(const Forecaster<Layer>& model, Trained& out) const {
    const Var y = whole(model);
    const Tensor nll = losses(y);
    const Index k = m_.indexes();
    const Tensor mean = mul(y.value().narrow(1, 0, k), exp(mul(after_first(m_.log_ewma), 0.5)));
    const Tensor log_variance = add(y.value().narrow(1, k, k), after_first(m_.log_ewma));
    out.mean = concat(std::vector<Tensor>{Tensor::zeros({1, k}), mean});
    out.log_variance = concat(std::vector<Tensor>{m_.log_ewma.narrow(0, 0, 1), log_variance});
    std::vector<Index> test;
    for (Index t : m_.split.test) test.push_back(t - 1);
    for (Index j = 0; j < k; ++j) {
      out.scores.nll.push_back(mean_over(nll, test, j));
      out.scores.rmse.push_back(rmse_of(m_, j, [&](Index t) { return out.mean.at({t, j}); }));
    }
  }

  const Market& m_;
  const program::Options& o_;
  Tensor x_;
};

// --- the report ---

struct Spread {
  double mean = 0, std = 0;
};
Spread spread_of(const std::vector<double>& values) {
  Spread s;
  for (double v : values) s.mean += v / static_cast<double>(values.size());
  for (double v : values) s.std += (v - s.mean) * (v - s.mean);
  s.std = values.size() > 1 ? std::sqrt(s.std / static_cast<double>(values.size() - 1)) : 0;
  return s;
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

void picture(const Market& m, const Trained& best, const std::string& model,
             const std::string& folder) {
  // Price and band of the first index over the test part; below, how training went.
  std::string band, curve;
  const Index j = 0;
  for (Index t : m.split.test) {
    const double now = m.prices[j][t], mean = best.mean.at({t, j}),
                 deviation = std::exp(0.5 * best.log_variance.at({t, j}));
    band += fmt::format("{} {} {} {}\n", t + 1, m.prices[j][t + 1],
                        now * std::exp(mean - 1.96 * deviation),
                        now * std::exp(mean + 1.96 * deviation));
  }
  for (std::size_t e = 0; e < best.train_curve.size(); ++e)
    curve += fmt::format("{} {} {}\n", e + 1, best.train_curve[e], best.validation_curve[e]);
  std::string script = fmt::format(
      "$band << E\n{}E\n$curve << E\n{}E\nset multiplot\nset grid lc rgb '#dddddd'\nset key top "
      "left\n"
      "set origin 0,0.4\nset size 1,0.6\nset title '{}: price, and where {} put 95 % of "
      "tomorrow'\nset xlabel 'trading day'\n"
      "plot $band using 1:3:4 with filledcurves lc rgb '#9ecae1' title '95 % band', $band using "
      "1:2 with lines lc rgb '#08306b' lw 1.5 title 'price'\n"
      "set origin 0,0\nset size 1,0.4\nset title 'training'\nset xlabel 'epoch'\nset key top "
      "right\n",
      band, curve, m.names[j], model);
  if (!curve.empty())
    script +=
        "plot $curve using 1:2 with lines lw 2 title 'training windows', $curve using 1:3 with "
        "lines lw 2 title 'validation'\n";
  program::draw(folder + "/stock_price.png", script + "unset multiplot\n");
}

}  // namespace

int main(int argc, char** argv) {
  std::string csv = UNROLL_SOURCE_DIR "/data/samples/eustockmarkets.csv", only;
  std::vector<std::string> columns{"DAX", "SMI", "CAC", "FTSE"};
  Index seeds = 3;
  const auto declare = [&](CLI::App& app) {
    app.add_option("--csv", csv, "Daily prices, one column an index, the oldest day first");
    app.add_option("--columns", columns, "Columns of the prices, A,B,...")->delimiter(',');
    app.add_option("--model", only, "One model only: rnn, lstm or gru")
        ->check(CLI::IsMember({"rnn", "lstm", "gru"}));
    app.add_option("--seeds", seeds, "Runs of each model, for mean and spread")
        ->check(CLI::Range(1, 100))
        ->capture_default_str();
  };
  return program::run(
      argc, argv, "stock_price",
      "The distribution of tomorrow's prices, by RNN, LSTM and GRU beside two baselines", declare,
      [&](const program::Options& o, program::Report& report) {
        check((o.save.empty() && o.load.empty()) || !only.empty(),
              "--save and --load need one model: add --model rnn, lstm or gru");
        const Market m = read_market(csv, columns);
        const Index epochs = o.epochs > 0 ? o.epochs : 40;
        fmt::print("{} days of {}: {} train, {} stop early, {} test.\n\n", m.days(),
                   fmt::join(m.names, ", "), m.split.train.size(), m.split.validation.size(),
                   m.split.test.size());
        std::vector<std::pair<std::string, std::vector<Scores>>> table;
        table.push_back({"constant", {baseline(m, false)}});
        table.push_back({"ewma", {baseline(m, true)}});
        std::optional<Trained> shown;
        std::string shown_name;
        const auto run_model = [&]<class Layer>(const std::string& name) {
          if (!only.empty() && only != name) return;
          std::vector<Scores> runs;
          for (Index s = 0; s < (o.load.empty() ? seeds : 1) && !program::interrupted(); ++s) {
            program::Options with_seed = o;
            with_seed.seed = o.seed + static_cast<std::uint64_t>(s);
            Trained trained = Experiment<Layer>(m, with_seed)(name, with_seed.seed, epochs);
            runs.push_back(trained.scores);
            if (s == 0) shown = std::move(trained), shown_name = name;
          }
          if (!runs.empty()) table.push_back({name, runs});
        };
        run_model.operator()<nn::RNN>("rnn");
        run_model.operator()<nn::LSTM>("lstm");
        run_model.operator()<nn::GRU>("gru");

        fmt::print(
            "\nThe last {} days. Negative log-likelihood of the next day's return (lower is "
            "better), and RMSE of the price in points:\n\n",
            m.split.test.size());
        fmt::print("{:<10}", "");
        for (const std::string& name : m.names) fmt::print("{:>18}{:>9}", name + " nll", "rmse");
        fmt::print("\n");
        for (const auto& [name, runs] : table) {
          fmt::print("{:<10}", name);
          for (Index j = 0; j < m.indexes(); ++j) {
            std::vector<double> nll, rmse;
            for (const Scores& s : runs) nll.push_back(s.nll[j]), rmse.push_back(s.rmse[j]);
            const Spread a = spread_of(nll), b = spread_of(rmse);
            fmt::print("{:>18}{:>9.2f}",
                       runs.size() > 1 ? fmt::format("{:.4f} ±{:.4f}", a.mean, a.std)
                                       : fmt::format("{:.4f}", a.mean),
                       b.mean);
            const std::string index = lower(m.names[j]);
            report.add(index + ".nll." + name, a.mean);
            report.add(index + ".rmse." + name, b.mean);
            if (runs.size() > 1) {
              report.add(index + ".nll." + name + ".std", a.std);
              report.add(index + ".rmse." + name + ".std", b.std);
            }
          }
          fmt::print("\n");
        }
        if (shown && !o.pictures.empty()) picture(m, *shown, shown_name, o.pictures);
      });
}
