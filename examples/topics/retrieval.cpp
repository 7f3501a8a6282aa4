#include "examples/topics/retrieval.h"

#include "examples/common/program.h"
#include "examples/common/terminal.h"

#include <unroll/tensor/matmul.h>

#include <algorithm>
#include <cmath>

namespace topics {
namespace {

constexpr Index kShown = 5;

// The embeddings of texts, each scaled to length 1; [N, H].
Tensor embeddings(const EmbeddingBagModel& model, const Lists& lists) {
  constexpr std::size_t kBatch = 1024;
  std::vector<Tensor> parts;
  for (std::size_t at = 0; at < lists.size(); at += kBatch) {
    const Lists batch(
        lists.begin() + static_cast<std::ptrdiff_t>(at),
        lists.begin() + static_cast<std::ptrdiff_t>(std::min(lists.size(), at + kBatch)));
    const Tensor e = model.embedding(batch).value();
    const Tensor length = norm(e, 1, {.keepdim = true});  // [N, 1]
    parts.push_back(e / (length + equal(length, 0)));     // an empty text stays 0
  }
  return unroll::concat(parts);
}

void print_nearest(const std::string& title, const Tensor& similarity, const Glosses& glosses) {
  const unroll::Sorted best = unroll::topk(similarity.flatten(), std::min(kShown, glosses.size()));
  program::say("\n{}\n", title);
  for (Index i = 0; i < best.values.numel(); ++i) {
    const auto at = static_cast<std::size_t>(best.indices[i]);
    program::say("  {:.3f}  {:14}{:18}{}\n", best.values.at({i}), glosses.classes[at],
                 glosses.words[at], glosses.texts[at]);
  }
}

}  // namespace

void answer(const std::string& query, const Glosses& glosses, const EmbeddingBagModel& model,
            const Encoder& encoder) {
  const Encoder words(glosses.texts, Features::words);
  const Lists all = words(glosses.texts);
  const SparseRows counts = data::bag_of_words(all, words.size());
  const data::TfIdf tf_idf(counts);
  const Lists asked{words(query)};
  program::say("\nThe glosses nearest to \"{}\"\n", query);
  if (asked[0].empty()) {
    program::say("No word of it is in any gloss.\n");
  } else {
    const Tensor q = tf_idf(data::bag_of_words(asked, words.size())).dense();  // [1, V]
    print_nearest("by shared words (cosine of tf-idf):", matmul(tf_idf(counts), q.transpose()),
                  glosses);
  }
  const Lists known{encoder(query)};
  if (known[0].empty()) {
    program::say("\nby embedding: the model knows no word of it.\n");
    return;
  }
  const Tensor e = embeddings(model, encoder(glosses.texts)), q = embeddings(model, known);
  print_nearest("by embedding (cosine):", unroll::matmul(e, q.transpose()), glosses);
}

}  // namespace topics
