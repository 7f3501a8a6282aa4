// The glosses nearest to a query.
#pragma once

#include "examples/topics/glosses.h"
#include "examples/topics/models.h"

namespace topics {

// Prints the nearest glosses twice: by the words that they share with the query (cosine of tf-idf),
// and by the cosine of the embeddings that the trained model gives them.
void answer(const std::string& query, const Glosses& glosses, const Bag& model,
            const Encoder& encoder);

}  // namespace topics
