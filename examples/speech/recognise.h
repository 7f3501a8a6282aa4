// Recognises the words of a recording as it comes, in bounded memory.
#pragma once

#include "examples/speech/decode.h"
#include "examples/speech/endpoints.h"

#include <deque>
#include <functional>

namespace speech {

struct Utterance {
  Segment segment;  // frames, counted from kLead samples before the recording
  Heard heard;
  Frames frames;  // of the segment
  Tensor logits;  // [T - kDelay, V]
  // Seconds from the beginning of the recording to that of the speech.
  double begin() const { return static_cast<double>(segment.begin) / kFramesPerSecond; }
};

// A model in one direction makes its steps while the word is spoken; one in both directions waits
// for its end. The words do not depend on how the samples are cut into calls.
class Recogniser {
 public:
  using Use = std::function<void(const Utterance&)>;
  Recogniser(const Model& model, const Decoder& decoder, Use use);
  void push(std::span<const float> samples);  // calls use() for each word that ends within them
  void end();                                 // the last word

 private:
  void take(const Frame& frame);
  void read();  // the model's steps for the frames of the segment that it has not read

  const Model& model_;
  const Decoder& decoder_;
  Use use_;
  bool as_it_comes_;
  LogMel mel_;
  Endpoints endpoints_;
  std::deque<Frame> frames_;  // the last kBefore, or from the beginning of the segment
  Index time_ = 0;            // frames so far
  Index read_ = 0;            // frames of the segment that the model has read
  program::SequenceModel::State state_;
  std::vector<Tensor> logits_;
};

void recognise(Recording recording, const Model& model, const Decoder& decoder,
               const Recogniser::Use& use);

}  // namespace speech
