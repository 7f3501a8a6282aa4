#include "examples/common/report.h"

#include <unroll/tensor/error.h>
#include <unroll/tensor/file.h>
#include <unroll/tensor/json.h>

#include <rapidjson/prettywriter.h>

#include <cmath>

namespace program {

void Report::check_finite() const {
  for (const auto& [name, value] : metrics_)
    unroll::check_io(std::isfinite(value), "{}: a finite number was required: got {}", name, value);
}

void Report::add_all(const std::string& path) {
  unroll::json::Document all;
  all.Parse(unroll::read_file(path).c_str());
  const bool complete = !all.HasParseError() && all.IsObject() && all.HasMember("metrics") &&
                        all["metrics"].IsObject();
  unroll::check_io(complete, "{}: the results of a program were required: got another file", path);
  const unroll::json::Value& metrics = all["metrics"];
  for (const auto& metric : metrics.GetObject()) {
    const std::string name = metric.name.GetString();
    unroll::check_io(metric.value.IsNumber(), "{}: a number was required for {}: got none", path,
                     name);
    add(name, metric.value.GetDouble());
  }
}

void Report::write(const std::string& path, const std::string& program, std::uint64_t seed,
                   int threads) const {
  unroll::json::Text text;
  rapidjson::PrettyWriter<unroll::json::Text, rapidjson::UTF8<>, rapidjson::UTF8<>,
                          unroll::json::Allocator>
      json(text);
  json.SetIndent(' ', 2);
  json.StartObject();
  json.Key("program");
  json.String(program.c_str());
  json.Key("seed");
  json.Uint64(seed);
  json.Key("threads");
  json.Int(threads);
  json.Key("metrics");
  json.StartObject();
  for (const auto& [name, value] : metrics_) {
    json.Key(name.c_str());
    if (!json.Double(value)) json.Null();  // JSON has no NaN and no infinity
  }
  json.EndObject();
  json.EndObject();
  unroll::write_file(path, std::string(text.GetString()) + "\n");
}

}  // namespace program
