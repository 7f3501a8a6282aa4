#include "examples/lab/common/piano_rolls.h"

#include "examples/common/text_file.h"

#include <unroll/tensor/error.h>
#include <unroll/tensor/json.h>

#include <rapidjson/error/en.h>

#include <cmath>

namespace lab {
namespace {

using unroll::check_io;
using unroll::json::Value;

const char* kind_of(const Value& value) {
  return value.IsArray()    ? "a list"
         : value.IsObject() ? "an object"
         : value.IsString() ? "a text"
         : value.IsNumber() ? "a number"
                            : "another value";
}

Index key_of(const Value& note, const std::string& where) {
  check_io(note.IsNumber(), "{}: a list of MIDI notes was required: got {} in it", where,
           kind_of(note));
  const double number = note.GetDouble();
  check_io(number == std::floor(number) && number >= kLowestNote &&
               number < static_cast<double>(kLowestNote + kKeys),
           "{}: a whole MIDI note from {} to {} was required: got {}", where, kLowestNote,
           kLowestNote + kKeys - 1, number);
  return static_cast<Index>(number) - kLowestNote;
}

Song song_of(const Value& song, const std::string& where) {
  check_io(song.IsArray(), "{}: a list of steps was required: got {}", where, kind_of(song));
  check_io(song.Size() >= 2,
           "{}: at least 2 steps, one to see and one to predict, were required: got {}", where,
           song.Size());
  Song out;
  for (const Value& step : song.GetArray()) {
    const std::string here = fmt::format("{}, step {}", where, out.size() + 1);
    check_io(step.IsArray(), "{}: a list of MIDI notes was required: got {}", here, kind_of(step));
    out.emplace_back();
    for (const Value& note : step.GetArray()) out.back().push_back(key_of(note, here));
  }
  return out;
}

std::vector<Song> part_of(const unroll::json::Document& all, const char* name,
                          const std::string& path) {
  const auto part = all.FindMember(name);
  check_io(part != all.MemberEnd(),
           "{}: the parts \"train\", \"valid\" and \"test\" were required: got no \"{}\"", path,
           name);
  check_io(part->value.IsArray() && !part->value.Empty(),
           "{}: a list of songs was required as \"{}\": got {}", path, name,
           part->value.IsArray() ? "an empty one" : kind_of(part->value));
  std::vector<Song> out;
  for (const Value& song : part->value.GetArray())
    out.push_back(song_of(song, fmt::format("{}: {}, song {}", path, name, out.size() + 1)));
  return out;
}

}  // namespace

PianoRolls read_piano_rolls(const std::string& path) {
  const std::string text = program::read_utf8_file(path);
  unroll::json::Document all;
  all.Parse<rapidjson::kParseIterativeFlag>(text.data(), text.size());
  check_io(!all.HasParseError(), "{}: JSON was required: at byte {}: {}", path,
           all.GetErrorOffset(), rapidjson::GetParseError_En(all.GetParseError()));
  check_io(all.IsObject(),
           "{}: a JSON object with \"train\", \"valid\" and \"test\" was required: "
           "got {}",
           path, kind_of(all));
  return {part_of(all, "train", path), part_of(all, "valid", path), part_of(all, "test", path)};
}

}  // namespace lab
