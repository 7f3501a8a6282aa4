#include "examples/strokes/lines.h"
#include "examples/strokes/read.h"

namespace strokes {

Drawings read_pairs(const std::string& text, const std::string& path) {
  Drawings out;
  for_each_line(text, [&](std::string_view line, int number) {
    if (line.empty()) return;
    std::vector<std::string_view> fields;
    for (std::size_t at = 0; at <= line.size();) {
      const std::size_t end = std::min(line.find(',', at), line.size());
      fields.push_back(trimmed(line.substr(at, end - at)));
      at = end + 1;
    }
    Drawing d{.strokes = {{}}, .line = number};
    if (fields.size() % 2 == 1) {
      d.label = fields.back();
      unroll::check_io(!d.label.empty(), "{}:{}: a class at the end was required: got none", path,
                       number);
      fields.pop_back();
    }
    for (std::size_t i = 0; i + 1 < fields.size(); i += 2)
      d.strokes[0].push_back(
          {number_in(fields[i], path, number), number_in(fields[i + 1], path, number)});
    unroll::check_io(!d.strokes[0].empty(),
                     "{}:{}: pairs of numbers separated by commas were required: got \"{}\"", path,
                     number, unroll::excerpt(line));
    out.push_back(std::move(d));
  });
  return out;
}

}  // namespace strokes
