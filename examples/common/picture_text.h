// Makes names in any script drawable in pictures.
#pragma once

#include <string>

namespace program {

// The text itself if the fonts on this machine have all its letters. Otherwise Hangul is romanised
// ("jongga" for 종가), and a text with other letters is replaced by `otherwise`.
std::string drawable(const std::string& text, const std::string& otherwise);

// Hangul in the Revised Romanisation of Korean, syllable by syllable; other text is unchanged.
std::string romanised(const std::string& text);

}  // namespace program
