// The glosses nearest to a query.
#pragma once

#include "examples/topics/glosses.h"
#include "examples/topics/models.h"

namespace topics {

// Prints the nearest glosses by the cosine of tf-idf (shared words), and by the cosine of the
// trained model's embeddings.
void answer(const std::string& query, const Glosses& glosses, const EmbeddingBagModel& model,
            const Encoder& encoder);

}  // namespace topics
