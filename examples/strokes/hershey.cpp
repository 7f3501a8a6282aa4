#include "examples/strokes/hershey.h"

#include <unroll/tensor/error.h>
#include <unroll/tensor/file.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <numeric>

namespace strokes {
namespace {

using unroll::check_io;

constexpr const char* kLatin[] = {"cursive",   "futural",   "futuram",   "gothgbt", "gothgrt",
                                  "gothiceng", "gothicger", "gothicita", "gothitt", "rowmand",
                                  "rowmans",   "rowmant",   "scriptc",   "scripts", "timesi",
                                  "timesib",   "timesr",    "timesrb"};
constexpr std::size_t kFewestFaces = 3;          // to train, to validate and to test
constexpr char kFirst = ' ';                     // the character of the first glyph
constexpr std::size_t kNumber = 5, kHeader = 8;  // columns

std::vector<Stroke> strokes_of(const std::string& pairs) {
  std::vector<Stroke> out;
  bool up = true;
  for (std::size_t i = 2; i + 1 < pairs.size(); i += 2) {
    if (pairs[i] == ' ' && pairs[i + 1] == 'R') {
      up = true;
      continue;
    }
    if (up) out.emplace_back();
    up = false;
    out.back().push_back(
        {static_cast<double>(pairs[i] - 'R'), static_cast<double>('R' - pairs[i + 1])});
  }
  return out;
}

bool same(const std::vector<Stroke>& a, const std::vector<Stroke>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Stroke& s, const Stroke& t) {
    return std::equal(s.begin(), s.end(), t.begin(), t.end(),
                      [](const Point& p, const Point& q) { return p.x == q.x && p.y == q.y; });
  });
}

bool share_a_glyph(const Face& a, const Face& b) {
  for (const Drawing& g : a.glyphs)
    for (const Drawing& h : b.glyphs)
      if (g.label == h.label && same(g.strokes, h.strokes)) return true;
  return false;
}

// Moves the glyphs that `into` does not have.
void merge(Face& into, const Face& face) {
  for (const Drawing& g : face.glyphs) {
    const bool there = std::any_of(into.glyphs.begin(), into.glyphs.end(), [&](const Drawing& h) {
      return g.label == h.label && same(g.strokes, h.strokes);
    });
    if (!there) into.glyphs.push_back(g);
  }
}

Face read_face(const std::string& path, const std::string& name, const std::string& characters) {
  const auto glyphs = read_jhf(path);
  Face out{name, {}};
  for (const char c : characters) {
    const auto at = static_cast<std::size_t>(c - kFirst);
    check_io(at < glyphs.size() && !glyphs[at].empty(),
             "{}: a glyph for \"{}\" was required: got {} glyphs", path, c, glyphs.size());
    Drawing d{.strokes = glyphs[at], .label = std::string(1, c), .line = static_cast<int>(at) + 1};
    d.glyph = name + " " + d.label;
    check_io(has_extent(d), "{}: a glyph with two different points was required for \"{}\"", path,
             c);
    out.glyphs.push_back(std::move(d));
  }
  return out;
}

}  // namespace

std::vector<std::vector<Stroke>> read_jhf(const std::string& path) {
  const std::string text = unroll::read_file(path);
  std::vector<std::vector<Stroke>> out;
  std::size_t at = 0;
  const auto next_line = [&] {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string line = text.substr(at, end - at);
    at = end + 1;
    if (!line.empty() && line.back() == '\r') line.pop_back();
    return line;
  };
  while (at < text.size()) {
    std::string line = next_line();
    if (line.empty()) continue;
    std::size_t pairs = 0;
    const char* begin = line.data() + std::min(line.find_first_not_of(' ', kNumber), line.size());
    const char* end = line.data() + std::min(line.size(), kHeader);
    const auto [last, error] = std::from_chars(begin, std::max(begin, end), pairs);
    check_io(line.size() >= kHeader && error == std::errc() && last == end && pairs >= 1,
             "{}: glyphs in JHF format were required: got \"{}\"", path, unroll::excerpt(line));
    std::string body = line.substr(kHeader);
    while (body.size() < 2 * pairs && at < text.size()) body += next_line();
    check_io(body.size() >= 2 * pairs,
             "{}: {} pairs were required for glyph {}: got {} before the end of the file", path,
             pairs, out.size() + 1, body.size() / 2);
    out.push_back(strokes_of(body.substr(0, 2 * pairs)));
  }
  return out;
}

std::string characters_of(const std::string& alphabet) {
  std::string digits(10, '0'), lower(26, 'a'), upper(26, 'A');
  for (std::string* range : {&digits, &lower, &upper})
    std::iota(range->begin(), range->end(), (*range)[0]);
  for (const auto& [name, characters] : {std::pair<std::string, std::string>{"digits", digits},
                                         {"lower", lower},
                                         {"upper", upper},
                                         {"letters", lower + upper},
                                         {"all", digits + lower + upper}})
    if (name == alphabet) return characters;
  unroll::fail("characters_of: digits, lower, upper, letters or all was required: got {}",
               alphabet);
}

std::vector<Face> read_faces(const std::string& folder, const std::string& alphabet) {
  const std::string characters = characters_of(alphabet);
  std::vector<Face> out;
  for (const char* name : kLatin) {
    const std::string path = folder + "/" + name + ".jhf";
    if (!std::filesystem::exists(path)) continue;
    Face face = read_face(path, name, characters);
    // It may join faces that were different until now.
    std::vector<Face> apart;
    std::vector<Face> joined;
    for (Face& f : out) (share_a_glyph(f, face) ? joined : apart).push_back(std::move(f));
    for (std::size_t i = 1; i < joined.size(); ++i) merge(joined[0], joined[i]);
    if (!joined.empty()) merge(joined[0], face);
    apart.push_back(joined.empty() ? std::move(face) : std::move(joined[0]));
    out = std::move(apart);
  }
  check_io(out.size() >= kFewestFaces,
           "{}: Hershey fonts (.jhf) with at least {} different faces were required: got {}; "
           "install Debian's hershey-fonts-data, name the folder by --fonts, or train on images "
           "(--task rows) or a file of your own (--data)",
           folder, kFewestFaces, out.size());
  return out;
}

}  // namespace strokes
