#include "examples/strokes/lines.h"
#include "examples/strokes/read.h"

#include <rapidjson/document.h>

namespace strokes {
namespace {

using rapidjson::Value;
using unroll::check_io;

// Reads the drawing of one line.
class Reader {
 public:
  Reader(const std::string& path, int line) : path_(path), line_(line) {}

  Drawing read(const Value& json) {
    Drawing out{.line = line_};
    const bool quick = json.HasMember("drawing");
    out.label = text_in(json, quick ? "word" : "label");
    out.writer = text_in(json, "writer");
    const char* name = quick ? "drawing" : "strokes";
    check_io(json.HasMember(name) && json[name].IsArray(),
             "{}:{}: \"strokes\": [[[x, y], ...], ...] or \"drawing\": [[[x, ...], [y, ...]], ...] "
             "was required: got neither",
             path_, line_);
    for (const Value& stroke : json[name].GetArray()) {
      check_io(stroke.IsArray() && !stroke.Empty(),
               "{}:{}: a list of points was required for a stroke: got another value", path_,
               line_);
      quick ? add_columns(stroke, out) : add_points(stroke, out);
    }
    out.timed = times_ > 0;
    check_io(times_ == 0 || times_ == points_,
             "{}:{}: times for all points or for none were required: got {} of {}", path_, line_,
             times_, points_);
    return out;
  }

 private:
  // A text or a number, as text; empty if it is missing or null.
  std::string text_in(const Value& json, const char* key) const {
    const auto at = json.FindMember(key);
    if (at == json.MemberEnd() || at->value.IsNull()) return {};
    if (at->value.IsInt64()) return std::to_string(at->value.GetInt64());
    check_io(at->value.IsString(),
             "{}:{}: a text or a whole number was required for \"{}\": got another value", path_,
             line_, key);
    std::string text(at->value.GetString(), at->value.GetStringLength());
    // A model's file has the names of its classes one per line.
    check_io(text.find_first_of("\r\n") == std::string::npos,
             "{}:{}: a text of one line was required for \"{}\": got \"{}\"", path_, line_, key,
             unroll::excerpt(text));
    return text;
  }
  double number(const Value& value, double most = 1e9) const {
    check_io(value.IsNumber() && std::abs(value.GetDouble()) <= most,
             "{}:{}: a number from {} to {} was required: got another value", path_, line_, -most,
             most);
    return value.GetDouble();
  }
  double time(const Value& value) {
    ++times_;
    return number(value, 1e15);  // it may be in milliseconds since 1970
  }
  void add_points(const Value& stroke, Drawing& out) {
    out.strokes.emplace_back();
    for (const Value& point : stroke.GetArray()) {
      check_io(point.IsArray() && (point.Size() == 2 || point.Size() == 3),
               "{}:{}: points [x, y] or [x, y, t] were required: got another value", path_, line_);
      out.strokes.back().push_back({number(point[0]), number(point[1])});
      if (point.Size() == 3) out.strokes.back().back().t = time(point[2]);
      ++points_;
    }
  }
  void add_columns(const Value& stroke, Drawing& out) {
    check_io(stroke.Size() == 2 || stroke.Size() == 3,
             "{}:{}: lists of x, of y and perhaps of times were required for a stroke: got {} "
             "lists",
             path_, line_, stroke.Size());
    for (const Value& column : stroke.GetArray())
      check_io(column.IsArray() && !column.Empty() &&
                   (!stroke[0].IsArray() || column.Size() == stroke[0].Size()),
               "{}:{}: lists of equal length were required for a stroke: got others", path_, line_);
    out.strokes.emplace_back();
    for (rapidjson::SizeType i = 0; i < stroke[0].Size(); ++i) {
      out.strokes.back().push_back({number(stroke[0][i]), -number(stroke[1][i])});
      if (stroke.Size() == 3) out.strokes.back().back().t = time(stroke[2][i]);
      ++points_;
    }
  }

  const std::string& path_;
  int line_;
  std::size_t points_ = 0, times_ = 0;
};

}  // namespace

Drawings read_json_lines(const std::string& text, const std::string& path) {
  Drawings out;
  for_each_line(text, [&](std::string_view line, int number) {
    if (line.empty()) return;
    rapidjson::Document json;
    // Iterative: deep nesting does not fill the stack.
    json.Parse<rapidjson::kParseIterativeFlag | rapidjson::kParseFullPrecisionFlag>(line.data(),
                                                                                    line.size());
    check_io(!json.HasParseError() && json.IsObject(),
             "{}:{}: a line of JSON, {{...}}, was required: got \"{}\"", path, number,
             unroll::excerpt(line));
    out.push_back(Reader(path, number).read(json));
  });
  return out;
}

}  // namespace strokes
