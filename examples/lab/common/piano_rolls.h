// Piano rolls: the music data of Boulanger-Lewandowski, Bengio and Vincent 2012, as JSON.
//
//   {"train": [[[60, 64, 67], [60, 65, 69], []], ...], "valid": [...], "test": [...]}
//
// A song is a list of time steps, a step a list of the notes that sound, as MIDI numbers.
#pragma once

#include <unroll/tensor/types.h>

#include <string>
#include <vector>

namespace lab {

using unroll::Index;

inline constexpr Index kLowestNote = 21, kKeys = 88;  // of a piano: 21 to 108

// A song: for each step the keys that sound, each in [0, kKeys).
using Song = std::vector<std::vector<Index>>;

struct PianoRolls {
  std::vector<Song> train, valid, test;
};

// Reads such a file, compressed by gzip or not. Throws std::runtime_error with the file, the song
// and the step if it is not JSON of this form, a part is missing or empty, a song has fewer than
// two steps (one to see and one to predict) or a note is not a whole number from 21 to 108.
PianoRolls read_piano_rolls(const std::string& path);

}  // namespace lab
