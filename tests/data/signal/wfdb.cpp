// WFDB records and annotations, which the tests write themselves.
#include "tests/tensor/scratch.h"

#include <unroll/data/signal/wfdb.h>

#include <cmath>

using namespace unroll;
using namespace unroll::data;

namespace {

std::string word(int value) {
  return {static_cast<char>(value & 0xFF), static_cast<char>(value >> 8 & 0xFF)};
}

// Samples of several signals, one after the other in time, in format 212 or 16.
std::string encoded(const std::vector<int>& samples, int format) {
  std::string out;
  if (format == 16) {
    for (int s : samples) out += word(s);
    return out;
  }
  for (std::size_t i = 0; i < samples.size(); i += 2) {
    const int a = samples[i] & 0xFFF, b = i + 1 < samples.size() ? samples[i + 1] & 0xFFF : 0;
    out += static_cast<char>(a & 0xFF);
    out += static_cast<char>(a >> 8 | b >> 8 << 4);
    if (i + 1 < samples.size()) out += static_cast<char>(b & 0xFF);
  }
  return out;
}

std::string annotation(int code, int low) { return word(code << 10 | low); }

}  // namespace

TEST_CASE("signals are read as they were written, in both formats, with their gain and baseline") {
  Generator g(1);
  const Scratch scratch;
  for (int round = 0; round < 100; ++round) {
    const int format = round % 2 ? 212 : 16, limit = format == 212 ? 2047 : 32767;
    const Index signals = 1 + g.below(3), samples = 1 + g.below(40), skipped = g.below(3) * 8;
    std::vector<int> values;
    std::vector<Index> sums(static_cast<std::size_t>(signals), 0);
    for (Index i = 0; i < signals * samples; ++i) {
      values.push_back(static_cast<int>(g.below(2 * limit) - limit));
      sums[static_cast<std::size_t>(i % signals)] += values.back();
    }
    std::string header =
        fmt::format("# written by a test\r\nr {} 360/360(0) {} 12:00:00\r\n", signals, samples);
    for (Index s = 0; s < signals; ++s)
      header += fmt::format("r.dat {}{} 200(1024)/mV 11 1000 {} {} 0 lead {}\r\n", format,
                            skipped ? fmt::format("+{}", skipped) : "", values[s],
                            static_cast<std::int16_t>(sums[s] & 0xFFFF), s);
    write_file(scratch / "r.hea", header);
    write_file(scratch / "r.dat",
               std::string(static_cast<std::size_t>(skipped), 'x') + encoded(values, format));
    const WFDBRecord record = read_wfdb(scratch / (round % 3 ? "r" : "r.hea"));
    CHECK(record.name == "r");
    CHECK(record.frequency == 360);
    REQUIRE(std::ssize(record.signals) == signals);
    for (Index s = 0; s < signals; ++s) {
      CHECK(record.signals[s].name == "lead " + std::to_string(s));
      CHECK(record.signals[s].unit == "mV");
      REQUIRE(std::ssize(record.signals[s].values) == samples);
      for (Index t = 0; t < samples; ++t)
        CHECK(record.signals[s].values[t] ==
              doctest::Approx((values[t * signals + s] - 1024) / 200.0).epsilon(1e-15));
    }
  }
}

TEST_CASE("what a header leaves out has the format's defaults") {
  const Scratch scratch;
  write_file(scratch / "r.hea", "r 1\nr.dat 16\n");
  write_file(scratch / "r.dat", encoded({100, -200, -32768}, 16));
  const WFDBRecord record = read_wfdb(scratch / "r");
  CHECK(record.frequency == 250);
  CHECK(record.signals[0].values[0] == 0.5);
  CHECK(record.signals[0].values[1] == -1);
  CHECK(std::isnan(record.signals[0].values[2]));  // the mark of a missing sample
  // The baseline is the ADC's zero unless it is given; a gain of 0 means not calibrated.
  write_file(scratch / "r.hea", "r 1 100 3\nr.dat 16 0/uV 12 100\n");
  CHECK(read_wfdb(scratch / "r").signals[0].values[0] == 0);
  CHECK(read_wfdb(scratch / "r").signals[0].unit == "uV");
}

TEST_CASE("headers and signal files that do not fit are refused, with file and line") {
  const Scratch scratch;
  write_file(scratch / "r.dat", encoded({1, 2, 3, 4}, 212));
  const auto said = [&](const std::string& header) {
    write_file(scratch / "r.hea", header);
    return message_of([&] { (void)read_wfdb(scratch / "r"); });
  };
  CHECK(said("r 1 360 4\nr.dat 212 200\n") == "nothing was thrown");
  check_says(said(""), "a line for the record and one for each of its 0 signals were required");
  check_says(said("r 2 360 4\nr.dat 212\n"), "each of its 2 signals were required: got 1");
  check_says(said("r/3 1 360\n"), "r.hea:1: a record of one segment was required");
  check_says(said("r 1 360 4\nr.dat 311\n"), "r.hea:2: signal format 212 or 16 was required");
  check_says(said("r 1 360 4\nr.dat 212x4\n"), "one sample per frame");
  check_says(said("r 1 360 4\nr.dat 212:3\n"), "one sample per frame");
  check_says(said("r 1 -5 4\nr.dat 212\n"), "r.hea:1: a sampling frequency above 0");
  check_says(said("r 1 360 4\nr.dat 212 x\n"), "a gain such as 200(1024)/mV was required");
  check_says(said("r 1 360 4\n../r.dat 212\n"), "a signal file beside the header was required");
  check_says(said("r 1 360 9\nr.dat 212\n"), "r.dat: 9 samples of 1 signals in format 212");
  check_says(said("r 1 360 1\nr.dat 212\n"), "r.dat: 1 samples");
  check_says(said("r 1 360 4\nr.dat 212 200 12 0 1 11\n"), "r.dat: the checksum 11 was required");
  check_says(said("r 1 360 4\nr.dat 212\nr.dat 212\n"), "r.hea:3: the end of the header");
  check_says(said("r 1 360 4\nnone.dat 212\n"), "none.dat");
  check_says(said("r 99999999 360 4\n"), "1 to 1,000 signals were required");
  // Damage to single bytes gives something whole or an error.
  const std::string header = "r 2 360 2\nr.dat 212 200(0)/mV 12 0 1 4 0 I\nr.dat 212\n";
  flips_refused(scratch, header, header.size(), [&](const std::string& path) {
    std::filesystem::copy_file(path, scratch / "r.hea",
                               std::filesystem::copy_options::overwrite_existing);
    try {
      (void)read_wfdb(scratch / "r");
    } catch (const std::runtime_error&) {
    }
  });
}

TEST_CASE("annotations have their times, symbols, channels and texts") {
  Generator g(2);
  const Scratch scratch;
  const std::vector<std::pair<int, std::string>> codes{{1, "N"}, {5, "V"},  {8, "A"},
                                                       {6, "F"}, {12, "/"}, {28, "+"}};
  for (int round = 0; round < 50; ++round) {
    std::vector<Annotation> expected;
    std::string bytes;
    Index time = 0;
    int channel = 0;
    for (Index i = g.below(30); i > 0; --i) {
      Index step = g.below(1024);
      if (g.below(4) == 0) {  // a long interval
        const Index far = g.below(200000);
        bytes += annotation(59, 0) + word(static_cast<int>(far >> 16)) +
                 word(static_cast<int>(far & 0xFFFF));
        time += far;
      }
      time += step;
      const auto& [code, symbol] = codes[static_cast<std::size_t>(g.below(6))];
      bytes += annotation(code, static_cast<int>(step));
      if (g.below(3) == 0) bytes += annotation(61, static_cast<int>(g.below(3)));
      if (g.below(3) == 0) bytes += annotation(60, 1);
      if (g.below(3) == 0) {
        channel = static_cast<int>(g.below(2));
        bytes += annotation(62, channel);
      }
      std::string text;
      if (symbol == "+") {
        text = std::string("(AFIB", static_cast<std::size_t>(1 + g.below(5)));
        bytes += annotation(63, static_cast<int>(text.size())) + text +
                 (text.size() % 2 ? std::string(1, '\0') : "");
      }
      expected.push_back({time, symbol, text, channel});
    }
    write_file(scratch / "r.atr", bytes + word(0));
    const auto found = read_wfdb_annotations(scratch / "r.atr");
    REQUIRE(found.size() == expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      CHECK(found[i].sample == expected[i].sample);
      CHECK(found[i].symbol == expected[i].symbol);
      CHECK(found[i].text == expected[i].text);
      CHECK(found[i].channel == expected[i].channel);
    }
    // Without its end, or any part of it, the file is cut short.
    for (std::size_t cut = 0; round < 3 && cut < bytes.size(); cut += 2) {
      write_file(scratch / "r.atr", bytes.substr(0, cut));
      check_says(message_of([&] { (void)read_wfdb_annotations(scratch / "r.atr"); }), "cut short");
    }
  }
}

TEST_CASE("annotations that cannot be are refused, with the byte") {
  const Scratch scratch;
  const auto said = [&](const std::string& bytes) {
    write_file(scratch / "r.atr", bytes);
    return message_of([&] { (void)read_wfdb_annotations(scratch / "r.atr"); });
  };
  check_says(said(annotation(45, 3) + word(0)), "required at byte 0: got 45");
  check_says(said(annotation(1, 9) + annotation(59, 0) + word(-1) + word(-5) + annotation(1, 0)),
             "times that do not go back were required at byte 8: got sample 4");
  check_says(said(annotation(63, 2) + "ab" + word(0)), "an annotation before byte 0 was required");
  CHECK(said(word(0)) == "nothing was thrown");
}

TEST_CASE("beats have the classes of ANSI/AAMI EC57, and other annotations none") {
  for (const char* symbol : {"N", "L", "R", "e", "j"}) CHECK(aami_class(symbol) == "N");
  for (const char* symbol : {"A", "a", "J", "S"}) CHECK(aami_class(symbol) == "S");
  for (const char* symbol : {"V", "E"}) CHECK(aami_class(symbol) == "V");
  CHECK(aami_class("F") == "F");
  for (const char* symbol : {"/", "f", "Q"}) CHECK(aami_class(symbol) == "Q");
  for (const char* symbol : {"+", "~", "|", "", "NN", "\""}) CHECK(aami_class(symbol).empty());
}
