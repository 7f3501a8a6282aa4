// Joins what the experiments left in a folder (NAME.html, NAME.json, NAME.log) into one page,
// index.html, and one file of results, lab.json. An experiment without both files has failed.
#include "examples/common/command_line.h"
#include "examples/lab/common/html.h"

#include <unroll/tensor/error.h>
#include <unroll/tensor/file.h>
#include <unroll/tensor/json.h>

#include <fmt/format.h>

#include <filesystem>

namespace {

namespace fs = std::filesystem;

// The last lines of a text.
std::string tail(const std::string& text, int lines = 12) {
  std::size_t at = text.size();
  while (lines-- > 0 && at != std::string::npos && at > 0) at = text.rfind('\n', at - 1);
  return at == std::string::npos ? text : text.substr(at);
}

}  // namespace

int main(int argc, char** argv) {
  std::string folder;
  std::vector<std::string> names;
  return program::run(
      argc, argv,
      {.name = "page",
       .description = "Joins the results of experiments into one page.",
       .takes = {.model = false}},
      [&](CLI::App& app) {
        app.add_option("folder", folder, "Where the experiments left their results")->required();
        app.add_option("experiments", names, "Their names")->required();
      },
      [&](const program::Options& o, program::Report& report) {
        o.prepare();
        std::vector<std::string> sections;
        std::vector<lab::html::Failure> failures;
        for (const std::string& name : names) {
          const std::string path = folder + "/" + name;
          if (!fs::exists(path + ".html") || !fs::exists(path + ".json")) {
            failures.push_back(
                {name, fs::exists(path + ".log") ? tail(unroll::read_file(path + ".log")) : ""});
            continue;
          }
          sections.push_back(unroll::read_file(path + ".html"));
          report.add_all(path + ".json");
        }
        unroll::write_file(folder + "/index.html", lab::html::page(sections, failures));
        report.write(folder + "/lab.json", "lab", o.seed, o.threads);
      });
}
