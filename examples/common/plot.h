// Builds pictures from data: a Figure of one or more Panels, drawn by gnuplot.
//
//   program::Panel panel;
//   panel.title = "loss";
//   panel.x.label = "epoch";
//   panel.line(epochs, losses, {.title = "training", .colour = program::kBlue});
//   program::Figure().add(panel).draw(o.picture);
//
// NaN is a missing value and leaves a gap. Texts may be in any script (see picture_text.h); margins
// are made for their estimated size.
#pragma once

#include "examples/common/picture.h"

#include <cmath>
#include <string>
#include <utility>
#include <vector>

namespace program {

inline constexpr const char* kBlue = "#08306b";
inline constexpr const char* kLightBlue = "#9ecae1";
inline constexpr const char* kOrange = "#e6550d";
inline constexpr const char* kGreen = "#31a354";
inline constexpr const char* kGrey = "#737373";

struct Axis {
  std::string label;
  double low = std::nan(""), high = std::nan("");  // NaN: from the data
  std::string format = "%g";                       // of the numbers; "": none are shown
  bool logarithmic = false;
  // Positions and texts of the labels; empty: round numbers.
  std::vector<std::pair<double, std::string>> tics = {};
};

struct Style {
  std::string title = {};  // in the legend; empty: none
  std::string colour = kBlue;
  double width = 1.5;        // of a line
  double size = 0.8;         // of a point
  bool second_axis = false;  // measured on y2, on the right
};

struct TextStyle {
  std::string colour = "#000000";
  int size = 10;
  bool bold = false;
};

using Numbers = std::vector<double>;

// One diagram. Later additions are drawn over earlier ones. The vectors of a call must have equal
// lengths.
class Panel {
 public:
  std::string title;
  Axis x, y, y2;

  Panel& line(const Numbers& xs, const Numbers& ys, const Style& style = {});
  Panel& points(const Numbers& xs, const Numbers& ys, const Style& style = {});
  Panel& line_points(const Numbers& xs, const Numbers& ys, const Style& style = {});
  Panel& impulses(const Numbers& xs, const Numbers& ys, const Style& style = {});
  Panel& boxes(const Numbers& xs, const Numbers& ys, double width, const Style& style = {});
  Panel& band(const Numbers& xs, const Numbers& lows, const Numbers& highs,
              const Style& style = {.colour = kLightBlue});
  // Vertical bars from lows to highs.
  Panel& range(const Numbers& xs, const Numbers& lows, const Numbers& highs,
               const Style& style = {});
  Panel& text(double at_x, double at_y, const std::string& text, const TextStyle& style = {});
  Panel& vertical(double at_x);  // a dotted line from bottom to top
  // A matrix as shades, from white for its smallest value: rows downwards, columns to the right,
  // with a label each (an attention matrix: one for each output and input).
  Panel& heat(const std::vector<Numbers>& rows, const std::vector<std::string>& row_labels,
              const std::vector<std::string>& column_labels);

 private:
  friend class Figure;
  struct Layer {
    std::string with;  // gnuplot's name of the kind
    std::vector<Numbers> columns;
    Style style;
  };
  Panel& add(const std::string& with, std::vector<Numbers> columns, const Style& style);
  bool has_second_axis() const;
  bool has_data() const;  // at least one point
  bool is_heat() const { return !layers_.empty() && layers_[0].with == "image"; }

  std::vector<Layer> layers_;
  std::vector<std::string> texts_;  // gnuplot's commands
  double box_width_ = 1;
};

class Figure {
 public:
  std::string title;
  int columns = 1;                             // panels beside each other
  int panel_width = 1000, panel_height = 300;  // pixels, with labels and margins

  Figure& add(const Panel& panel);
  // PNG, or SVG if the name ends in .svg. Prints the path; does nothing if gnuplot is not
  // installed. Throws std::runtime_error if gnuplot fails.
  void draw(const std::string& path) const;
  std::string script() const;  // for gnuplot

 private:
  struct Box {
    double left, right, bottom, top;  // parts of the picture
  };
  struct Legend {
    std::string script;
    int rows = 0;
  };
  int width() const;
  int height() const;
  double above() const;  // pixels for the title and the legend
  Legend legend() const;
  std::string panel_script(const Panel& panel, std::size_t number, const Box& box) const;
  Box box_of(std::size_t number) const;

  std::vector<Panel> panels_;
};

}  // namespace program
