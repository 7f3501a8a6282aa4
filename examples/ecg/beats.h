// The second job: how unusual is each beat? Its score is the mean negative log-likelihood of its
// samples under the network's forecasts.
#pragma once

#include "examples/common/program.h"
#include "examples/ecg/recording.h"

namespace ecg {

// The samples of a beat, around its R peak.
inline constexpr double kBefore = 0.25, kAfter = 0.4;  // seconds

struct Beat {
  Index peak = 0;                      // sample
  double score = 0;                    // nats per sample
  double rr_before = 0, rr_after = 0;  // seconds to the neighbours; 0 where there is none
};

// The beats at the R peaks of a recording (data::r_peaks), in order of time; nll [T].
std::vector<Beat> beats_of(const Recording& recording, const Values& nll);

// The `most` beats with the highest scores, the highest first.
std::vector<Beat> most_unusual(std::vector<Beat> beats, std::size_t most);

// Prints the ten most unusual beats as a table and draws them (--pictures).
void show_beats(const std::vector<Beat>& beats, const Recording& recording,
                const program::Options& o, program::Report& report);

// --out: time and score of each beat, by a model of this kind.
void write_beats(const std::vector<Beat>& beats, const Recording& recording,
                 const std::string& kind, const program::Options& o);

}  // namespace ecg
