// The four shapes of input and output, with untrained models. B sequences, N steps in all.
#include <unroll/unroll.h>

using namespace unroll;

struct Writer {  // reads the id it has written last: a decoder (nn/decode.h)
  nn::Embedding embed{{.vocab = 9, .dim = 4}};
  nn::GRU gru{{.in = 4, .hidden = 8}};
  nn::Linear head{{.in = 8, .out = 9}};
  using State = std::vector<nn::GRU::State>;
  nn::DecoderStep<State> step(const IndexTensor& ids, State state) const {
    const Var h = gru.step(embed(ids), state);
    return {head(h), std::move(state)};
  }
};

int main() {
  const nn::Tokens x = nn::Tokens::from({{1, 2, 3, 4}, {5, 6}});  // B = 2, N = 6
  const nn::Embedding embed({.vocab = 9, .dim = 4});
  const nn::GRU gru({.in = 4, .hidden = 8});
  const nn::Linear head({.in = 8, .out = 3});
  // Many to one: a class for each sequence.
  fmt::print("many to one: {}\n", head(gru(embed(x)).last()).shape());  // [B, 3]
  // Many to many, in step: a class for each step.
  fmt::print("in step: {}\n", head(gru(embed(x)).sequence.rows).shape());  // [N, 3]
  // One to many: from one state, here that of zeros, as many ids as the model writes.
  const Writer writer;
  const auto written =
      nn::greedy(writer, Writer::State(), IndexTensor::of({0}), {.eos = 1, .max_length = 5});
  fmt::print("one to many: {} ids\n", written[0].ids.size());
  // Many to many of another length: encoder, attention, decoder.
  const nn::Seq2Seq<nn::GRUCell> model({.source_vocab = 9,
                                        .target_vocab = 9,
                                        .sos = 0,
                                        .encoder = {.hidden = 8},
                                        .decoder = {.hidden = 8}});
  for (const nn::Decoded& d :
       nn::greedy(model, model.encode(x), model.first(2), {.eos = 1, .max_length = 5}))
    fmt::print("another length: {} ids\n", d.ids.size());
}
