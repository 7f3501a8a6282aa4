#include <unroll/tensor/kernels/dispatch.h>

#include <mutex>
#include <vector>

namespace unroll::kernels {
namespace {

std::mutex g_mutex;
std::vector<Choice*>& made() {  // never destroyed: kernels may run while statics are destroyed
  static auto* choices = new std::vector<Choice*>;
  return *choices;
}

}  // namespace

void remember(Choice& choice, const void* tables) {
  const std::lock_guard lock(g_mutex);
  made().push_back(&choice);
  choice.store(tables, std::memory_order_relaxed);
}

void choose_again() {
  const std::lock_guard lock(g_mutex);
  for (Choice* choice : made()) choice->store(nullptr, std::memory_order_relaxed);
  made().clear();
}

}  // namespace unroll::kernels
