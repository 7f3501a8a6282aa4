// The picture of the most unusual beats.
#pragma once

#include "examples/ecg/beats.h"

namespace ecg {

// The first minutes of the recording, one panel each, in which the unusual beats are marked by
// their rank; and all unusual beats over the median beat.
void draw(const std::vector<Beat>& beats, const std::vector<Beat>& unusual,
          const Recording& recording, const std::string& path);

}  // namespace ecg
