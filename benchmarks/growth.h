#pragma once

namespace bench {

// Prints a table in Markdown of the time and the memory of scans and attention for 1,000 to 64,000
// steps.
void print_growth();

}  // namespace bench
