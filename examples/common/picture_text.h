// Names of any script in pictures.
#pragma once

#include <string>

namespace program {

// The text as it is where some font of this machine has all its letters. Otherwise Hangul is
// written in Latin letters ("jongga" for 종가), and a text with other letters gives `otherwise`.
std::string drawable(const std::string& text, const std::string& otherwise);

// Hangul by the Revised Romanisation of Korean, syllable by syllable; the rest stays.
std::string romanised(const std::string& text);

}  // namespace program
