// Reads drawings from files, in one of three forms, which is recognised by the content.
//
// Pairs, as the UCI file pendigits.tra has them: one drawing of one stroke per line, numbers
// separated by commas: x, y, x, y, ..., class. Lines may have different numbers of points. A line
// without a class has an even number of numbers.
//
// UNIPEN, as the UCI file pendigits-orig.tra has it:
//   .SEGMENT DIGIT 0-1 ? "8"     a drawing begins; its class in quotes
//   .COMMENT 8 12 224            class, writer, number of the drawing
//   .PEN_DOWN                    a stroke begins; a line for each point, sampled at equal times
//    267 333
//   .PEN_UP
//   .DT 100                      time until the next stroke; ignored, as other lines with a dot are
//
// Lines of JSON: {"label": "8", "writer": "a", "strokes": [[[x, y], [x, y], ...], ...]}, y upwards,
// or with times [x, y, t]; or as in Quick, Draw!: {"word": "cat", "drawing": [[[x, ...], [y,
// ...]], ...]}, y downwards, or with times in a third list.
#pragma once

#include "examples/strokes/drawing.h"

namespace strokes {

// Reads a file in one of the three forms, compressed by gzip or not. Throws std::runtime_error,
// with file and line, if it is empty or truncated, has another form, a number that is not finite,
// or a drawing whose points are all equal.
Drawings read_drawings(const std::string& path);

// Throws std::runtime_error, with file and line, if a drawing has no label.
void check_labels(const Drawings& drawings, const std::string& path);

// One form each; `path` names the text in errors. read_drawings also checks what they return.
Drawings read_pairs(const std::string& text, const std::string& path);
Drawings read_unipen(const std::string& text, const std::string& path);
Drawings read_json_lines(const std::string& text, const std::string& path);

}  // namespace strokes
